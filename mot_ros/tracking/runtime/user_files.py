# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Open files that a user names: regular files only, and none larger than its kind ever is.

A FIFO would block the reader, a device such as /dev/zero would fill its memory.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BufferedReader
import os
from pathlib import Path
import stat
import threading
from typing import TypeVar

_Result = TypeVar('_Result')

MAX_TEXT_BYTES = 64 << 20
"""Names of classes, parameters."""
MAX_IMAGE_BYTES = 256 << 20
MAX_WEIGHTS_BYTES = 8 << 30
ANY_SIZE = 1 << 62
"""For a file that is read piece by piece."""


class UserFileError(OSError):
    """A file that is not opened; the message is a clause without the path."""


def expand(name: str | Path) -> Path:
    """Return the path with its `~` replaced; UserFileError for a user that does not exist."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise UserFileError(f'{name} names a home directory that does not exist') from error


def open_regular(name: str | Path, max_bytes: int) -> BufferedReader:
    """
    Open a file for reading in binary; the open itself never blocks.

    Raises UserFileError for what is no regular file and for one of more than `max_bytes`, and
    OSError as open does.
    """
    path = expand(name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:
        raise UserFileError('its name holds a null character') from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UserFileError(f'it is {_kind(found.st_mode)}, not a regular file')
        if found.st_size > max_bytes:
            raise UserFileError(
                f'it has {found.st_size / 1e6:.0f} MB, and no more than {max_bytes / 1e6:.0f} MB '
                'are read')
        return os.fdopen(descriptor, 'rb')
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(name: str | Path, max_bytes: int) -> bytes:
    """Return the content of a file; raises as open_regular does."""
    with open_regular(name, max_bytes) as file:
        content = file.read(max_bytes + 1)
    # a file can grow while it is read
    if len(content) > max_bytes:
        raise UserFileError(f'it has more than {max_bytes / 1e6:.0f} MB')
    return content


def read_text(name: str | Path, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """
    Return the content of a UTF-8 file, without the mark that may begin it.

    Raises as open_regular does, or UnicodeDecodeError.
    """
    return read_bytes(name, max_bytes).decode('utf-8-sig')


def in_time(read: Callable[[], _Result], seconds: float) -> _Result:
    """
    Return what `read` returns; UserFileError if it takes longer, as on a mount that is gone.

    It runs in a thread, which is left behind then: nothing can interrupt it.
    """
    results: list[_Result] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            results.append(read())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work, name='user file', daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise UserFileError(f'it was not read within {seconds:g} s; copy it to a local disk')
    return results[0]


def _kind(mode: int) -> str:
    """Return what a file is, with its article."""
    kinds = (
        (stat.S_ISDIR, 'a folder'), (stat.S_ISFIFO, 'a FIFO'), (stat.S_ISCHR, 'a device'),
        (stat.S_ISBLK, 'a device'), (stat.S_ISSOCK, 'a socket'))
    return next((text for test, text in kinds if test(mode)), 'a special file')
