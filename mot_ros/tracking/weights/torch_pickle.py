# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Read files of torch.save with torch's weights_only reader, behind a check of their opcodes.

Whole pickled networks are read too: an empty stand-in takes the place of each of their classes, so
that no foreign class is imported and no foreign function called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import io
from pathlib import Path
import pickle
import re
from typing import Any, BinaryIO, cast
import zipfile

import torch
from torch import Tensor

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.runtime.user_files import MAX_WEIGHTS_BYTES, open_regular
from mot_ros.tracking.weights.pickle_check import check_program, Summary
from mot_ros.tracking.weights.pickle_graph import RefusedError

MAX_MODULES = 100_000
MAX_NAME = 1000
"""Characters in the dotted name of a module."""
MAX_ENTRIES = 200_000
"""Files in the zip archive: one for each tensor, and a few."""
MAX_PROGRAM_BYTES = 64 << 20
ZIP = b'PK\x03\x04'
LEGACY = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'
"""The first bytes of files of torch before 1.6: a pickled number."""
LEGACY_PICKLES = 5
"""Pickles at the beginning of such a file: number, version, machine, content, storage keys."""


class StandIn:
    """An object of a class of the file: the path of the class and the object's attributes."""

    path = ''

    def __new__(cls, *arguments: Any) -> Any:
        """Make an object without attributes, whatever the arguments."""
        made = super().__new__(cls)
        made.attributes = {}
        return made

    def __init__(self, *arguments: Any) -> None:
        self.attributes: dict[Any, Any]

    def __setstate__(self, state: Any) -> None:
        """Take the attributes out of a pickle: a dictionary, or a tuple of two."""
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.attributes.update(part)


def read_plain(path: Path) -> object:
    """
    Return the content of a file of torch.save that holds tensors and plain containers, on the CPU.

    Raises WeightsError for anything else, with pickle.UnpicklingError as its cause where the file
    holds objects of other classes; nothing in the file is executed.
    """
    try:
        with open_regular(path, MAX_WEIGHTS_BYTES) as file:
            _check(file)
            return cast(object, torch.load(file, map_location='cpu', weights_only=True))
    # a damaged file makes torch raise errors of nearly every type
    except Exception as error:
        raise WeightsError(
            f'{path} is not a file of plain tensors, and is not run to find out what it is: '
            f'{_reason(error)}; save its state_dict with safetensors where you trust it'
        ) from error


def read_network(path: Path) -> object:
    """
    Return the content of a file of torch.save, with a StandIn for each object of another class.

    Raises WeightsError for what is no such file, is damaged, or calls a function that no network
    needs, and where torch is too old to read stand-ins.
    """
    if not hasattr(torch.serialization, 'safe_globals'):
        raise WeightsError(
            f'{path} is a whole pickled network, which torch {torch.__version__} cannot read '
            'without its classes; install torch 2.6 or newer, or save its state_dict alone')
    try:
        with open_regular(path, MAX_WEIGHTS_BYTES) as file:
            summary = _check(file)
            stand_ins = [(_stand_in(name, summary), name) for name in sorted(summary.names)]
            with torch.serialization.safe_globals(cast(Any, stand_ins)):
                return cast(object, torch.load(file, map_location='cpu', weights_only=True))
    except RefusedError as error:
        raise WeightsError(f'{path} is not read, and nothing of it was run: {error}') from error
    except Exception as error:
        raise WeightsError(
            f'{path} is damaged, or no file of torch.save: {type(error).__name__}: '
            f'{_reason(error)}; copy it again') from error


def _reason(error: Exception) -> str:
    """Return why torch refuses a file, without its advice to run it all the same."""
    text = ' '.join(str(error).split())
    wanted = re.search(r'GLOBAL (\S+)', text)
    if wanted:
        return f'it names {wanted[1]}, which is code'
    if isinstance(error, pickle.UnpicklingError):
        return 'it holds more than tensors'
    return text.partition('. ')[0][:200] or type(error).__name__


def _stand_in(name: str, summary: Summary) -> Any:
    """Return what the reader uses for a class or function of the file that is not torch's own."""
    functions: dict[str, Callable[..., Any] | type] = {
        'builtins.frozenset': frozenset,
        'collections.defaultdict': lambda *arguments: {},
        'copyreg._reconstructor': lambda kind, *arguments: kind.__new__(kind),
    }
    if name in functions:
        return functions[name]
    filled = summary.classes.get(name, '')
    if filled:
        made = {'SETITEM': dict, 'APPEND': list}[filled]
        return type('StandIn', (), {'__new__': lambda cls, *arguments: made()})
    return type('StandIn', (StandIn,), {'path': name})


def _check(file: BinaryIO) -> Summary:
    """Check a file before anything of it is built; RefusedError, or an error of wrong data."""
    start = file.read(len(LEGACY))
    size = file.seek(0, 2)
    file.seek(0)
    if start.startswith(ZIP):
        summary = _check_zip(file, size)
    elif start == LEGACY:
        summary = _check_legacy(file, size)
    else:
        raise ValueError('it does not begin as such a file does')
    file.seek(0)
    return summary


def _check_zip(file: BinaryIO, size: int) -> Summary:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_ENTRIES:
            raise RefusedError(f'it is an archive of {len(entries)} files')
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED:
                raise RefusedError(
                    f'{entry.filename} in it is compressed, which torch.save never does')
        # entries may lie over each other
        if sum(entry.file_size for entry in entries) > size:
            raise RefusedError(f'it unpacks to more than its {size} bytes')
        # torch takes names in capitals for the same
        programs = [
            entry for entry in entries if entry.filename.lower().endswith('data.pkl')]
        if len(programs) != 1:
            raise ValueError(
                f'it is an archive, but none of torch.save: it has {len(programs)} files data.pkl')
        if programs[0].file_size > MAX_PROGRAM_BYTES:
            raise RefusedError(f'its program has {programs[0].file_size} bytes')
        summary = check_program(io.BytesIO(archive.read(programs[0])))
        folder = programs[0].filename[:-len('data.pkl')]
        # torch makes tensors of the promised size, whatever the size of the entry
        for key, promised in summary.storage_bytes.items():
            if archive.getinfo(f'{folder}data/{key}').file_size < promised:
                raise ValueError(f'the numbers {key} have fewer than {promised} bytes')
    return summary


def _check_legacy(file: BinaryIO, size: int) -> Summary:
    whole = Summary()
    for _ in range(LEGACY_PICKLES):
        found = check_program(file)
        whole.names |= found.names
        whole.classes |= found.classes
        whole.storage_bytes |= found.storage_bytes
        if file.tell() > MAX_PROGRAM_BYTES:
            raise RefusedError('its program is too long')
    if sum(whole.storage_bytes.values()) > size:
        raise RefusedError(f'its tensors are larger than its {size} bytes')
    return whole


def tensors_of(module: StandIn) -> dict[str, Tensor]:
    """
    Return parameters and buffers of a network's StandIn by dotted name, as its state_dict has.

    Raises WeightsError if there are none, or more modules than any network has.
    """
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, StandIn]] = [('', module)]
    count = 0
    while waiting:
        prefix, record = waiting.pop()
        count += 1
        if count > MAX_MODULES or len(prefix) > MAX_NAME:
            raise WeightsError(
                f'the {module.path} in the file has more than {MAX_MODULES} parts, or parts '
                'that hold each other: it is no network')
        unsaved = record.attributes.get('_non_persistent_buffers_set')
        skipped = unsaved if isinstance(unsaved, set) else set()
        for group in ('_parameters', '_buffers'):
            found |= {
                f'{prefix}{name}': value for name, value in _mapping(record, group)
                if isinstance(value, Tensor) and name not in skipped}
        inner = [
            (f'{prefix}{name}.', value) for name, value in _mapping(record, '_modules')
            if isinstance(value, StandIn)]
        waiting += reversed(inner)
    if not found:
        raise WeightsError(
            f'the {module.path} in the file holds no tensors: it is no network of torch')
    return found


def _mapping(record: StandIn, name: str) -> Iterator[tuple[Any, Any]]:
    value = record.attributes.get(name)
    if isinstance(value, Mapping):
        yield from value.items()
