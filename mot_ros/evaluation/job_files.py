# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The files that a job reads, found in what it is made of, and what tells them from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np


def paths_of(value: Any) -> Iterator[Path]:
    """Yield every path in dataclasses, mappings and sequences, however deep."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from paths_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from paths_of(inner)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from paths_of(getattr(value, field.name))


class Fingerprints:
    """
    Tells equal jobs on equal files from all others.

    A file is told by its size and by when it was last changed, a folder by the files in it.
    `apart` is a folder that may lie in one of them and does not count.
    """

    def __init__(self, apart: Path) -> None:
        self._apart = apart.resolve()
        self._known: dict[Path, str] = {}

    def of(self, *values: Any) -> str:
        """Return the SHA-256 of everything that there is in values, with their files."""
        digest = hashlib.sha256()
        self._add(digest, values)
        return digest.hexdigest()

    def _add(self, digest: Any, value: Any) -> None:
        """Let a digest depend on a value; brackets keep [a, [b]] and [a, b] apart."""
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            digest.update(f'<{type(value).__qualname__}'.encode())
            value = {field.name: getattr(value, field.name)
                     for field in dataclasses.fields(value)}
        if isinstance(value, Mapping):
            # the order of runs is that of their results, hence part of it
            value = list(value.items())
        if isinstance(value, list | tuple):
            digest.update(f'[{len(value)} '.encode())
            for inner in value:
                self._add(digest, inner)
        elif isinstance(value, np.ndarray):
            digest.update(f'{value.dtype.str}{value.shape}'.encode() + value.tobytes())
        else:
            digest.update(repr(value).encode() + b' ')
            if isinstance(value, Path):
                digest.update(self._path(value).encode())
            elif isinstance(value, str) and _is_file(value):
                # weights, for example
                digest.update(self._path(Path(value)).encode())

    def _path(self, path: Path) -> str:
        if path not in self._known:
            digest = hashlib.sha256()
            for file in sorted(self._files(path)):
                state = file.stat()
                digest.update(f'{file} {state.st_size} {state.st_mtime_ns}\n'.encode())
            self._known[path] = digest.hexdigest()
        return self._known[path]

    def _files(self, path: Path) -> Iterator[Path]:
        if not path.is_dir():
            yield from [path] if path.exists() else []
            return
        # links may lead in a circle
        seen = {self._apart}
        for folder, inner, names in os.walk(path, followlinks=True):
            real = Path(folder).resolve()
            if real in seen:
                inner.clear()
                continue
            seen.add(real)
            yield from (file for name in names if (file := Path(folder) / name).exists())


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        # too long a name, or a null byte in it
        return False
