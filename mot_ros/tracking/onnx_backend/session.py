# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Open an ONNX file in onnxruntime with the best provider of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import logging
from pathlib import Path
from typing import Any

import torch

from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.runtime.device import gpu_index

SILENT = 4
"""Log severity of onnxruntime for fatal errors; all others arrive as exceptions."""
TENSORRT, CUDA, CPU = 'TensorrtExecutionProvider', 'CUDAExecutionProvider', 'CPUExecutionProvider'
NAMES = {TENSORRT: 'TensorRT', CUDA: 'CUDA', CPU: 'CPU'}

Shape = Sequence[int | str | None]
"""Shape of a tensor in a graph; a dynamic dimension has a name or None."""
REDUCED = {'float16': 'trt_fp16_enable', 'bfloat16': 'trt_bf16_enable'}


@dataclass(frozen=True)
class TensorRt:
    """
    Options of TensorRT, if it is available.

    Engines are cached in `folder`, since building them takes minutes; `precision` is the lowest
    that they may use. A dynamic dimension is at least 1 and at most `most`, and `usual` for
    tuning.
    """

    folder: Path
    precision: str = 'float32'
    usual: int = 1
    most: int = 1


@dataclass(frozen=True)
class Opened:
    """Session of onnxruntime, its device and provider, one of NAMES."""

    runtime: Any
    session: Any
    device: torch.device
    provider: str


def runtime(who: str) -> Any:
    """Return the module onnxruntime; ConfigError, saying that `who` needs it, if it is missing."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(
            f'{who} needs onnxruntime, which cannot be imported ({error}): pip install '
            'onnxruntime, or onnxruntime-gpu for CUDA') from error
    return onnxruntime


def errors_of(ort: Any) -> tuple[type[Exception], ...]:
    """Return onnxruntime's exceptions, which have no common base class."""
    state = ort.capi.onnxruntime_pybind11_state
    own = [kind for kind in vars(state).values()
           if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, RuntimeError, ValueError)


def first_line(error: Exception) -> str:
    """Return the first line of an exception's message, without the library's trace."""
    return (str(error).splitlines() or [type(error).__name__])[0].strip()


def has_cuda(ort: Any) -> bool:
    """Return whether this onnxruntime is built with CUDA, with or without a GPU."""
    return CUDA in ort.get_available_providers()


def gpu_of(ort: Any, device: str) -> int | None:
    """Return the index of the GPU that a device names, if any; ConfigError without CUDA."""
    if device in ('auto', 'cpu'):
        return None
    index = gpu_index(device)
    if not has_cuda(ort):
        raise ConfigError(
            f"device is {device!r}, but this onnxruntime {ort.__version__} is built without "
            "CUDA: set device to 'auto' or 'cpu', or: pip install onnxruntime-gpu")
    return index


def open_file(ort: Any, path: Path, device: str, tensorrt: TensorRt | None = None) -> Opened:
    """
    Open an ONNX file on a device, by the rules of resolve_device.

    On a GPU, TensorRT is tried first if requested, then CUDA, then the CPU; a GPU requested by
    name must be used. Raises ConfigError for a device that does not exist, WeightsError for a file
    that is damaged or unsupported by this onnxruntime.
    """
    index = gpu_of(ort, device)
    providers: list[Any] = [CPU]
    if device != 'cpu' and has_cuda(ort):
        # deterministic, and equal to the CPU up to rounding
        providers.insert(0, (CUDA, {
            'device_id': index or 0, 'use_tf32': 0, 'cudnn_conv_algo_search': 'DEFAULT'}))
        if tensorrt is not None and TENSORRT in ort.get_available_providers():
            inputs = _session(ort, path, [CPU]).get_inputs()
            providers.insert(0, (TENSORRT, {
                'device_id': index or 0,
                **tensorrt_options(tensorrt, {entry.name: entry.shape for entry in inputs})}))
    session = _first(ort, path, providers)
    # without its libraries or driver onnxruntime skips a GPU silently
    provider = next(name for name in session.get_providers() if name in NAMES)
    if provider != CPU:
        return Opened(ort, session, torch.device('cuda', index or 0), NAMES[provider])
    if index is not None:
        raise ConfigError(
            f"device is {device!r}, but onnxruntime {ort.__version__} cannot use it (no such GPU, "
            "or CUDA and cuDNN libraries of another version): set device to 'auto' or 'cpu', or "
            'install what is missing')
    return Opened(ort, session, torch.device('cpu'), NAMES[CPU])


def tensorrt_options(wanted: TensorRt, inputs: Mapping[str, Shape]) -> dict[str, Any]:
    """Return TensorRT's options for a graph with these inputs."""
    folder = str(wanted.folder)
    options: dict[str, Any] = {
        'trt_engine_cache_enable': True, 'trt_engine_cache_path': folder,
        'trt_timing_cache_enable': True, 'trt_timing_cache_path': folder}
    if wanted.precision in REDUCED:
        options[REDUCED[wanted.precision]] = True
    for name, rows in (('min', 1), ('opt', wanted.usual), ('max', wanted.most)):
        shapes = ','.join(
            f'{tensor}:' + 'x'.join(str(side if isinstance(side, int) else rows) for side in shape)
            for tensor, shape in inputs.items()
            if not all(isinstance(side, int) for side in shape))
        if shapes:
            # else an engine would be built for each number of rows
            options[f'trt_profile_{name}_shapes'] = shapes
    return options


def _first(ort: Any, path: Path, providers: Sequence[Any]) -> Any:
    """Open a file with the first provider that can, with the later ones as fallback."""
    for number in range(len(providers) - 1):
        try:
            return _session(ort, path, providers[number:])
        except WeightsError as error:
            logging.getLogger(__name__).warning(
                'onnxruntime has %s, but %s', NAMES[providers[number][0]], error)
    return _session(ort, path, providers[-1:])


def _session(ort: Any, path: Path, providers: Sequence[Any]) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = SILENT
    options.use_deterministic_compute = True
    options.intra_op_num_threads = torch.get_num_threads()
    # idle threads must sleep, see share_cores
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    try:
        # onnxruntime's own fallback prints to stdout
        return ort.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
    except errors_of(ort) as error:
        raise WeightsError(
            f'{path} ({path.stat().st_size} bytes) is no ONNX file that onnxruntime '
            f'{ort.__version__} can run: {first_line(error)}; copy or export it again') from error
