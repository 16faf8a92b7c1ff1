# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of SMOT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mot_ros.tracking.config.presets import PUBLISHED
from mot_ros.tracking.config.schema import Changes, Presets, setting
from mot_ros.tracking.errors import ConfigError

SMOT_PAPER: Changes = {
    'smot.new_track_thresh': 0.9, 'smot.keep': 0.4, 'smot.resume': 0.4, 'smot.anchors': 10,
    'smot.nms_iou': 0.6, 'smot.motion': 'farneback', 'smot.search': 0.0, 'smot.link': False,
}
"""What preset `paper` changes: the article's thresholds and flow; it links no people."""
SMOT_LINKED: Changes = {
    **PUBLISHED, **SMOT_PAPER, 'smot.link': True, 'smot.link_distance': 0.97,
    'smot.link_speed': 0.0,
}
"""What preset `paper-linked` changes: the rows with the linker, which the article has of faces."""
SMOT_CODE: Changes = {
    'smot.new_track_thresh': 0.5, 'smot.keep': 0.1, 'smot.resume': 0.1, 'smot.anchors': 10,
    'smot.motion': 'farneback', 'smot.search': 0.0, 'smot.link': False,
}
"""What preset `code` changes: the defaults of the class in GluonCV, which has no linker."""


@dataclass(frozen=True)
class SmotSettings:
    """SMOT (arXiv 2010.16031): the detector's own anchors find every track again."""

    presets: ClassVar[Presets] = {
        # a smaller input gives lower scores
        'fast': {'smot.new_track_thresh': 0.6},
        'paper': SMOT_PAPER, 'code': SMOT_CODE, 'paper-linked': SMOT_LINKED}

    new_track_thresh: float = setting(
        0.7, 'a detection that no track stands for starts one from this score on (sigma_det); '
        'what a score is worth depends on the detector', minimum=0.0, maximum=1.0)
    keep: float = setting(
        0.3, 'a track goes on while the anchors see it with this score (sigma_active)',
        minimum=0.0, maximum=1.0)
    anchors: int = setting(
        3, 'anchors per track (K), weighed by how much they overlap it', minimum=1, maximum=100)
    anchor_iou: float = setting(
        0.1, 'a track that no anchor overlaps this much is not seen', minimum=0.0, maximum=1.0)
    nms_iou: float = setting(
        0.5, 'of two tracks of a class that overlap more than this the weaker is not seen',
        minimum=0.0, maximum=1.0)
    suppress_iou: float = setting(
        0.3, 'a detection that overlaps a track of its class more than this starts none',
        minimum=0.0, maximum=1.0)
    motion: str = setting(
        'velocity', 'how boxes move to the next frame before they are looked for: not at all '
        "('none'), by the flow inside them, Farneback's or DIS, at the speed they had "
        "('velocity'), or as the whole image does ('camera', see camera_motion)",
        choices=('none', 'farneback', 'dis', 'velocity', 'camera'))
    flow_size: int = setting(
        256, 'flow is worked out on an image whose longer side has so many pixels', 'px',
        minimum=32, maximum=4096)
    flow_reduction: str = setting(
        'mean', 'what of the flow inside a box moves it', choices=('mean', 'median'))
    search: float = setting(
        1.0, 'how long a track that is not seen is looked for where it was; 0: not at all', 's',
        minimum=0.0, maximum=3600.0)
    resume: float = setting(
        0.3, 'such a track goes on from this score on; at least keep', minimum=0.0, maximum=1.0)
    link: bool = setting(
        True, 'a new track that looks like one that ended takes its id (see appearance)')
    link_distance: float = setting(
        0.75, 'largest distance between looks of unit length that are taken for the same; .75 '
        'suits colours, the paper has .97 for faces',
        minimum=0.0, maximum=2.0)
    link_speed: float = setting(
        2.0, 'how fast it may have gone on out of sight, in heights of its box per second; 0: '
        'any speed', '1/s', minimum=0.0, maximum=1000.0)
    link_memory: float = setting(
        10.0, 'how long the looks of an ended track are remembered', 's', minimum=0.0,
        maximum=86400.0)
    link_most: int = setting(
        100, 'most ended tracks that are remembered', minimum=1, maximum=10000)
    embed_every: int = setting(
        5, 'looks are told when a track begins and then in one frame of so many', 'frames',
        minimum=1, maximum=10000)
    class_aware: bool = setting(True, 'only boxes of one class suppress each other')

    def check(self, name: str) -> None:
        """Raise ConfigError if thresholds contradict each other; `name` is that of the group."""
        if self.resume < self.keep:
            raise ConfigError(
                f'{name}.resume is {self.resume} and {name}.keep {self.keep}; a track that may '
                'come back must be allowed to go on: resume must be at least keep')
