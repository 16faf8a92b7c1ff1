# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Where networks run: the one place that reads the `device` setting, and what hangs on it."""

from __future__ import annotations

import contextlib
import re

import torch

from mot_ros.tracking.errors import ConfigError


def resolve_device(name: str) -> torch.device:
    """
    Return the device that 'auto', 'cpu', 'cuda' or 'cuda:N' stands for.

    'auto' is the first GPU if it can compute, else the CPU, and never fails. Raises
    ConfigError for a GPU that is not there and for any other name.
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
    """Return the N of 'cuda:N', 0 for 'cuda'; ConfigError for any other name of a device."""
    match = re.fullmatch(r'cuda(?::(\d+))?', name)
    if match is None:
        raise ConfigError(
            f"device is {name!r}; choose 'auto', 'cpu', 'cuda' or 'cuda:N' with the number of "
            'a GPU')
    return int(match.group(1) or 0)


def deterministic_fp32(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Have networks give the same numbers on every run and, but for rounding, on every device."""
    if device.type != 'cuda':
        return contextlib.nullcontext()
    # the networks are too small for TF32 to be worth three digits
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def use_fixed_shapes(device: torch.device, chosen: bool | None) -> bool:
    """Say whether work has fixed shapes, so that nobody waits: on a GPU, unless chosen."""
    return device.type == 'cuda' if chosen is None else chosen


def _works(index: int) -> bool:
    """Say whether a GPU is there and this PyTorch has kernels for it."""
    try:
        if not torch.cuda.is_available():
            return False
        one = torch.ones(1, device=torch.device('cuda', index))
        return bool((one + one).item() == 2)
    except (RuntimeError, AssertionError):
        # too old or too new a GPU, a broken driver, no free memory: the CPU always works
        return False
