# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""An ONNX file through onnxruntime: opened, its one image input understood, run in batches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch

from mot_ros.tracking import weights
from mot_ros.tracking.device import gpu_index
from mot_ros.tracking.errors import ConfigError, FrameError, WeightsError

TYPES = {'tensor(float)': np.float32, 'tensor(float16)': np.float16, 'tensor(uint8)': np.uint8}
STRIDE = 32
"""Sides that a file leaves open are rounded up to a multiple of this, or of its own stride."""
SILENT = 4
"""onnxruntime's severity of what ends the process: all else comes as an exception, or twice."""


class OnnxSession:
    """
    A network with one input for images.

    An ONNX file holds a graph of known operators and numbers, never code. Raises ConfigError if
    onnxruntime is missing, has no GPU that was asked for, or the input is not one of images;
    WeightsError if the file is missing, damaged or uses what this onnxruntime does not know.
    """

    def __init__(self, path: str, device: str = 'auto') -> None:
        self.path = _located(path)
        runtime = _runtime()
        self._errors = _errors_of(runtime)
        self._session, self.device = self._opened(runtime, device)
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        inputs = self._session.get_inputs()
        described = ', '.join(f'{entry.name} {tuple(entry.shape)} {entry.type}'
                              for entry in inputs)
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in TYPES:
            raise ConfigError(
                f'{self.path} takes {described}; one input of images is needed, four dimensions '
                'of float, float16 or uint8')
        self._input: str = inputs[0].name
        self.dtype = np.dtype(TYPES[inputs[0].type])
        # an open dimension has a name or nothing
        shape = [side if isinstance(side, int) and side > 0 else None
                 for side in inputs[0].shape]
        self.channels_last = shape[3] == 3 and shape[1] != 3
        channels = shape[3] if self.channels_last else shape[1]
        if channels not in (3, None):
            raise ConfigError(f'{self.path} takes {described}; images have three channels')
        self.batch = shape[0]
        rows, columns = shape[1:3] if self.channels_last else shape[2:]
        self._sides = columns, rows
        self.output_names: tuple[str, ...] = tuple(
            entry.name for entry in self._session.get_outputs())

    def size_for(self, wanted: tuple[int, int]) -> tuple[int, int]:
        """Return the (width, height) of the input: the file's, or the wanted where it is open."""
        text = self.metadata.get('stride', '')
        stride = int(text) if text.isdecimal() and int(text) else STRIDE
        width, height = (
            own or -(-side // stride) * stride
            for own, side in zip(self._sides, wanted, strict=True))
        return width, height

    def run(self, images: NDArray[np.generic]) -> list[NDArray[Any]]:
        """Return the outputs for a batch of as many images as the file takes."""
        try:
            outputs = self._session.run(None, {self._input: images})
        except self._errors as error:
            raise FrameError(
                f'{self.path} failed on an input of shape {images.shape}: {_first_line(error)}') \
                from error
        return [np.asarray(output) for output in outputs]

    def _opened(self, runtime: Any, device: str) -> tuple[Any, torch.device]:
        """Return a session and where it runs; the rules are those of resolve_device."""
        index = None if device in ('auto', 'cpu') else gpu_index(device)
        options = runtime.SessionOptions()
        options.log_severity_level = SILENT
        options.use_deterministic_compute = True
        options.intra_op_num_threads = torch.get_num_threads()
        # threads that wait shall leave the cores to others, see share_cores
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        there = 'CUDAExecutionProvider' in runtime.get_available_providers()
        if index is not None and not there:
            raise ConfigError(
                f"device is {device!r}, but this onnxruntime {runtime.__version__} is built "
                "without CUDA: set device to 'auto' or 'cpu', or: pip install onnxruntime-gpu")
        providers: list[Any] = ['CPUExecutionProvider']
        if device != 'cpu' and there:
            # the same numbers on every run and, but for rounding, the CPU's
            providers.insert(0, ('CUDAExecutionProvider', {
                'device_id': index or 0, 'use_tf32': 0, 'cudnn_conv_algo_search': 'DEFAULT'}))
        try:
            session = runtime.InferenceSession(str(self.path), options, providers=providers)
        except self._errors as error:
            raise WeightsError(
                f'{self.path} ({self.path.stat().st_size} bytes) is no ONNX file that '
                f'onnxruntime {runtime.__version__} can run: {_first_line(error)}; copy or '
                'export it again') from error
        # without its libraries or a driver the GPU is left out silently
        if 'CUDAExecutionProvider' in session.get_providers():
            return session, torch.device('cuda', index or 0)
        if index is not None:
            raise ConfigError(
                f"device is {device!r}, but onnxruntime {runtime.__version__} cannot use it (no "
                "such GPU, or CUDA and cuDNN libraries of another version): set device to "
                "'auto' or 'cpu', or install what is missing")
        return session, torch.device('cpu')


def _located(name: str) -> Path:
    """Return the file; an entry of the manifest is none, whatever lies in the folder."""
    if name in weights.MANIFEST:
        raise ConfigError(
            f'detector.weights is {name!r}, which are no weights of detector.type onnx; name an '
            '.onnx file')
    path = Path(name).expanduser()
    if not path.is_file():
        raise WeightsError(f'detector.weights is {name!r}, but there is no such file')
    if path.suffix.lower() != '.onnx':
        raise WeightsError(
            f'{path} ends in {path.suffix!r}; detector.type onnx takes .onnx files')
    return path


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(
            f'detector.type onnx needs onnxruntime, which cannot be imported ({error}): pip '
            'install onnxruntime, or onnxruntime-gpu for CUDA') from error
    return onnxruntime


def _errors_of(runtime: Any) -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises: classes without a common base of their own."""
    state = runtime.capi.onnxruntime_pybind11_state
    own = [kind for kind in vars(state).values()
           if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, RuntimeError, ValueError)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].strip()
