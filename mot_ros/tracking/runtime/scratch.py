# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Temporary folders that do not stay for ever where their process is killed."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import fcntl
import os
from pathlib import Path
import shutil
import tempfile

PREFIX = f'mot_ros_scratch_{os.getuid()}_'
LOCK = 'lock'


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """
    Make a temporary folder and remove it at the end.

    Folders of processes that were killed are removed first: nobody holds their lock.
    """
    _remove_stale()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        # locked before it has the name that others look for
        hidden = folder / f'.{LOCK}'
        with hidden.open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            hidden.rename(folder / LOCK)
            inside = folder / 'content'
            inside.mkdir()
            yield inside
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f'{PREFIX}*'):
        with contextlib.suppress(OSError), (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
