# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Networks of ours as ONNX files, made when they are first needed and kept.

They lie beside the weights, in `${XDG_CACHE_HOME:-~/.cache}/mot_ros/onnx`, which may be emptied
at any time. A file's name tells all that is in it: the weights, what is fixed in the graph, and
what wrote it. Where any of that changes another file is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import hashlib
import json
import logging
from pathlib import Path
import tempfile

import torch
from torch import nn

from mot_ros.tracking import nets
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.onnx_backend.export import check_packages, OPSET
from mot_ros.tracking.onnx_backend.module import OnnxGraph
from mot_ros.tracking.onnx_backend.session import gpu_of, has_cuda, open_file, runtime, TensorRt
from mot_ros.tracking.runtime.device import resolve_device
from mot_ros.tracking.weights import store as weights

DIGITS = 32
"""Of a SHA-256, in the name of a file."""

Write = Callable[[Path], None]


def cache_root() -> Path:
    """Return the folder of exported graphs."""
    return weights.cache_root().parent / 'onnx'


class OnnxBackend:
    """
    Runs networks by onnxruntime on a device, see open_file.

    Raises ConfigError where onnxruntime is missing or has no such device.
    """

    def __init__(self, device: str, precision: str = 'float32') -> None:
        self._runtime = runtime('backend onnx')
        self._device, self._precision = device, precision
        self._told: set[str] = set()
        gpu_of(self._runtime, device)
        gpu = device != 'cpu' and torch.cuda.is_available()
        self.device = torch.device('cpu')
        """Where tensors best are."""
        if gpu and has_cuda(self._runtime):
            self.device = resolve_device(device)
        elif gpu:
            self._tell(
                'there is a GPU, but this onnxruntime is built without CUDA and computes on the '
                'CPU: pip install onnxruntime-gpu')

    def graph(
            self, title: str, network: str, fixed: Mapping[str, object], write: Write,
            usual: int = 1, most: int = 1) -> OnnxGraph:
        """
        Return a graph that is in the cache, or that `write` writes to the path it gets.

        `network` says what the weights are, see digest, and `fixed` what else is in the graph,
        as JSON can hold it. Where the number of rows is open, `usual` and `most` say how many go
        at once. Raises ConfigError where the packages that write it are missing, WeightsError
        where the cache cannot be written.
        """
        path = cache_root() / f'{title}-{_named(network, fixed)}.onnx'
        if not path.is_file():
            self._make(path, write)
        tensorrt = TensorRt(cache_root() / 'tensorrt', self._precision, usual, most)
        try:
            opened = open_file(self._runtime, path, self._device, tensorrt)
        except WeightsError:
            # damaged on the disk, or of a version that this onnxruntime does not know
            path.unlink()
            self._make(path, write)
            opened = open_file(self._runtime, path, self._device, tensorrt)
        logging.getLogger(__name__).info(
            '%s runs by %s on %s', title, opened.provider, opened.device)
        if self._precision != 'float32' and opened.provider != 'TensorRT':
            self._tell(
                f'precision {self._precision} is for TensorRT alone where backend is onnx; '
                f'{opened.provider} computes in float32')
        return OnnxGraph(opened, path.name, most)

    def _make(self, path: Path, write: Write) -> None:
        check_packages()
        # here and not above: it is only needed once
        from mot_ros.tracking.checkpoints import pinned as weights_import

        self._tell(f'writing {path} for onnxruntime, once, which takes some seconds')
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / path.name
            write(file)
            weights_import.write(path, file.read_bytes())

    def _tell(self, text: str) -> None:
        """Say something once; it is a warning since less is not shown unless asked for."""
        if text not in self._told:
            self._told.add(text)
            logging.getLogger(__name__).warning(text)


def digest(network: nn.Module) -> str:
    """Return the SHA-256 of the tensors of a network, with their names and shapes."""
    found = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        found.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def _named(network: str, fixed: Mapping[str, object]) -> str:
    """Return the beginning of the SHA-256 of all that a graph follows from."""
    code = hashlib.sha256()
    for path in sorted(Path(nets.__file__).parent.rglob('*.py')):
        code.update(path.read_bytes())
    text = json.dumps({
        'network': network, 'fixed': dict(fixed), 'code': code.hexdigest(), 'opset': OPSET,
        'torch': torch.__version__}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
