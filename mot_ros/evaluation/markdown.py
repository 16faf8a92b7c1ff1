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

"""Tables as Markdown, right-aligned, readable as they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """Return the cells of equally long lines as a table; the first line is its head."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ['| ' + ' | '.join(
        cell.rjust(width) for cell, width in zip(line, widths, strict=True)) + ' |'
        for line in lines]
    text.insert(1, '|' + '|'.join('-' * (width + 1) + ':' for width in widths) + '|')
    return '\n'.join(text) + '\n'


def table_of_rows(rows: Sequence[Mapping[str, Any]], digits: int) -> str:
    """Return rows with the same names as a table; fractions have so many digits."""
    return markdown_table([list(rows[0])] + [
        [f'{value:.{digits}f}' if isinstance(value, float) else str(value)
         for value in row.values()] for row in rows])
