# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of BoT-SORT."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.schema import setting


@dataclass(frozen=True)
class BotSortSettings:
    """BoT-SORT (arXiv 2206.14651): ByteTrack, camera motion, the better of overlap and looks."""

    track_high_thresh: float = setting(
        0.5, 'a detection from this score on takes part in the first pass',
        minimum=0.0, maximum=1.0)
    track_low_thresh: float = setting(
        0.2, 'a detection from this score on, below track_high_thresh, takes part in the '
        'second pass', minimum=0.0, maximum=1.0)
    new_track_thresh: float = setting(
        0.7, 'an unmatched detection from this score on starts a track',
        minimum=0.0, maximum=1.0)
    match_iou: float = setting(
        0.2, 'least IoU, times score, of a match in the first pass', minimum=0.0, maximum=1.0)
    low_iou: float = setting(
        0.5, 'least IoU of a match in the second pass', minimum=0.0, maximum=1.0)
    tentative_iou: float = setting(
        0.3, 'least IoU, times score, of a match of a tentative track', minimum=0.0, maximum=1.0)
    proximity_iou: float = setting(
        0.1, 'looks count only for pairs with an IoU of at least this', minimum=0.0, maximum=1.0)
    appearance_thresh: float = setting(
        0.15, 'looks count only where half of 1 - cosine is at most this',
        minimum=0.0, maximum=1.0)
    lost_buffer: float = setting(
        2.0, 'how long a lost track is searched for', 's', minimum=0.0, maximum=3600.0)
    nominal_rate: float = setting(
        10.0, 'frame rate that the noise of the motion filter is stated for; a lower one trusts '
        'the motion more', 'Hz', minimum=0.1, maximum=1000.0)
    class_aware: bool = setting(True, 'match only boxes of the same class')
