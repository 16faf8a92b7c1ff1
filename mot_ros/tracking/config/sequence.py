# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a stamp means."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.schema import setting


@dataclass(frozen=True)
class SequenceSettings:
    """When a stamp means a new frame, a repeated one, or a new beginning."""

    jump_back: float = setting(
        1.0, 'a stamp older than the last one by more than this is a bag loop: full reset',
        's', minimum=0.0)
    max_gap: float = setting(
        5.0, 'after a longer silence all tracks are dropped; ids go on', 's', minimum=0.0)
    zero_stamp: str = setting(
        'refuse', 'what to do with images without a stamp: refuse them, or use the time of '
        'receipt for motion and leave the header as it is', choices=('refuse', 'receive_time'))
