# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The table in which detections come from a device: one row each, and some to spare."""

from __future__ import annotations

from mot_ros.tracking.types import Floats

BOX, SCORE, LABEL, THERE, SETTLED = slice(0, 4), 4, 5, 6, 7
"""Columns; THERE tells detections from spare rows, of SETTLED every row says the same."""
COLUMNS = 8


def rows_of(table: Floats) -> Floats | None:
    """Return the rows (K, 8) of detections, None if suppression did not come to an end."""
    return table[table[:, THERE] > 0] if table[0, SETTLED] else None
