# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of SiamMOT, and of Tracktor, which shares its detector and solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mot_ros.tracking.config.schema import Changes, Presets, setting
from mot_ros.tracking.errors import ConfigError

DETECTIONS = ('given', 'kept', 'own')

_PLAIN: Changes = {
    'rcnn.short_side': 800, 'rcnn.long_side': 1280,
    'siammot.alpha': 0.4, 'siammot.beta': 0.6, 'siammot.resume': 0.4,
    'siammot.dormant_time': 0.0, 'siammot.reactivation_distance': 0.0,
    'siammot.class_aware': False, 'siammot.velocity': False, 'siammot.camera': False,
    # Tracktor's own thresholds
    'tracktor.alpha': 0.5, 'tracktor.beta': 0.5, 'tracktor.overlap': 0.3,
    'tracktor.track_overlap': 0.6, 'tracktor.suppress': 'apart', 'tracktor.class_aware': False,
    'tracktor.motion': 'camera',
}
SIAMMOT_PAPER: Changes = {
    **_PLAIN, 'siammot.suppress': 'apart', 'siammot.decide': 'visibility',
    'siammot.ranking': 'paper',
}
"""What preset `paper` changes: what the papers say, and nothing of ours."""
SIAMMOT_CODE: Changes = {
    **_PLAIN, 'siammot.suppress': 'joint', 'siammot.decide': 'mean', 'siammot.ranking': 'code',
    # the published code names 100 and does not apply it
    'rcnn.max_detections': 10000,
}
"""What preset `code` changes: what the published codes do, with the TAO configuration."""
_TABLE_1: Changes = {
    **SIAMMOT_CODE, 'siammot.tau': 1,
    'tracktor.alpha': 0.4, 'tracktor.beta': 0.6, 'tracktor.overlap': 0.5,
    'tracktor.track_overlap': 0.5, 'tracktor.suppress': 'joint', 'tracktor.motion': 'none',
}
SIAMMOT_PRESETS: Presets = {
    'code-tao': SIAMMOT_CODE,
    'code-mot17': {**SIAMMOT_CODE, 'rcnn.long_side': 1500, 'rcnn.amodal': True},
    # table 1: one solver for all rows
    'code-ablation': _TABLE_1,
    'crp': {**_TABLE_1, 'rcnn.amodal': True, 'siammot.window': 0.1},
    'aot': {
        **SIAMMOT_CODE, 'rcnn.short_side': 2048, 'rcnn.long_side': 2480, 'siammot.alpha': 0.6,
        # with tau 1 nothing is ever resumed; published is .4
        'siammot.resume': 0.6, 'siammot.beta': 0.95, 'siammot.tau': 1,
        'siammot.template_cells': 7, 'siammot.search': 5.0, 'siammot.window': 0.1,
        'siammot.centerness': False,
    },
}
"""Presets of SiamMOT alone: the published configurations, and the tables of the paper."""


@dataclass(frozen=True)
class SiamMotSettings:
    """SiamMOT (arXiv 2105.11595): a Siamese network finds every track again, frame by frame."""

    presets: ClassVar[Presets] = {
        'paper': SIAMMOT_PAPER, 'code': SIAMMOT_CODE, **SIAMMOT_PRESETS}
    """Those of Tracktor too, since the published configurations are of both."""

    alpha: float = setting(
        0.6, 'a track that is found with this score or a better one goes on',
        minimum=0.0, maximum=1.0)
    beta: float = setting(
        0.95, 'a detection that no track suppresses starts one from this score on',
        minimum=0.0, maximum=1.0)
    resume: float = setting(
        0.7, 'a dormant track that is found with this score or a better one goes on; at least '
        'alpha', minimum=0.0, maximum=1.0)
    tau: int = setting(
        30, 'a track dies after so many processed frames in a row without being found; 1: in the '
        'first of them', 'frames', minimum=1, maximum=100000)
    dormant_time: float = setting(
        2.0, 'it dies after this long without being found instead; 0: tau counts', 's',
        minimum=0.0, maximum=3600.0)
    reactivation_distance: float = setting(
        1.0, 'a detection that would start a track continues one that was not found, if that was '
        'expected within so many of its heights; 0: never', minimum=0.0, maximum=10.0)
    overlap: float = setting(
        0.5, 'of two boxes with a larger IoU the less important one goes: tracks come before '
        'dormant tracks, and these before detections', minimum=0.0, maximum=1.0)
    suppress: str = setting(
        'joint', "'joint': tracks suppress others whatever their scores, all at once (the "
        "published code); 'apart': tracks among themselves, detections among themselves, then "
        'detections by the tracks that go on (the paper)', choices=('joint', 'apart'))
    decide: str = setting(
        'mean', "what is held against alpha: 'mean' of visibility and score of the box head (the "
        "published code), 'visibility' alone (the paper), 'box' score alone",
        choices=('mean', 'visibility', 'box'))
    class_aware: bool = setting(True, 'only boxes of one class suppress each other')
    detections: str = setting(
        'given', "what becomes of boxes of another detector than Faster R-CNN: 'given': its box "
        "head judges them anew, as public detections; 'kept': they start tracks as they are; "
        "'own': they are not asked for, the network's own proposals are used",
        choices=DETECTIONS)
    template_cells: int = setting(
        15, 'what a track looks like is pooled to so many cells across and down; another number '
        'drops all tracks', minimum=3, maximum=31)
    search: float = setting(
        2.0, 'a track is looked for in a region so many times its size (r); costs grow with the '
        'square', minimum=1.1, maximum=8.0)
    widen: float = setting(
        0.0, 'the region is at least as wide as for a box of this part of its height; 0: off; '
        '0.6 suits people seen from a car', minimum=0.0, maximum=4.0)
    stretch: float = setting(
        1.0, 'the region grows up to so many times where the camera is seen to move fast (see '
        'camera_motion); 1: never', minimum=1.0, maximum=3.0)
    window: float = setting(
        0.4, 'how much is thought of places near the last one (cosine window, lambda); 0.1 where '
        'things move fast', minimum=0.0, maximum=1.0)
    penalty: float = setting(
        0.1, 'how much a change of size speaks against a place', minimum=0.0, maximum=10.0)
    ranking: str = setting(
        'code', "how places are ranked: 'code': visibility and closeness to the last place are "
        "added, with which the published weights were made; 'paper': multiplied, equations 4 "
        'and 5', choices=('code', 'paper'))
    centerness: bool = setting(
        True, 'prefer places that the network takes for the middle of an object')
    velocity: bool = setting(
        True, 'look where a track would be by now at the speed it had, dormant or not')
    velocity_memory: float = setting(
        0.6, 'how far back that speed is a mean over', 's', minimum=0.01, maximum=60.0)
    camera: bool = setting(
        True, 'take out the motion of the camera before looking, see camera_motion')

    def check(self, name: str) -> None:
        """Raise ConfigError if thresholds contradict each other; `name` is that of the group."""
        if self.resume < self.alpha:
            raise ConfigError(
                f'{name}.resume is {self.resume} and {name}.alpha {self.alpha}; a track that may '
                'be resumed must be allowed to go on: resume must be at least alpha')


@dataclass(frozen=True)
class TracktorSettings:
    """Tracktor (arXiv 1903.05625): the box head of the detector moves every box on."""

    alpha: float = setting(
        0.5, 'a track whose box the box head gives this score or a better one goes on',
        minimum=0.0, maximum=1.0)
    beta: float = setting(
        0.95, 'a detection that no track suppresses starts one from this score on',
        minimum=0.0, maximum=1.0)
    tau: int = setting(
        1, 'a track dies after so many processed frames in a row below alpha; 1: in the first '
        'of them', 'frames', minimum=1, maximum=100000)
    dormant_time: float = setting(
        0.0, 'it dies after this long below alpha instead; 0: tau counts', 's',
        minimum=0.0, maximum=3600.0)
    overlap: float = setting(
        0.5, 'a detection with a larger IoU with a track, or with a better detection, goes',
        minimum=0.0, maximum=1.0)
    track_overlap: float = setting(
        0.5, 'suppress apart: a track with a larger IoU with a better one goes',
        minimum=0.0, maximum=1.0)
    suppress: str = setting(
        'joint', "'joint': as in SiamMOT's code; 'apart': tracks among themselves, then "
        "detections by the tracks that go on (Tracktor's code)", choices=('joint', 'apart'))
    class_aware: bool = setting(True, 'only boxes of one class suppress each other')
    detections: str = setting(
        'given', 'what becomes of boxes of another detector than Faster R-CNN, see '
        'siammot.detections', choices=DETECTIONS)
    motion: str = setting(
        'dis', "where the box head looks: at the last box ('none'), there moved by optical "
        "flow ('farneback', 'dis'), or as the camera moved ('camera')",
        choices=('none', 'farneback', 'dis', 'camera'))
    flow_size: int = setting(
        512, 'flow is worked out on an image whose longer side has so many pixels', 'px',
        minimum=32, maximum=4096)
    flow_reduction: str = setting(
        'median', 'what of the flow inside a box moves it', choices=('mean', 'median'))
