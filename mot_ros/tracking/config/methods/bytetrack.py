# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of ByteTrack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mot_ros.tracking.config.methods.two_pass import TwoPassSettings
from mot_ros.tracking.config.schema import Changes, Presets, setting

_PUBLISHED: Changes = {
    'bytetrack.track_high_thresh': 0.6, 'bytetrack.track_low_thresh': 0.1,
    'bytetrack.new_track_thresh': 0.7,
    'bytetrack.match_iou': 0.1, 'bytetrack.lost_buffer': 1.0, 'bytetrack.motion': 'xyah',
    'bytetrack.nominal_rate': 30.0,
}


@dataclass(frozen=True)
class ByteTrackSettings(TwoPassSettings):
    """ByteTrack (arXiv 2110.06864): every detection box is associated, in two passes."""

    presets: ClassVar[Presets] = {
        'paper': _PUBLISHED, 'code': _PUBLISHED}

    low_iou: float = setting(
        0.5, 'least IoU of a match in the second pass', minimum=0.0, maximum=1.0)
    fuse_score: bool = setting(
        True, 'multiply the IoU by the score of the detection, but for the second pass')
    motion: str = setting(
        'xywh', 'what the motion filter sees of a box: centre, width and height, or centre, '
        'aspect ratio and height', choices=('xywh', 'xyah'))
