# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings that the trackers with a pass for doubtful detections have in common."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.schema import setting
from mot_ros.tracking.errors import ConfigError


@dataclass(frozen=True)
class TwoPassSettings:
    """Thresholds and memory of ByteTrack, BoT-SORT and SMILEtrack."""

    track_high_thresh: float = setting(
        0.3, 'a detection from this score on takes part in the first pass',
        minimum=0.0, maximum=1.0)
    track_low_thresh: float = setting(
        0.05, 'a detection from this score on, not in the first pass, takes part in the second',
        minimum=0.0, maximum=1.0)
    new_track_thresh: float = setting(
        0.8, 'an unmatched detection of the first pass from this score on starts a track',
        minimum=0.0, maximum=1.0)
    match_iou: float = setting(
        0.2, 'least IoU, times score, of a match in the first pass', minimum=0.0, maximum=1.0)
    tentative_iou: float = setting(
        0.3, 'least IoU, times score, of a match of a tentative track', minimum=0.0, maximum=1.0)
    lost_buffer: float = setting(
        2.0, 'how long a lost track is searched for', 's', minimum=0.0, maximum=3600.0)
    nominal_rate: float = setting(
        10.0, 'frame rate that the noise of the motion filter is stated for; a lower one trusts '
        'the motion more', 'Hz', minimum=0.1, maximum=1000.0)
    class_aware: bool = setting(True, 'match only boxes of the same class')

    def check(self, name: str) -> None:
        """Raise ConfigError if thresholds are out of order; `name` is that of the group."""
        if not self.track_low_thresh <= self.track_high_thresh <= self.new_track_thresh:
            raise ConfigError(
                f'{name}.track_low_thresh, track_high_thresh and new_track_thresh are '
                f'{self.track_low_thresh}, {self.track_high_thresh} and '
                f'{self.new_track_thresh}; they must not decrease in this order')
