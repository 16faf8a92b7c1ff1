# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
OnnxBackend: cache of our networks exported to ONNX.

Files are in `${XDG_CACHE_HOME:-~/.cache}/mot_ros/onnx`, which may be deleted at any time. A file's
name is a hash of all that its graph depends on: the weights, fixed parameters, the code and
versions that wrote it. If any of them changes, a new file is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import hashlib
import json
import logging
from pathlib import Path

import torch
from torch import nn

from mot_ros.tracking import nets
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.onnx_backend.export import check_packages, OPSET
from mot_ros.tracking.onnx_backend.module import OnnxGraph
from mot_ros.tracking.onnx_backend.session import gpu_of, has_cuda, open_file, runtime, TensorRt
from mot_ros.tracking.runtime.device import resolve_device
from mot_ros.tracking.runtime.scratch import scratch_folder
from mot_ros.tracking.weights import store as weights

DIGITS = 32
"""Hexadecimal digits of the SHA-256 in a file's name."""

Write = Callable[[Path], None]


def cache_root() -> Path:
    """Return the folder of exported graphs."""
    return weights.cache_root().parent / 'onnx'


class OnnxBackend:
    """
    Run networks in onnxruntime on a device, see open_file.

    Raises ConfigError if onnxruntime is missing or has no such device.
    """

    def __init__(self, device: str, precision: str = 'float32') -> None:
        self._runtime = runtime('backend onnx')
        self._device, self._precision = device, precision
        self._logged: set[str] = set()
        gpu_of(self._runtime, device)
        gpu = device != 'cpu' and torch.cuda.is_available()
        self.device = torch.device('cpu')
        """Device on which inputs should be."""
        if gpu and has_cuda(self._runtime):
            self.device = resolve_device(device)
        elif gpu:
            self._log_once(
                'there is a GPU, but this onnxruntime is built without CUDA and computes on the '
                'CPU: pip install onnxruntime-gpu')

    def graph(
            self, title: str, network: str, fixed: Mapping[str, object], write: Write,
            usual: int = 1, most: int = 1) -> OnnxGraph:
        """
        Return a graph from the cache; if it is missing, `write` writes it to the given path.

        `network` identifies the weights, see digest, and `fixed` everything else in the graph, as
        JSON. For an open number of rows, `usual` and `most` are the typical and the largest batch.
        Raises ConfigError if packages for the export are missing, WeightsError if the cache cannot
        be written.
        """
        path = cache_root() / f'{title}-{_named(network, fixed)}.onnx'
        if not path.is_file():
            self._make(path, write)
        tensorrt = TensorRt(cache_root() / 'tensorrt', self._precision, usual, most)
        try:
            opened = open_file(self._runtime, path, self._device, tensorrt)
        except WeightsError:
            # damaged on disk, or of a version this onnxruntime does not support
            path.unlink()
            self._make(path, write)
            opened = open_file(self._runtime, path, self._device, tensorrt)
        logging.getLogger(__name__).info(
            '%s runs by %s on %s', title, opened.provider, opened.device)
        if self._precision != 'float32' and opened.provider != 'TensorRT':
            self._log_once(
                f'precision {self._precision} is for TensorRT alone where backend is onnx; '
                f'{opened.provider} computes in float32')
        return OnnxGraph(opened, path.name, most)

    def _make(self, path: Path, write: Write) -> None:
        check_packages()
        # imported late: only needed once
        from mot_ros.tracking.checkpoints import pinned as weights_import

        self._log_once(f'writing {path} for onnxruntime, once, which takes some seconds')
        with scratch_folder() as folder:
            file = Path(folder) / path.name
            write(file)
            weights_import.write(path, file.read_bytes())

    def _log_once(self, text: str) -> None:
        """Log something once, as a warning, since lower levels are hidden by default."""
        if text not in self._logged:
            self._logged.add(text)
            logging.getLogger(__name__).warning(text)


def digest(network: nn.Module) -> str:
    """Return the SHA-256 of a network's tensors, with their names and shapes."""
    found = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        found.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def _named(network: str, fixed: Mapping[str, object]) -> str:
    """Return the first digits of the SHA-256 of all that a graph depends on."""
    code = hashlib.sha256()
    for path in sorted(Path(nets.__file__).parent.rglob('*.py')):
        code.update(path.read_bytes())
    text = json.dumps({
        'network': network, 'fixed': dict(fixed), 'code': code.hexdigest(), 'opset': OPSET,
        'torch': torch.__version__}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
