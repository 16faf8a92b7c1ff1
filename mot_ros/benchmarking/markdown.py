# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

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
