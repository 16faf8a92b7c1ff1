# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Format tables as Markdown, right-aligned, readable without rendering."""

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


def table_of_rows(
        rows: Sequence[Mapping[str, Any]], digits: int, formats: Mapping[str, str] | None = None,
        columns: Sequence[str] = ()) -> str:
    """
    Return rows as a table, of the columns of the first one unless named.

    Fractions have so many digits, or the format of their column; None is a dash.
    """
    def text(name: str, value: Any) -> str:
        if value is None:
            return '-'
        if not isinstance(value, float):
            return str(value)
        return format(value, (formats or {}).get(name, f'.{digits}f'))

    columns = columns or list(rows[0])
    return markdown_table(
        [columns, *([text(name, row.get(name, '')) for name in columns] for row in rows)])
