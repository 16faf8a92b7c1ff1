# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of DeepSORT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mot_ros.tracking.config.schema import Changes, Presets, setting

_PUBLISHED: Changes = {
    'deepsort.min_score': 0.3, 'deepsort.max_distance': 0.2, 'deepsort.hold_height': False,
    'deepsort.nominal_rate': 30.0}


@dataclass(frozen=True)
class DeepSortSettings:
    """DeepSORT (arXiv 1703.07402): looks first, the most recently seen tracks first, then IoU."""

    presets: ClassVar[Presets] = {
        'paper': _PUBLISHED, 'code': _PUBLISHED}

    min_score: float = setting(
        0.45, 'a detection below this score is not looked at', minimum=0.0, maximum=1.0)
    max_distance: float = setting(
        0.35, 'most that looks may differ in a match: 1 - cosine with the nearest of the last '
        'looks', minimum=0.0, maximum=2.0)
    match_iou: float = setting(
        0.3, 'least IoU of a match where looks found none', minimum=0.0, maximum=1.0)
    max_age: int = setting(
        30, 'a track dies after more processed frames than this without a match', 'frames',
        minimum=0, maximum=100000)
    n_init: int = setting(
        3, 'frames in a row in which a track must be seen to be confirmed', 'frames', minimum=1,
        maximum=1000)
    hold_height: bool = setting(
        True, 'the height of a track that is not seen stays as it is, which is the rule of '
        'ByteTrack; false: it goes on growing or shrinking, as published; another value drops all '
        'tracks')
    budget: int = setting(
        100, 'last looks of a track that are kept', 'frames', minimum=1, maximum=1000)
    nominal_rate: float = setting(
        10.0, 'frame rate that the noise of the motion filter is stated for', 'Hz',
        minimum=0.1, maximum=1000.0)
    class_aware: bool = setting(True, 'match only boxes of the same class')
