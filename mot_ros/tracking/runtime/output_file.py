# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Output files and folders: written beside their place, checked, and then moved there.

Part files are unique to a run and locked, so that two runs never write into one file, and what a
killed run left behind is found by its free lock and removed by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import errno
import fcntl
import os
from pathlib import Path
import re
import secrets
import shutil

from mot_ros.tracking.errors import MotError, OutputError

Check = Callable[[Path], None]
"""Raises OutputError for a file that is not what was to be written."""
BUSY = (errno.EAGAIN, errno.EACCES)
PROBE = bytes(1 << 16)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """
    Raise OutputError with the path and the cause for an OSError within the block.

    An error about a file elsewhere, such as one that is read, passes as it is.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error.filename, str | Path) and not _beside(Path(error.filename), path):
            raise
        raise OutputError(
            f'{path} cannot be written: {error.strerror or error}; nothing was replaced') \
            from error


class OutputFile:
    """
    A file that is written as `partial`, beside its place, and moved there by `close`.

    An earlier file of the same name stays intact until then. With `in_place` the file has its
    name from the start, so that it survives a kill; no file of that name may exist then.
    """

    def __init__(self, path: str | Path, *, in_place: bool = False) -> None:
        self.path = Path(path)
        _check_place(self.path)
        self._target = Path(os.path.realpath(self.path))
        self._in_place = in_place
        if in_place:
            check_new(self.path)
        with naming(self.path):
            if not in_place:
                _remove_stale(self._target)
            self.partial, self._lock = _locked_part(self._target, in_place=in_place)

    def close(self, *, keep: bool = True, check: Check | None = None) -> None:
        """
        Move the finished file to its place, or remove it.

        The file reaches the disk and is checked first. Raises OutputError if that fails; the
        part is removed then, and what was written in place is kept.
        """
        if self._lock < 0:
            return
        try:
            if keep:
                with naming(self.path):
                    # writers such as OpenCV's say nothing of a full disk
                    os.fsync(self._lock)
                    if check is not None:
                        check(self.partial)
                    if not self._in_place:
                        self.partial.replace(self._target)
        except BaseException:
            keep = self._in_place
            raise
        finally:
            lock, self._lock = self._lock, -1
            if not keep:
                with contextlib.suppress(OSError):
                    self.partial.unlink(missing_ok=True)
            os.close(lock)

    def abandon(self) -> None:
        """Give the file up: its part is removed, what was written in place is kept."""
        if self._in_place and self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        self.close(keep=False)

    def cause(self) -> OSError | None:
        """Return why the disk refuses more of the file; None if it takes more."""
        try:
            with self.partial.open('ab', buffering=0) as file:
                size = file.tell()
                file.write(PROBE)
                os.fsync(file.fileno())
                file.truncate(size)
        except OSError as error:
            return error
        return None


@contextlib.contextmanager
def written(path: str | Path, check: Check | None = None) -> Iterator[Path]:
    """
    Yield the part file that the block fills; it gets its name after the block.

    Raises OutputError if it cannot be written, also where a library hides that in its own error.
    """
    output = OutputFile(path)
    try:
        try:
            with naming(output.path):
                yield output.partial
        except MotError:
            raise
        except Exception as error:
            with naming(output.path):
                cause = output.cause()
                if cause is not None:
                    raise cause from error
            raise
        output.close(check=check)
    finally:
        output.close(keep=False)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file, which appears when it is complete."""
    with written(path) as partial:
        partial.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, which appears when it is complete."""
    write_bytes(path, text.encode('utf-8'))


@contextlib.contextmanager
def new_folder(path: Path, *, make: bool = True) -> Iterator[Path]:
    """
    Yield a folder of the same name that the block fills; it moves to `path` after the block.

    Nothing is left of it, nor of parents that were made for it, if the block fails. `make`: the
    folder exists already when the block begins. Raises OutputError if `path` exists, or if it
    cannot be written.
    """
    check_new(path)
    with contextlib.ExitStack() as stack:
        with naming(path):
            for parent in _missing(path.parent):
                parent.mkdir(exist_ok=True)
                stack.callback(_remove_empty, parent)
            _remove_stale(path)
            part = _part_name(path)
            part.mkdir()
            stack.callback(shutil.rmtree, part, ignore_errors=True)
            stack.enter_context(locked_folder(part))
            made = part.stat()
            inner = part / path.name
            if make:
                inner.mkdir()
        with naming(path):
            try:
                # after Ctrl-C nothing is kept: half of a sequence would be scored as a whole one
                yield inner
            except MotError as error:
                # by the name that the user gave
                raise type(error)(str(error).replace(str(inner), str(path))) from error
            if not os.path.samestat(part.stat(), made):
                # a writer made the lost folder again, perhaps on another disk
                raise FileNotFoundError(errno.ENOENT, 'its folder was lost meanwhile')
            check_new(path)
            inner.rename(path)


@contextlib.contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Hold a folder for one run; OutputError if another run holds it."""
    with naming(path):
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not _lock(lock):
            raise OutputError(
                f'another run is writing to {path}; wait for its end, or name another folder')
        yield
    finally:
        os.close(lock)


def check_new(path: Path) -> None:
    """Raise OutputError if something is there that would be written over."""
    if os.path.lexists(path):
        raise OutputError(f'{path} exists already; remove it or choose another place')


def check_writable(path: Path) -> None:
    """Raise OutputError if a file cannot be put there, before the work is done."""
    _check_place(path)
    target = Path(os.path.realpath(path))
    with naming(path):
        probe = _part_name(target)
        probe.touch(exist_ok=False)
        probe.unlink()


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise OutputError(f'{path} is a folder; name a file to write to')
    if path.exists() and not path.is_file():
        raise OutputError(f'{path} is no regular file; name a file to write to')
    if not Path(os.path.realpath(path)).parent.is_dir():
        raise OutputError(f'{path}: the folder {path.parent} does not exist; make it first')


def _beside(file: Path, path: Path) -> bool:
    return file.absolute().is_relative_to(Path(os.path.realpath(path)).parent) or (
        file.absolute().is_relative_to(path.absolute().parent))


def _part_name(path: Path) -> Path:
    # the suffix stays: writers find the format by it
    return path.with_name(f'.{path.stem}.part-{secrets.token_hex(4)}{path.suffix}')


def _locked_part(path: Path, *, in_place: bool) -> tuple[Path, int]:
    """Create a part file and lock it; return its path and the open descriptor."""
    while True:
        part = path if in_place else _part_name(path)
        lock = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        _lock(lock)
        # before the lock, another run may have taken it for one left behind
        if os.fstat(lock).st_nlink:
            return part, lock
        os.close(lock)


def _lock(descriptor: int) -> bool:
    """Lock a file; return False if another run holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # not every network file system can lock
        return error.errno not in BUSY
    return True


def _remove_stale(path: Path) -> None:
    """Remove the parts of a file or folder whose runs were killed."""
    pattern = re.compile(
        rf'\.{re.escape(path.stem)}\.part-[0-9a-f]{{8}}{re.escape(path.suffix)}')
    with contextlib.suppress(OSError):
        for part in path.parent.iterdir():
            if not pattern.fullmatch(part.name):
                continue
            with contextlib.suppress(OSError):
                lock = os.open(part, os.O_RDONLY | os.O_NONBLOCK)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if part.is_dir():
                        shutil.rmtree(part)
                    else:
                        part.unlink()
                finally:
                    os.close(lock)


def _missing(folder: Path) -> list[Path]:
    """Return the folders to make, the outermost first."""
    return [parent for parent in [*reversed(folder.parents), folder] if not parent.exists()]


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
