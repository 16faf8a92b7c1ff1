# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of Faster R-CNN, the detector inside SiamMOT and Tracktor."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.reasons import NETWORK
from mot_ros.tracking.config.schema import setting


@dataclass(frozen=True)
class RcnnSettings:
    """Faster R-CNN on a feature pyramid, as SiamMOT has it (arXiv 2105.11595)."""

    weights: str = setting(
        'siammot-small', 'name in the weights manifest, or path of a .safetensors file or of a '
        'checkpoint of the published code; body, classes and motion model follow from what is '
        'in it',
        fixed=NETWORK)
    short_side: int = setting(
        576, 'the shorter side of the image is resized to this, and both sides are then cut to '
        'multiples of 32', 'px', minimum=32, maximum=4096)
    long_side: int = setting(
        1024, 'but the longer side to no more than this', 'px', minimum=32, maximum=4096)
    per_level: int = setting(
        1000, 'best anchors of each level of the pyramid that become proposals', minimum=1,
        maximum=10000)
    proposals: int = setting(
        300, 'proposals per image that the box head looks at', minimum=1, maximum=2000)
    proposal_overlap: float = setting(
        0.7, 'of two proposals of a level with a larger IoU the weaker goes', minimum=0.0,
        maximum=1.0)
    score_floor: float = setting(
        0.05, 'detections with no higher score are not looked at', minimum=0.0, maximum=1.0)
    nms_iou: float = setting(
        0.5, 'of two detections of a class with a larger IoU the weaker goes', minimum=0.0,
        maximum=1.0)
    max_detections: int = setting(
        100, 'most detections kept per image; the published code names this number and does not '
        'apply it', minimum=1, maximum=10000)
    amodal: bool = setting(
        False, 'boxes may reach over the border of the image, where the network was trained with '
        'such boxes')
