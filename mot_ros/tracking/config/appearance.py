# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What methods take from the image beside detections: looks, and the motion of the camera."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.reasons import EMBEDDER
from mot_ros.tracking.config.schema import setting


@dataclass(frozen=True)
class AppearanceSettings:
    """What tracks look like, for the methods that compare it."""

    type: str = setting(
        'auto', "re-ID embedding of a box: 'colour', a histogram of its colours; 'slm', a trained "
        "network; 'both'; 'none', so that smiletrack, deepsort and botsort do without images; "
        "'auto': none for the boxes of detector.type external, else colour",
        choices=('auto', 'colour', 'slm', 'both', 'none'), fixed=EMBEDDER)
    weights: str = setting(
        'slm-small', 'types slm and both: name in the weights manifest, or path of a '
        '.safetensors, .pt or .pth file; its tensors tell which SLM it is of', fixed=EMBEDDER)
    share: float = setting(
        0.5, 'type both: how much of a cosine is that of SLM, the rest is that of colours',
        minimum=0.0, maximum=1.0, fixed=EMBEDDER)
    momentum: float = setting(
        0.9, 'how much of the mean embedding of a track stays when it is seen again',
        minimum=0.0, maximum=0.999)


@dataclass(frozen=True)
class CameraMotionSettings:
    """How the motion of the camera is taken out of that of the tracks."""

    mode: str = setting(
        'auto', "for methods that ask for it; 'auto': where there are images and the camera is "
        "seen to move, which costs next to nothing where it stands; 'on': always; 'off': never",
        choices=('auto', 'on', 'off'))
    method: str = setting(
        'flow', 'corners that are followed (shift, turn, zoom), or correlation of the whole '
        'image (shift, turn; slower, and misled by what moves)', choices=('flow', 'ecc'))
    width: int = setting(
        480, 'the image is halved until it is no wider than this', 'px', minimum=64,
        maximum=4096)
    corners: int = setting(400, 'most corners followed', minimum=30, maximum=5000)
    mix_sizes: bool = setting(
        False, 'let a turn mix width and height, as the published BoT-SORT and SMILEtrack do')
