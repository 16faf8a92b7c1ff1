# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Bounds on what is read from annotations; real data stays far below them."""

from __future__ import annotations

MAX_FRAMES = 10_000_000
"""Frames of a sequence: 92 hours at 30 Hz."""
MAX_SIDE = 1 << 17
"""Pixels of an image across or down."""
FARTHEST = 1e9
"""Largest coordinate in pixels; areas of float32 boxes stay finite below it."""
MAX_TABLE_BYTES = 256 << 20
"""Of a text file with a box a line."""
MAX_JSON_BYTES = 2 << 30
"""Of an annotation file; that of LVIS has 1.1 GB."""
EXACT = 2**53
"""Largest whole number below which every float that is whole stands for one number only."""
