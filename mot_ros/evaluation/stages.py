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

"""What the stages of a tracker cost on this machine, and what they must cost at least."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
import datetime
import time
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from mot_ros import __version__
from mot_ros.evaluation.machine import describe_machine
from mot_ros.tracking.types import Floats, Frame

PEAKS = {
    'H200': 67e12, 'H100': 67e12, 'A100': 19.5e12, 'L40': 90.5e12, 'L4': 30.3e12,
    'RTX 4090': 82.6e12, 'T4': 8.1e12}
"""Most FLOP/s in float32, as networks run here, by a part of the name of a GPU (vendor's data)."""
PRODUCT = 768
"""Side of the matrices by whose product the peak of any other device is measured."""


@dataclass(frozen=True)
class Stage:
    """One step of a tracker: what runs, and of how many tracks, None where that is the same."""

    name: str
    work: Callable[[], object]
    tracks: int | None = None
    counted: Callable[[], object] | None = None
    """The same for torch's counter, where `work` uses operators that it does not know."""


class Taken(NamedTuple):
    """How long something took, in ms."""

    wall: float
    cpu: float
    """Time of all cores of this process together."""
    gpu: float
    """By the GPU's own clock, from the first to the last; 0 without one."""


def measure(
        stages: Sequence[Stage], rounds: Iterable[int], device: torch.device) -> list[
        dict[str, Any]]:
    """
    Time every stage, in turns, after one round that does not count.

    Returns a row for each: medians in ms of the time that passed, its 99th percentile, of what
    all cores together worked (less depends on what else runs), and on a GPU of its own clock;
    FLOP (2 per multiplication and addition) by torch's counter, None where it counts none.
    """
    flops = [_flops(stage.counted or stage.work) for stage in stages]
    taken: list[list[Taken]] = [[] for _ in stages]
    for stage in stages:
        _timed(stage.work, device)
    for _ in rounds:
        for stage, times in zip(stages, taken, strict=True):
            times.append(_timed(stage.work, device))
    rows = []
    for stage, times, flop in zip(stages, taken, flops, strict=True):
        wall, cpu, gpu = np.array(times).T
        row = {
            'stage': stage.name, 'tracks': stage.tracks, 'ms': float(np.median(wall)),
            'ms_p99': float(np.percentile(wall, 99)), 'cpu_ms': float(np.median(cpu)),
            'gflop': flop / 1e9 if flop else None}
        if device.type == 'cuda':
            row['gpu_ms'] = float(np.median(gpu))
        rows.append(row)
    return rows


def peak(device: torch.device) -> tuple[float, str]:
    """Return the most FLOP/s of a device in float32, and how that is known."""
    if device.type == 'cuda':
        name = torch.cuda.get_device_name(device)
        for part, known in PEAKS.items():
            if part in name:
                return known, f'{name}: vendor'
    a = torch.rand(PRODUCT, PRODUCT, device=device)
    best = min(_timed(lambda: a @ a, device).wall for _ in range(50))
    return 2 * PRODUCT ** 3 / (best / 1e3), f'measured: product of {PRODUCT} x {PRODUCT} matrices'


def surroundings(device: torch.device) -> dict[str, Any]:
    """Return what the figures depend on: hardware, versions, date."""
    gpu = torch.cuda.get_device_name(device) if device.type == 'cuda' else None
    return {
        'hardware': {
            **describe_machine(), 'gpu': gpu, 'torch_threads': torch.get_num_threads()},
        'versions': {
            'mot_ros': __version__, 'torch': torch.__version__, 'numpy': np.__version__,
            'opencv': cv2.__version__},
        'date': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')}


def table(rows: Sequence[dict[str, Any]], most: float) -> list[list[str]]:
    """Return the rows as cells, `most` being the FLOP/s of the device."""
    lines = [['stage', 'tracks', 'ms', 'p99 ms', 'CPU ms', 'GFLOP', 'GFLOP/s', 'least ms']]
    for row in rows:
        gflop = row['gflop']
        lines.append([
            row['stage'], '' if row['tracks'] is None else str(row['tracks']),
            *(f'{row[name]:.2f}' for name in ('ms', 'ms_p99', 'cpu_ms')),
            *(('', '', '') if gflop is None else (
                f'{gflop:.2f}', f'{gflop / row["ms"] * 1e3:.0f}', f'{gflop * 1e12 / most:.3f}'))])
    return lines


def made_up_frame(size: tuple[int, int]) -> Frame:
    """Return an image of (width, height) with some detail, the same every time."""
    random = np.random.default_rng(0)
    width, height = size
    coarse = random.integers(0, 256, (max(height // 16, 1), max(width // 16, 1), 3), np.uint8)
    image = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return Frame.of(np.asarray(image, np.uint8), 0.0)


def made_up_boxes(count: int, size: tuple[int, int]) -> Floats:
    """Return boxes (count, 4) of people as a street camera has them, the same every time."""
    random = np.random.default_rng(count)
    height = random.uniform(0.06, 0.4, (count, 1)) * size[1]
    sides = height * [0.4, 1]
    corners = random.uniform(0, 1, (count, 2)) * (np.array(size) - sides)
    return np.concatenate([corners, corners + sides], axis=1).astype(np.float32)


def _timed(work: Callable[[], object], device: torch.device) -> Taken:
    """Time a call until all is done that it set going."""
    gpu = device.type == 'cuda'
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2)) if gpu else (None, None)
    if begin:
        torch.cuda.synchronize(device)
    start, busy = time.perf_counter(), time.process_time()
    if begin:
        begin.record()
    work()
    if end:
        end.record()
        torch.cuda.synchronize(device)
    wall, cpu = time.perf_counter() - start, time.process_time() - busy
    return Taken(
        wall * 1e3, cpu * 1e3, float(begin.elapsed_time(end)) if begin and end else 0.0)


def _flops(work: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())
