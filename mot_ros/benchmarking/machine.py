# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Describe processor, GPU and versions, for the result of a benchmark."""

from __future__ import annotations

import os
from pathlib import Path
import platform
import shutil
import subprocess
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ASKED = (
    'name', 'driver_version', 'memory.total', 'power.limit', 'clocks.sm', 'clocks.max.sm',
    'clocks.mem', 'clocks.max.mem', 'pstate', 'ecc.mode.current', 'mig.mode.current')
"""Fields of a GPU that nvidia-smi is queried for."""


def describe_machine() -> dict[str, Any]:
    """Return processor, number of cores, load averages and the version of Python."""
    info = Path('/proc/cpuinfo')
    models = [line.partition(':')[2].strip() for line in info.read_text().splitlines()
              if line.startswith('model name')] if info.exists() else []
    return {
        'cpu': models[0] if models else platform.processor(), 'cores': os.cpu_count(),
        'load': os.getloadavg(), 'python': platform.python_version()}


def describe_gpu(device: torch.device) -> dict[str, Any] | None:
    """Return name, memory, libraries and, where nvidia-smi is, driver and clocks of a GPU."""
    import torch

    if device.type != 'cuda':
        return None
    properties = torch.cuda.get_device_properties(device)
    return {
        'name': properties.name, 'memory_gib': properties.total_memory / 2 ** 30,
        'units': properties.multi_processor_count,
        'capability': f'{properties.major}.{properties.minor}', 'cuda': torch.version.cuda,
        'cudnn': torch.backends.cudnn.version(), **_smi(device.index or 0)}


def surroundings(device: torch.device) -> dict[str, Any]:
    """Return hardware, versions and date of a measurement."""
    import datetime

    import cv2
    import numpy as np
    import torch

    from mot_ros import __version__

    return {
        'hardware': {
            **describe_machine(), 'gpu': describe_gpu(device),
            'torch_threads': torch.get_num_threads()},
        'versions': {
            'mot_ros': __version__, 'torch': torch.__version__, 'numpy': np.__version__,
            'opencv': cv2.__version__},
        'date': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')}


def _smi(index: int) -> dict[str, str]:
    """Return the fields of nvidia-smi for a GPU; none where the program is missing or fails."""
    program = shutil.which('nvidia-smi')
    if program is None:
        return {}
    try:
        said = subprocess.run(
            [program, f'--query-gpu={",".join(ASKED)}', '--format=csv,noheader', '-i',
             str(index)], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    cells = [cell.strip() for cell in said.strip().split(',')]
    return dict(zip(ASKED, cells, strict=True)) if len(cells) == len(ASKED) else {}
