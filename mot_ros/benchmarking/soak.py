# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Soak test: measure the growth of memory over many frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mot_ros.tracking.types import Frame

SAMPLES = 50
"""Number of samples of memory."""
SETTLED = 0.2
"""Share of the frames that warm up, with new CUDA graphs for instance, and do not count."""
MOST_MIB = {'process': 5.0, 'allocated': 1.0, 'reserved': 1.0}
"""Allowed growth in MiB per 1000 frames, of the process and on the GPU."""
MIB = 1 << 20


def measure(
        update: Callable[[Sequence[Frame]], object], coming: Iterator[Frame],
        frames: Iterable[int], length: int) -> dict[str, Any]:
    """
    Track so many frames, and sample memory SAMPLES times.

    `update` takes the frames of one moment, see whole_frames.make. Returns MiB by frame, of the
    process and on a GPU the peak of allocated memory since the last sample and the reserved one;
    growth in MiB per 1000 frames by a straight line through all but the first fifth; and whether
    it is `flat`, see MOST_MIB.
    """
    every = max(1, length // SAMPLES)
    at: list[int] = []
    mib: list[dict[str, float]] = []
    for number in frames:
        update([next(coming)])
        if number % every == every - 1:
            at.append(number + 1)
            mib.append(_memory())
    found = {name: [sample[name] for sample in mib] for name in mib[0]}
    grown = {name: growth(at, values) for name, values in found.items()}
    return {
        'frames': length, 'at': at, 'mib': found, 'mib_per_1000': grown,
        'allowed': {name: MOST_MIB[name] for name in found},
        'most_mib': {name: max(values) for name, values in found.items()},
        'flat': all(growing <= MOST_MIB[name] for name, growing in grown.items())}


def lines(found: dict[str, Any]) -> str:
    """Return the result of measure as text."""
    text = ''.join(
        f'memory    {name}: at most {found["most_mib"][name]:.0f} MiB, '
        f'{found["mib_per_1000"][name]:+.2f} MiB per 1000 frames ({most:g} allowed)\n'
        for name, most in found['allowed'].items())
    word = 'flat' if found['flat'] else 'NOT FLAT'
    return f'{text}          {word} over {found["frames"]} frames\n'


def growth(at: Sequence[int], values: Sequence[float]) -> float:
    """Return the growth of values per 1000 frames after the warm-up, 0 for too few samples."""
    late = np.asarray(at) > SETTLED * at[-1]
    if late.sum() < 2:
        return 0.0
    slope = np.polyfit(np.asarray(at)[late], np.asarray(values)[late], 1)[0]
    return float(1000 * slope)


def _memory() -> dict[str, float]:
    """Return MiB of this process, and of its tensors on all GPUs if one is in use."""
    found = {'process': _resident() / MIB}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        gpus = range(torch.cuda.device_count())
        found |= {
            'allocated': sum(map(torch.cuda.max_memory_allocated, gpus)) / MIB,
            'reserved': sum(map(torch.cuda.memory_reserved, gpus)) / MIB}
        for gpu in gpus:
            torch.cuda.reset_peak_memory_stats(gpu)
    return found


def _resident() -> int:
    """Return the resident memory of this process in bytes."""
    pages = Path('/proc/self/statm').read_text().split()[1]
    return int(pages) * os.sysconf('SC_PAGE_SIZE')
