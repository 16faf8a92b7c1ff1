# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of SORT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mot_ros.tracking.config.schema import Changes, Presets, setting

_PUBLISHED: Changes = {'sort.assignment': 'published'}


@dataclass(frozen=True)
class SortSettings:
    """SORT (arXiv 1602.00763): Kalman filter and IoU, nothing else."""

    presets: ClassVar[Presets] = {'paper': _PUBLISHED, 'code': _PUBLISHED}

    min_score: float = setting(
        0.5, 'a detection below this score is not looked at', minimum=0.0, maximum=1.0)
    match_iou: float = setting(0.3, 'least IoU of a match', minimum=0.0, maximum=1.0)
    assignment: str = setting(
        'gated', "'gated': pairs below match_iou are left out, then the best sum of IoU is "
        "chosen; 'published': the best sum of all pairs is chosen, then those below match_iou are "
        'left out, and where no pair has a rival above match_iou all these match',
        choices=('gated', 'published'))
    max_age: int = setting(
        1, 'a track dies after more processed frames than this without a match', 'frames',
        minimum=0, maximum=100000)
    min_hits: int = setting(
        3, 'matches in a row before a track is confirmed', 'frames', minimum=1, maximum=1000)
    nominal_rate: float = setting(
        30.0, 'frame rate that the noise of the motion filter is stated for', 'Hz',
        minimum=0.1, maximum=1000.0)
    class_aware: bool = setting(True, 'match only boxes of the same class')
