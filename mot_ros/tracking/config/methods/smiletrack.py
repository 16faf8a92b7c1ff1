# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of SMILEtrack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mot_ros.tracking.config.methods.two_pass import TwoPassSettings
from mot_ros.tracking.config.schema import Changes, Presets, setting

_PUBLISHED: Changes = {
    'smiletrack.track_high_thresh': 0.5, 'smiletrack.track_low_thresh': 0.1,
    'smiletrack.new_track_thresh': 0.6,
    'smiletrack.alpha': 0.5, 'smiletrack.gate': 0.7, 'smiletrack.reach': 0.0,
    'smiletrack.lost_buffer': 1.0, 'smiletrack.biou_buffer': 0.0,
    'smiletrack.height_iou_power': 0.0, 'smiletrack.direction_weight': 0.0,
    'smiletrack.nominal_rate': 30.0,
}


@dataclass(frozen=True)
class SmileTrackSettings(TwoPassSettings):
    """SMILEtrack (arXiv 2211.08824): overlap and looks together, in two passes."""

    presets: ClassVar[Presets] = {
        'paper': {
            **_PUBLISHED, 'smiletrack.split': 'adaptive', 'smiletrack.match': 0.5,
            'smiletrack.second': 'multi', 'smiletrack.camera': False},
        # the published code does otherwise than the article
        'code': {**_PUBLISHED, 'smiletrack.worth': 'code', 'smiletrack.match': 0.2},
    }

    split: str = setting(
        'fixed', "what parts sure from doubtful detections: 'fixed': track_high_thresh; "
        "'adaptive': the mean score of the better half of them (the article)",
        choices=('fixed', 'adaptive'))
    worth: str = setting(
        'article', "what a pair is worth: 'article': overlap and looks, weighed by alpha, nothing "
        "below gate; 'code': overlap alone, nothing above veto", choices=('article', 'code'))
    alpha: float = setting(
        0.35, 'worth article: share of the overlap, the rest is that of the looks',
        minimum=0.0, maximum=1.0)
    gate: float = setting(
        0.55, 'worth article: a pair that looks less alike (cosine) is no match; 0: no gate',
        minimum=0.0, maximum=1.0)
    veto: float = setting(
        0.3, 'worth code: a pair with more than this is no match, of 1 - cosine weighed by '
        'veto_weight and squared Mahalanobis distance by the rest', minimum=0.0, maximum=1000.0)
    veto_weight: float = setting(
        0.98, 'worth code: weight of the looks in the veto', minimum=0.0, maximum=1.0)
    reach: float = setting(
        0.5, 'worth article: how far, in heights of its box, a track may be from where it is '
        'expected; 0: anywhere', minimum=0.0, maximum=100.0)
    reach_growth: float = setting(
        1.0, 'how much farther for every second out of sight, in parts of reach', '1/s',
        minimum=0.0, maximum=100.0)
    match: float = setting(
        0.3, 'least worth of a match in the first pass', minimum=0.0, maximum=1.0)
    match_iou: float = setting(
        0.2, 'without appearance: least worth of a match in the first pass, IoU times score '
        'where biou_buffer, height_iou_power and direction_weight are 0', minimum=0.0, maximum=1.0)
    biou_buffer: float = setting(
        0.3, 'without appearance: how much boxes grow to each side, in parts of their size, '
        'before the first pass takes their IoU', minimum=0.0, maximum=10.0)
    height_iou_power: float = setting(
        0.5, 'without appearance: power of the IoU along y alone that the IoU is multiplied by in '
        'the first pass; 0: not at all', minimum=0.0, maximum=10.0)
    direction_weight: float = setting(
        0.15, 'without appearance: what a pair is worth more in the first pass, times score, '
        'straight ahead of where the track was going, and less straight behind',
        minimum=0.0, maximum=10.0)
    direction_span: float = setting(
        0.3, 'time before a track was last seen over which its direction is taken', 's',
        minimum=0.0, maximum=10.0)
    second: str = setting(
        'iou', "what counts in the second pass: 'iou': overlap alone; 'single': worth, by the "
        "mean look of the track; 'multi': worth, by the best of its last looks (the article)",
        choices=('iou', 'single', 'multi'))
    second_match: float = setting(
        0.5, 'least IoU, or worth, of a match in the second pass', minimum=0.0, maximum=1.0)
    bank: int = setting(
        50, 'second multi: last looks of a track that are kept', 'frames', minimum=1,
        maximum=1000)
    embed_every: int = setting(
        1, 'all sure detections are looked at in one frame of so many; in the others only new '
        'ones and those that more than one track could be', 'frames', minimum=1, maximum=1000)
    camera: bool = setting(True, 'take out the motion of the camera, see camera_motion')

    def check(self, name: str) -> None:
        """Raise ConfigError if thresholds are out of order, where they are used."""
        if self.split == 'fixed':
            super().check(name)
