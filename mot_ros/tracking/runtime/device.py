# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Resolve the `device` setting and decide what depends on it."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import logging
import re
import threading
from typing import Any

import torch

from mot_ros.tracking.errors import ConfigError


def resolve_device(name: str) -> torch.device:
    """
    Return the torch device for 'auto', 'cpu', 'cuda' or 'cuda:N'.

    'auto' is the first usable GPU, else the CPU, and never fails. Raises ConfigError for a GPU
    that does not exist and for any other name.
    """
    if name == 'auto':
        return torch.device('cuda', 0) if _works(0) else torch.device('cpu')
    if name == 'cpu':
        return torch.device('cpu')
    index = gpu_index(name)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        built = torch.version.cuda
        reason = (
            f'this PyTorch {torch.__version__} is built without CUDA' if built is None
            else f'PyTorch {torch.__version__} (CUDA {built}) finds no GPU and driver')
        raise ConfigError(
            f"device is {name!r}, but {reason}: set device to 'auto' or 'cpu', or install what "
            'is missing')
    if index >= count:
        raise ConfigError(
            f"device is {name!r}, but there are {count} GPUs, numbered from 0: choose 'cuda:0' "
            f"to 'cuda:{count - 1}'")
    return torch.device('cuda', index)


def gpu_index(name: str) -> int:
    """Return the N of 'cuda:N', 0 for 'cuda'; ConfigError for any other name."""
    match = re.fullmatch(r'cuda(?::(\d+))?', name)
    if match is None:
        raise ConfigError(
            f"device is {name!r}; choose 'auto', 'cpu', 'cuda' or 'cuda:N' with the number of "
            'a GPU')
    return int(match.group(1) or 0)


class _ExactWork:
    """
    Keeps flags of torch, which belong to the process, while some thread does exact work.

    The first thread that begins sets them, and the last that ends puts back what was there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._before: list[tuple[Any, str, Any]] = []

    def begin(self) -> None:
        with self._lock:
            if not self._count:
                flags = _exact_flags()
                self._before = [(owner, name, getattr(owner, name)) for owner, name, _ in flags]
                for owner, name, value in flags:
                    setattr(owner, name, value)
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if not self._count:
                for owner, name, value in self._before:
                    setattr(owner, name, value)


_EXACT_WORK = _ExactWork()


@contextlib.contextmanager
def deterministic_fp32(device: torch.device) -> Iterator[None]:
    """
    Compute deterministically in float32 without TF32, equal on all devices up to rounding.

    What the process has chosen for its other work is put back afterwards.
    """
    if device.type != 'cuda':
        yield
        return
    _EXACT_WORK.begin()
    try:
        yield
    finally:
        _EXACT_WORK.end()


def _exact_flags() -> list[tuple[Any, str, Any]]:
    """Return owner, name and value of the flags that exact work needs."""
    convolutions: Any = torch.backends.cudnn
    products = torch.backends.cuda.matmul
    # sums in bfloat16 and float16 are no longer those of float32
    reduced = [
        name for name in ('allow_bf16_reduced_precision_reduction',
                          'allow_fp16_reduced_precision_reduction') if hasattr(products, name)]
    flags: list[tuple[Any, str, Any]] = [(products, name, False) for name in reduced]
    # for networks this small TF32 saves little time and costs three digits
    if hasattr(products, 'fp32_precision'):
        # of torch 2.9 and newer, where the older names raise once somebody has set these
        flags += [(products, 'fp32_precision', 'ieee'),
                  (convolutions.conv, 'fp32_precision', 'ieee')]
    else:
        flags += [(products, 'allow_tf32', False), (convolutions, 'allow_tf32', False)]
    return [*flags, (convolutions, 'benchmark', False), (convolutions, 'deterministic', True)]


def native_dtype(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """
    Return the precision to compute in where `dtype` is asked for: one that a GPU has units for.

    bfloat16 from compute capability 8 on, float16 from 7 on, else float32, with a warning where
    it is not the one asked for: torch.cuda.is_bf16_supported() is true for emulation as well,
    which is slower than float32. The CPU is left to the caller.
    """
    if device.type != 'cuda' or dtype == torch.float32:
        return dtype
    major, minor = torch.cuda.get_device_capability(device)
    fits = major >= (8 if dtype == torch.bfloat16 else 7)
    if fits:
        return dtype
    native = torch.float16 if major >= 7 else torch.float32
    logging.getLogger(__name__).warning(
        'precision is %s, for which a GPU of compute capability %d.%d has no units: networks run '
        'in %s', str(dtype).removeprefix('torch.'), major, minor,
        str(native).removeprefix('torch.'))
    return native


def use_fixed_shapes(device: torch.device, chosen: bool | None) -> bool:
    """
    Return whether to use the fixed-shape path: yes on a GPU, unless overridden.

    That path never synchronises with the GPU.
    """
    return device.type == 'cuda' if chosen is None else chosen


def _works(index: int) -> bool:
    """Return whether a GPU exists and this PyTorch has kernels for it."""
    try:
        if not torch.cuda.is_available():
            return False
        one = torch.ones(1, device=torch.device('cuda', index))
        return bool((one + one).item() == 2)
    except (RuntimeError, AssertionError):
        # a GPU too old or too new, a broken driver, no free memory: fall back to the CPU
        return False
