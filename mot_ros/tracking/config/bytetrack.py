# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of ByteTrack."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.schema import setting


@dataclass(frozen=True)
class ByteTrackSettings:
    """ByteTrack (arXiv 2110.06864): every detection box is associated, in two passes."""

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
        0.2, 'least IoU, times score when fuse_score, of a match in the first pass',
        minimum=0.0, maximum=1.0)
    low_iou: float = setting(
        0.5, 'least IoU of a match in the second pass', minimum=0.0, maximum=1.0)
    tentative_iou: float = setting(
        0.3, 'least IoU, times score when fuse_score, of a match of a tentative track',
        minimum=0.0, maximum=1.0)
    fuse_score: bool = setting(
        True, 'weigh the overlap by the score of the detection in the first pass')
    lost_buffer: float = setting(
        2.0, 'how long a lost track is searched for', 's', minimum=0.0, maximum=3600.0)
    motion: str = setting(
        'xywh', 'what the motion filter sees of a box: centre, width and height, or centre, '
        'aspect ratio and height', choices=('xywh', 'xyah'))
    nominal_rate: float = setting(
        10.0, 'frame rate that the noise of the motion filter is stated for; a lower one trusts '
        'the motion more', 'Hz', minimum=0.1, maximum=1000.0)
    class_aware: bool = setting(True, 'match only boxes of the same class')
