# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""onnxruntime: an ONNX file opened by the best of what this machine has to run it."""

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
"""onnxruntime's severity of what ends the process: all else comes as an exception, or twice."""
TENSORRT, CUDA, CPU = 'TensorrtExecutionProvider', 'CUDAExecutionProvider', 'CPUExecutionProvider'
NAMES = {TENSORRT: 'TensorRT', CUDA: 'CUDA', CPU: 'CPU'}

Shape = Sequence[int | str | None]
"""Of a tensor in a graph; a dimension that is open has a name or nothing."""
REDUCED = {'float16': 'trt_fp16_enable', 'bfloat16': 'trt_bf16_enable'}


@dataclass(frozen=True)
class TensorRt:
    """
    How TensorRT runs a graph, where it is there.

    Engines are kept in a `folder`, as it takes minutes to make them; `precision` is what they may
    compute with. A dimension that the graph leaves open is at least 1 and at most `most` long,
    and `usual` at best.
    """

    folder: Path
    precision: str = 'float32'
    usual: int = 1
    most: int = 1


@dataclass(frozen=True)
class Opened:
    """A session of onnxruntime, the device that it runs on, and by what: one of NAMES."""

    runtime: Any
    session: Any
    device: torch.device
    provider: str


def runtime(who: str) -> Any:
    """Return the module onnxruntime; ConfigError, that `who` needs it, where it is missing."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(
            f'{who} needs onnxruntime, which cannot be imported ({error}): pip install '
            'onnxruntime, or onnxruntime-gpu for CUDA') from error
    return onnxruntime


def errors_of(ort: Any) -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises: classes without a common base of their own."""
    state = ort.capi.onnxruntime_pybind11_state
    own = [kind for kind in vars(state).values()
           if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, RuntimeError, ValueError)


def first_line(error: Exception) -> str:
    """Return the beginning of what an exception says, without the trace of the library."""
    return (str(error).splitlines() or [type(error).__name__])[0].strip()


def has_cuda(ort: Any) -> bool:
    """Say whether this onnxruntime is built with CUDA; there may be no GPU all the same."""
    return CUDA in ort.get_available_providers()


def gpu_of(ort: Any, device: str) -> int | None:
    """Return the number of the GPU that a device names, if any; ConfigError without CUDA."""
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

    Where a GPU may be used, TensorRT is tried first if it is asked for, then CUDA, then the CPU;
    a GPU that was asked for by name must be used. Raises ConfigError for a device that is not
    there, WeightsError for a file that is damaged or uses what this onnxruntime does not know.
    """
    index = gpu_of(ort, device)
    providers: list[Any] = [CPU]
    if device != 'cpu' and has_cuda(ort):
        # the same numbers on every run and, but for rounding, the CPU's
        providers.insert(0, (CUDA, {
            'device_id': index or 0, 'use_tf32': 0, 'cudnn_conv_algo_search': 'DEFAULT'}))
        if tensorrt is not None and TENSORRT in ort.get_available_providers():
            inputs = _session(ort, path, [CPU]).get_inputs()
            providers.insert(0, (TENSORRT, {
                'device_id': index or 0,
                **tensorrt_options(tensorrt, {entry.name: entry.shape for entry in inputs})}))
    session = _first(ort, path, providers)
    # without its libraries or a driver a GPU is left out silently
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
    """Return the options of TensorRT for a graph with these inputs."""
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
            # else an engine would be made anew for each number of rows
            options[f'trt_profile_{name}_shapes'] = shapes
    return options


def _first(ort: Any, path: Path, providers: Sequence[Any]) -> Any:
    """Open a file by the first of the providers that can, those after it doing the rest."""
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
    # threads that wait shall leave the cores to others, see share_cores
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    try:
        # its own fallback prints
        return ort.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
    except errors_of(ort) as error:
        raise WeightsError(
            f'{path} ({path.stat().st_size} bytes) is no ONNX file that onnxruntime '
            f'{ort.__version__} can run: {first_line(error)}; copy or export it again') from error
