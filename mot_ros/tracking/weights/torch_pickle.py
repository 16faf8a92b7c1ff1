# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Reads tensors out of pickled networks without unpickling them: nothing in a file is ever called.

Of the functions that files of networks call, the few that build tensors are done here, and those
that build numbers and settings give Records; a call of any other ends the reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any
import zipfile

import torch
from torch import Tensor

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.weights.pickle_machine import Machine, Name, Record, RefusedError

TYPES = {
    'DoubleStorage': torch.float64, 'FloatStorage': torch.float32, 'HalfStorage': torch.float16,
    'BFloat16Storage': torch.bfloat16, 'LongStorage': torch.int64, 'IntStorage': torch.int32,
    'ShortStorage': torch.int16, 'CharStorage': torch.int8, 'ByteStorage': torch.uint8,
    'BoolStorage': torch.bool,
}
TENSORS = ('torch._utils._rebuild_tensor', 'torch._utils._rebuild_tensor_v2')
PARAMETERS = ('torch._utils._rebuild_parameter', 'torch._utils._rebuild_parameter_with_state')
SETS = ('__builtin__.set', 'builtins.set', '__builtin__.frozenset', 'builtins.frozenset')
RECORDED = frozenset((
    'numpy.core.multiarray.scalar', 'numpy._core.multiarray.scalar',
    'numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct', 'numpy.dtype',
    '_codecs.encode', 'torch.device', 'torch.Size', 'collections.defaultdict',
    'copy_reg._reconstructor', 'copyreg._reconstructor', 'pathlib.PosixPath',
    'pathlib.WindowsPath', 'pathlib.PurePosixPath'))
"""What files of networks call beside: a Record of the call is all that is made."""
MOST_MODULES = 100_000
LONGEST_NAME = 1000
"""More than any network has; a file in which parts stand in each other has no end."""


def read(path: Path) -> Any:
    """
    Return what a file of torch.save holds: dicts, lists, numbers, texts, tensors, Records.

    Raises WeightsError for what is no such file, is damaged, or would call something when
    unpickled that no network needs.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _Reader(path, archive).run()
    except RefusedError as error:
        raise WeightsError(f'{path} is not read, and nothing of it was run: {error}') from error
    except zipfile.BadZipFile as error:
        raise WeightsError(
            f'{path} is no whole file of torch.save ({error}); such a file is a zip archive '
            'since torch 1.6: copy it again, or save it again with a newer torch') from error
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OSError, RuntimeError,
            NotImplementedError, UnicodeDecodeError, EOFError, RecursionError) as error:
        raise WeightsError(
            f'{path} is damaged, or no file of torch.save: {type(error).__name__}: '
            f'{" ".join(str(error).split())[:200]}; copy it again') from error


def tensors_of(module: Record) -> dict[str, Tensor]:
    """
    Return parameters and buffers of a network's Record by dotted name, as its state_dict has.

    Raises WeightsError if it has no parts that networks have, or parts without end.
    """
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, Record]] = [('', module)]
    count = 0
    while waiting:
        prefix, record = waiting.pop()
        count += 1
        if count > MOST_MODULES or len(prefix) > LONGEST_NAME:
            raise WeightsError(
                f'the {module.path} in the file has more than {MOST_MODULES} parts, or parts '
                'that hold each other: it is no network')
        unsaved = record.attributes.get('_non_persistent_buffers_set')
        skipped = unsaved if isinstance(unsaved, set) else set()
        for group in ('_parameters', '_buffers'):
            found |= {
                f'{prefix}{name}': value for name, value in _mapping(record, group)
                if isinstance(value, Tensor) and name not in skipped}
        inner = [
            (f'{prefix}{name}.', value) for name, value in _mapping(record, '_modules')
            if isinstance(value, Record)]
        waiting += reversed(inner)
    if not found:
        raise WeightsError(
            f'the {module.path} in the file holds no tensors: it is no network of torch')
    return found


def _mapping(record: Record, name: str) -> Iterator[tuple[Any, Any]]:
    value = record.attributes.get(name)
    if isinstance(value, Mapping):
        yield from value.items()


class _Reader:
    """Follows the program of one file."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive
        programs = [name for name in archive.namelist() if name.endswith('data.pkl')]
        if len(programs) != 1:
            raise WeightsError(
                f'{path} is a zip archive, but none of torch.save: it has {len(programs)} '
                'files data.pkl')
        self._program = programs[0]
        self._folder = programs[0].removesuffix('data.pkl')
        self._storages: dict[str, Tensor] = {}

    def run(self) -> Any:
        """Return the one object that the program ends with."""
        if f'{self._folder}byteorder' in self._archive.namelist() and (
                self._content(f'{self._folder}byteorder') != b'little'):
            raise WeightsError(f'{self._path} was written on a big-endian machine; convert it')
        return Machine(self._called, self._storage).run(self._content(self._program))

    def _content(self, name: str) -> bytes:
        """Return one file of the archive, which torch never compresses."""
        if self._archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
            raise WeightsError(
                f'{name} in {self._path} is compressed, which torch.save never does')
        return self._archive.read(name)

    def _called(self, path: str, arguments: Any) -> Any:
        """Do what a known function would, or make a Record of the call; refuse all others."""
        if path in TENSORS:
            return _tensor(*arguments[:4])
        if path in PARAMETERS:
            return arguments[0]
        if path == 'collections.OrderedDict':
            return dict(*arguments)
        if path in SETS:
            return set(*arguments)
        if path in RECORDED:
            first = arguments[0] if arguments and path.endswith('_reconstructor') else None
            return Record(first.path if isinstance(first, Name) else path)
        raise RefusedError(f'it wants to call {path}, which no file of a network needs')

    def _storage(self, reference: Any) -> Tensor:
        """Return the numbers that a tensor lies in, (N,)."""
        kind, where, key = reference[0], reference[1].path, str(reference[2])
        name = where.rpartition('.')[2]
        if kind != 'storage' or where != f'torch.{name}' or name not in TYPES:
            raise RefusedError(f'it refers to {kind} {where}, not to numbers of torch')
        if key not in self._storages:
            data = bytearray(self._content(f'{self._folder}data/{key}'))
            self._storages[key] = (
                torch.frombuffer(data, dtype=TYPES[name]) if data
                else torch.empty(0, dtype=TYPES[name]))
        return self._storages[key]


def _tensor(storage: Tensor, offset: int, size: Any, stride: Any) -> Tensor:
    """Return a copy of the part of a storage that a tensor shows, if it lies inside."""
    size, stride = tuple(size), tuple(stride)
    last = offset + sum((side - 1) * step for side, step in zip(size, stride, strict=True))
    inside = not prod(size) or (
        min((offset, *size, *stride), default=0) >= 0 and last < len(storage)
        and prod(size) <= len(storage))
    if not inside:
        raise ValueError(f'a tensor {size} reaches beyond its {len(storage)} numbers')
    return torch.as_strided(storage, size, stride, offset).clone()
