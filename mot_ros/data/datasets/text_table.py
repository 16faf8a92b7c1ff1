# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Lines of columns in a text file, whatever stands between the columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mot_ros.data.limits import EXACT, MAX_TABLE_BYTES
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.user_files import read_text

SEPARATORS = (';', ',', '\t')
"""In the order in which the first line is searched for them; without one, blanks separate."""
LARGEST = 2**63 - 1
SHOWN = 60
"""Characters of a line that an error quotes."""


def read_lines(
        path: Path, layout: str = 'frame,id,x,y,w,h,...') -> Iterator[tuple[int, list[str]]]:
    """
    Yield the number of each line that is not empty, and its columns.

    The separator is that of the first line; an empty last column is dropped, as TrackEval drops
    it. Raises SourceError for a file that is no text and, with the `layout`, for a line that names
    its columns.
    """
    separator: str | None = None
    first = True
    for number, line in enumerate(read_text_lines(path), 1):
        if not line.strip():
            continue
        if first:
            separator = next((mark for mark in SEPARATORS if mark in line), None)
        fields = [_unquoted(field.strip()) for field in line.split(separator)]
        if len(fields) > 1 and not fields[-1]:
            fields.pop()
        if line.lstrip().startswith('#') or (first and _is_header(fields)):
            raise SourceError(
                f'{path}, line {number}: {line.strip()[:SHOWN]!r} is a header or a comment; the '
                f'layout is fixed ({layout}), so remove this line')
        first = False
        yield number, fields


def read_text_lines(path: Path, max_bytes: int = MAX_TABLE_BYTES) -> list[str]:
    """Return the lines of a UTF-8 file; SourceError for one that is none, or too large."""
    try:
        return read_text(path, max_bytes).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f'{path} cannot be read ({error}); give a text file, in UTF-8 and not in UTF-16') \
            from error


def whole_number(text: str) -> int | None:
    """
    Return a whole number of any size, also one below EXACT that is written as 3.0 or 3e0.

    Return None for anything else: a larger float stands for more than one number.
    """
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
        return int(number) if abs(number) < EXACT and number == int(number) else None
    except (ValueError, OverflowError):
        return None


def _unquoted(field: str) -> str:
    """Return a column without the quotes around it; one quote alone is part of another column."""
    quoted = len(field) > 1 and field[0] == field[-1] and field[0] in '"\''
    return field[1:-1].strip() if quoted else field


def _is_header(fields: list[str]) -> bool:
    """Say whether no column holds a number."""
    return all(_is_word(field) for field in fields)


def _is_word(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return True
    return False
