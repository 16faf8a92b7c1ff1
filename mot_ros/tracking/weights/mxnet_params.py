# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Files of named arrays as MXNet saves them (`.params`), read without MXNet."""

from __future__ import annotations

import math
from pathlib import Path
import struct

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.runtime.user_files import MAX_WEIGHTS_BYTES, read_bytes

LIST_MAGIC = 0x112
"""The first eight bytes of a file."""
ARRAY_V1, ARRAY_V2 = 0xF993FAC8, 0xF993FAC9
"""The first four bytes of an array; older files have its number of dimensions there."""
DENSE = 0
DTYPES = ('<f4', '<f8', '<f2', 'u1', '<i4', 'i1', '<i8')
"""Of the numbers, by flag."""
MOST_DIMENSIONS = 32
KINDS = ('arg:', 'aux:')
"""What files of symbols put before the names of weights and of running statistics."""

Array = NDArray[np.generic]


def read_params(path: Path) -> dict[str, Array]:
    """
    Return the arrays of a file by name, without `arg:` and `aux:`.

    The file is a list of dense arrays and then one of names, in plain little-endian numbers:
    nothing in it can be executed. Raises WeightsError, with the place in the file, for one
    that is no such list, ends too early, goes on behind its end, or holds a sparse or an empty
    array or a type that there is not.
    """
    try:
        data = read_bytes(path, MAX_WEIGHTS_BYTES)
    except OSError as error:
        raise WeightsError(f'{path} cannot be read: {error.strerror or error}') from error
    try:
        return _Reader(data).arrays()
    except _DamagedError as error:
        raise WeightsError(
            f'{path} ({len(data)} bytes) is no whole file of MXNet arrays: {error}; copy it '
            'again, and save networks with save_parameters') from error


class _DamagedError(Exception):
    """What is wrong with the bytes, and where."""


class _Reader:
    """Goes through the bytes of a file once, and never behind their end."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def arrays(self) -> dict[str, Array]:
        """Read all of it."""
        magic = self._number('<Q', 'the beginning')
        if magic != LIST_MAGIC:
            raise _DamagedError(f'it begins with {magic:#x} and not with {LIST_MAGIC:#x}')
        self._number('<Q', 'the reserved number')
        # no array is shorter than its first number and its shape, no name than its length
        arrays = [self._array() for _ in range(self._count('arrays', 8))]
        names = [self._name() for _ in range(self._count('names', 8))]
        if len(names) != len(arrays):
            raise _DamagedError(f'it has {len(arrays)} arrays, but {len(names)} names')
        if self._at != len(self._data):
            raise _DamagedError(f'{len(self._data) - self._at} bytes follow the last name')
        named = dict(zip(map(_plain, names), arrays, strict=True))
        if len(named) != len(arrays):
            raise _DamagedError('two arrays have the same name')
        return named

    def _array(self) -> Array:
        start = self._at
        magic = self._number('<I', 'an array')
        if magic == ARRAY_V2:
            storage = self._number('<i', 'the storage type of an array')
            if storage != DENSE:
                raise _DamagedError(f'the array at byte {start} is sparse (type {storage})')
        wide = magic in (ARRAY_V1, ARRAY_V2)
        dimensions = self._number('<I', 'a shape') if wide else magic
        if not 0 < dimensions <= MOST_DIMENSIONS:
            raise _DamagedError(f'the array at byte {start} has {dimensions} dimensions')
        shape = [
            self._number('<q' if wide else '<I', 'a shape') for _ in range(dimensions)]
        # where it was computed, which is of no interest: kind of device and its number
        self._number('<i', 'a device')
        self._number('<i', 'a device')
        flag = self._number('<i', 'the type of an array')
        if not 0 <= flag < len(DTYPES):
            raise _DamagedError(f'the array at byte {start} has numbers of type {flag}')
        if min(shape) < 1:
            raise _DamagedError(f'the array at byte {start} has the shape {shape}')
        dtype = np.dtype(DTYPES[flag])
        content = self._take(math.prod(shape) * dtype.itemsize, f'the array at byte {start}')
        # a copy in the machine's own byte order, free of the file
        return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder('='))

    def _name(self) -> str:
        start = self._at
        content = self._take(self._number('<Q', 'the length of a name'), 'a name')
        try:
            return str(content, 'utf-8')
        except UnicodeDecodeError as error:
            raise _DamagedError(f'the name at byte {start} is no text') from error

    def _count(self, what: str, least: int) -> int:
        count = self._number('<Q', f'the number of {what}')
        if count * least > len(self._data) - self._at:
            raise _DamagedError(f'it is too short for the {count} {what} that it promises')
        return count

    def _number(self, form: str, what: str) -> int:
        number: int = struct.unpack(form, self._take(struct.calcsize(form), what))[0]
        return number

    def _take(self, count: int, what: str) -> memoryview:
        if count > len(self._data) - self._at:
            raise _DamagedError(f'it ends inside {what}, at byte {self._at}')
        self._at += count
        return self._data[self._at - count:self._at]


def _plain(name: str) -> str:
    return name[len(KINDS[0]):] if name.startswith(KINDS) else name
