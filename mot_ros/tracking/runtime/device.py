# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Resolve the `device` setting and decide what depends on it."""

from __future__ import annotations

import contextlib
import re

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


def deterministic_fp32(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Compute deterministically in float32 without TF32, equal on all devices up to rounding."""
    if device.type != 'cuda':
        return contextlib.nullcontext()
    # for networks this small TF32 saves little time and costs three digits
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


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
