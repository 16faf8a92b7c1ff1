# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Peak arithmetic and memory bandwidth of a device: from its data sheet, or measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass
import re
import time

import torch
from torch.nn import functional as F

from mot_ros.tracking.config.compute import PRECISIONS
from mot_ros.tracking.runtime.device import deterministic_fp32

PRODUCT = {'cpu': 768, 'cuda': 8192}
"""Side of the matrices whose product is timed: large enough to keep all units busy."""
CHANNELS, CELLS = {'cpu': 192, 'cuda': 1024}, 64
"""Size of the 3 x 3 convolution that is timed too: a CPU's library may be faster at either."""
COPIED = {'cpu': 1 << 26, 'cuda': 1 << 30}
"""Bytes whose copy is timed: many times the size of any cache."""
TURNS = {'cpu': 30, 'cuda': 10}


@dataclass(frozen=True)
class Peaks:
    """Peak FLOP/s (2 per multiply-add) and bytes/s of a device."""

    flops: float
    bandwidth: float
    known: str
    """Source of the numbers: data sheet or measurement."""


@dataclass(frozen=True)
class Sold:
    """
    Data sheet of a GPU: words of its name, and `units` (multiprocessors) where names are equal.

    FLOP/s are in float32 without TF32, which is off here, and in bfloat16 or float16 with sums
    in float32, dense; None where there are no units for it. Bytes/s are those of its memory.
    """

    words: frozenset[str]
    float32: float
    bfloat16: float | None
    float16: float
    bandwidth: float
    units: int | None = None

    def flops(self, precision: str) -> float | None:
        """Return the peak in a precision."""
        flops: float | None = getattr(self, precision)
        return flops


def _sold(
        words: str, single: float, bfloat: float | None, half: float, bandwidth: float,
        units: int | None = None) -> Sold:
    """Take TFLOP/s and GB/s."""
    return Sold(
        frozenset(words.split()), single * 1e12, None if bfloat is None else bfloat * 1e12,
        half * 1e12, bandwidth * 1e9, units)


SOLD = (
    _sold('H200 NVL', 60, 835.5, 835.5, 4800), _sold('H200', 67, 989.4, 989.4, 4800),
    _sold('H100 PCIe', 51, 756, 756, 2000), _sold('H100 NVL', 60, 835.5, 835.5, 3900),
    _sold('H100', 67, 989.4, 989.4, 3350),
    _sold('A100 80GB PCIe', 19.5, 312, 312, 1935), _sold('A100 80GB', 19.5, 312, 312, 2039),
    _sold('A100', 19.5, 312, 312, 1555),
    _sold('L40S', 91.6, 362, 362, 864), _sold('L40', 90.5, 181, 181, 864),
    _sold('L4', 30.3, 121, 121, 300), _sold('T4', 8.1, None, 65, 320),
    _sold('RTX 4090', 82.6, 165.2, 165.2, 1008),
    # AGX Orin 64 GB; the smaller ones have the same name and fewer units
    _sold('Orin', 5.3, 42.5, 42.5, 204.8, units=16))
"""Data sheets of NVIDIA; of several that fit a name the first counts."""


def peaks(device: torch.device, precision: str = PRECISIONS[0]) -> Peaks:
    """Return the peaks of a device in a precision: those of its data sheet, else measured ones."""
    if device.type == 'cuda':
        properties = torch.cuda.get_device_properties(device)
        found = sold(properties.name, properties.multi_processor_count)
        flops = found.flops(precision) if found else None
        if found and flops is not None:
            return Peaks(flops, found.bandwidth, f'{properties.name}: vendor, {precision}')
    return measured(device, precision)


def sold(name: str, units: int) -> Sold | None:
    """Return the data sheet of a GPU by its driver's name for it, None if it is not in SOLD."""
    words = set(re.split(r'[\s-]+', name))
    return next((one for one in SOLD if one.words <= words
                 and (one.units is None or one.units == units)), None)


def measured(device: torch.device, precision: str = PRECISIONS[0]) -> Peaks:
    """
    Time a matrix product, a convolution and a copy; the fastest of several turns counts.

    On a CPU the arithmetic of one core, in its own processor time, is multiplied by the threads.
    """
    kind = 'cuda' if device.type == 'cuda' else 'cpu'
    side, channels, turns = PRODUCT[kind], CHANNELS[kind], range(TURNS[kind])
    dtype: torch.dtype = getattr(torch, precision)
    a = torch.rand(side, side, device=device).to(dtype)
    product = torch.empty_like(a)
    maps, kernel = (
        torch.rand(shape, device=device).to(dtype, memory_format=torch.channels_last)
        for shape in ((1, channels, CELLS, CELLS), (channels, channels, 3, 3)))
    source = torch.zeros(COPIED[kind], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    threads = torch.get_num_threads() if kind == 'cpu' else 1
    # as networks run in float32: with TF32 a GPU would seem several times faster than it can be
    exact = deterministic_fp32(device) if precision == 'float32' else contextlib.nullcontext()
    with torch.inference_mode(), exact, (
            _one_thread() if kind == 'cpu' else contextlib.nullcontext()):
        multiply, convolve, copy = (
            min(_seconds(device, work) for _ in turns) for work in (
                lambda: torch.mm(a, a, out=product),
                lambda: F.conv2d(maps, kernel, padding=1),
                lambda: target.copy_(source)))
    # all threads together share the memory
    copy = min(copy, *(_passed(device, lambda: target.copy_(source)) for _ in turns))
    rates = {
        f'product of {side} x {side} matrices': 2 * side ** 3 / multiply * threads,
        f'3 x 3 convolution of {channels} channels': (
            18 * (channels * CELLS) ** 2 / convolve * threads)}
    how, best = max(rates.items(), key=lambda rate: rate[1])
    return Peaks(
        best, 2 * len(source) / copy,
        f'measured: {precision} {how}, copy of {len(source) >> 20} MiB')


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seconds(device: torch.device, work: Callable[[], object]) -> float:
    """Return the seconds that work takes; on a CPU its processor time."""
    if device.type == 'cuda':
        return _passed(device, work)
    busy = time.process_time()
    work()
    return time.process_time() - busy


def _passed(device: torch.device, work: Callable[[], object]) -> float:
    """Return the wall time in seconds until work is done."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
