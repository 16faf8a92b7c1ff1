# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of BoT-SORT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mot_ros.tracking.config.methods.two_pass import TwoPassSettings
from mot_ros.tracking.config.schema import Changes, Presets, setting

_PUBLISHED: Changes = {
    'botsort.track_high_thresh': 0.6, 'botsort.track_low_thresh': 0.1,
    'botsort.new_track_thresh': 0.7, 'botsort.match_iou': 0.2,
    'botsort.proximity_iou': 0.5, 'botsort.appearance_thresh': 0.25,
    'botsort.lost_buffer': 1.0, 'botsort.nominal_rate': 30.0,
}


@dataclass(frozen=True)
class BotSortSettings(TwoPassSettings):
    """BoT-SORT (arXiv 2206.14651): ByteTrack, camera motion, the better of overlap and looks."""

    presets: ClassVar[Presets] = {
        'paper': _PUBLISHED, 'code': _PUBLISHED}

    low_iou: float = setting(
        0.5, 'least IoU of a match in the second pass', minimum=0.0, maximum=1.0)
    proximity_iou: float = setting(
        0.1, 'looks count only for pairs with an IoU of at least this', minimum=0.0, maximum=1.0)
    appearance_thresh: float = setting(
        0.15, 'looks count only where half of 1 - cosine is at most this',
        minimum=0.0, maximum=1.0)
