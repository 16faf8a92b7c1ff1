# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The table in which detections come from a device: one row each, and some to spare."""

from __future__ import annotations

from mot_ros.tracking.types import Floats

BOX, SCORE, LABEL, THERE, SETTLED = slice(0, 4), 4, 5, 6, 7
"""Columns; THERE tells detections from spare rows, of SETTLED every row says the same."""
COLUMNS = 8


def rows_of(table: Floats) -> Floats | None:
    """Return the rows (K, 8) of detections, None if suppression did not come to an end."""
    return table[table[:, THERE] > 0] if table[0, SETTLED] else None
