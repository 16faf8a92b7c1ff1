# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Rate and length that a video file states."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoInfo:
    """
    `rate` in Hz, 0 where the file states none, and the number of frames, None likewise.

    Without `exact` the number is an estimate, duration times rate.
    """

    rate: float
    count: int | None
    exact: bool
