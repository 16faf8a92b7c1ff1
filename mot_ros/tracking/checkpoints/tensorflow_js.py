# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Read the arrays of a TensorFlow.js graph model: a .json with names and shapes, one .bin."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.errors import WeightsError

MOST_BYTES = 256 * 2**20
"""Larger files are not read; the .json of a detector has 100 KB, its .bin 10 MB."""
MOST_ARRAYS = 10_000
MOST_AXES = 8
STORED = {'float32': '<f4', 'int32': '<i4', 'float16': '<f2', 'uint8': 'u1', 'bool': 'u1'}
"""How numbers lie in the .bin, by their name in the .json."""


def read_arrays(graph: Path, data: Path) -> dict[str, NDArray[Any]]:
    """
    Return the arrays of a graph model by name, as they are stored.

    `graph` is the .json, `data` the one .bin that it describes. Quantization to float16 is
    understood, that to bytes is refused. Nothing of the graph is run. Raises WeightsError for
    files that are too large, not of this format, or do not fit together.
    """
    manifest = _manifest(graph)
    content = _bounded(data)
    arrays: dict[str, NDArray[Any]] = {}
    start = 0
    for entry in manifest:
        name, shape, kind = _described(entry, graph)
        if name in arrays:
            raise WeightsError(f'{graph} describes {name} twice')
        stop = start + math.prod(shape) * kind.itemsize
        if stop > len(content):
            raise WeightsError(
                f'{name} in {graph} ends at byte {stop}, but {data} has {len(content)}: the '
                'files do not belong together, or one is cut off')
        arrays[name] = np.frombuffer(content[start:stop], kind).reshape(shape)
        start = stop
    if start != len(content):
        raise WeightsError(
            f'{graph} describes {start} bytes, but {data} has {len(content)}: the files do not '
            'belong together')
    return arrays


def _manifest(graph: Path) -> list[object]:
    """Return the descriptions of all arrays, which lie in one file of data."""
    try:
        content = json.loads(_bounded(graph))
        groups = content['weightsManifest']
        paths = [path for group in groups for path in group['paths']]
        entries = [entry for group in groups for entry in group['weights']]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(
            f'{graph} is not the .json of a TensorFlow.js graph model: {error!r}') from error
    if len(paths) != 1 or len(entries) > MOST_ARRAYS:
        raise WeightsError(
            f'{graph} has {len(entries)} arrays in {len(paths)} files; what can be read is up to '
            f'{MOST_ARRAYS} in one file')
    return entries


def _described(entry: object, graph: Path) -> tuple[str, tuple[int, ...], np.dtype[Any]]:
    """Return name, shape and stored type of an array."""
    if not isinstance(entry, dict):
        raise WeightsError(f'{graph} describes an array by {entry!r:.80}')
    name, shape = entry.get('name'), entry.get('shape')
    quantization = entry.get('quantization', {})
    stored = quantization.get('dtype') if isinstance(quantization, dict) else None
    kind = stored or entry.get('dtype')
    if (not isinstance(name, str) or not isinstance(shape, list) or len(shape) > MOST_AXES
            or not all(type(side) is int and 0 <= side <= MOST_BYTES for side in shape)
            or kind not in STORED or (quantization and kind != 'float16')):
        raise WeightsError(
            f'{graph} describes an array {name!r:.80} of shape {shape!r:.80} and type '
            f'{kind!r:.80}; types that can be read are {", ".join(STORED)}, quantization float16')
    return name, tuple(shape), np.dtype(STORED[kind])


def _bounded(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise WeightsError(f'{path} has {size} bytes, more than the {MOST_BYTES} allowed')
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f'{path} cannot be read: {error}') from error
