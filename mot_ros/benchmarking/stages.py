# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Time the stages of a tracker, and compare them with the roofline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
import time
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from mot_ros.benchmarking.roofline import Layer, layers_of, Roof
from mot_ros.tracking.types import Floats, Frame


@dataclass(frozen=True)
class Stage:
    """
    One step of a tracker: its work, and its number of tracks, None if it does not depend on it.

    `parts` are the names of the stages whose layers it has, where it combines several.
    """

    name: str
    work: Callable[[], object]
    tracks: int | None = None
    parts: tuple[str, ...] = ()


class Taken(NamedTuple):
    """Times of one call in ms."""

    wall: float
    cpu: float
    """Processor time of this process, of all cores together."""
    gpu: float
    """Time between two events on the GPU; 0 without one."""


Layers = Mapping[tuple[str, int | None], Sequence[Layer]]
"""Layers of stages by their names and numbers of tracks."""


def count(stages: Sequence[Stage]) -> Layers:
    """Run every stage once, and return its layers."""
    return {(stage.name, stage.tracks): layers_of(stage.work) for stage in stages}


def measure(
        stages: Sequence[Stage], rounds: Iterable[int], device: torch.device, roof: Roof,
        layers: Layers) -> list[dict[str, Any]]:
    """
    Time every stage, in turns, after one round that does not count.

    `layers` are those of all, see count. Returns a row for each: medians in ms of the time that
    passed, its 95th and 99th percentile, of what all cores together worked (less depends on what
    else runs), and on a GPU of its own clock; and of the layers what Roof.row says.
    """
    taken: list[list[Taken]] = [[] for _ in stages]
    for stage in stages:
        _timed(stage.work, device)
    for _ in rounds:
        for stage, times in zip(stages, taken, strict=True):
            times.append(_timed(stage.work, device))
    rows = []
    for stage, times in zip(stages, taken, strict=True):
        own = [layer for name in stage.parts or (stage.name,)
               for layer in layers.get((name, stage.tracks), ())]
        wall, cpu, gpu = np.array(times).T
        row: dict[str, Any] = {
            'stage': stage.name, 'tracks': stage.tracks, **spread(wall),
            'cpu_ms': float(np.median(cpu))}
        if device.type == 'cuda':
            row['gpu_ms'] = float(np.median(gpu))
        rows.append({**row, **roof.row(own, row['ms'])})
    return rows


def spread(times: Sequence[float] | Floats) -> dict[str, float]:
    """Return median, 95th and 99th percentile of times in ms."""
    middle, most, nearly_all = np.percentile(times, (50, 95, 99)).tolist()
    return {'ms': middle, 'ms_p95': most, 'ms_p99': nearly_all}


def table(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the rows of measure as cells, with GPU times if there are any."""
    times = ['ms', 'ms_p95', 'ms_p99', 'cpu_ms', *(['gpu_ms'] if 'gpu_ms' in rows[0] else [])]
    lines = [['stage', 'tracks', 'ms', 'p95', 'p99', 'CPU ms', *(
        ['GPU ms'] if 'gpu_ms' in times else []), *ROOF_HEAD]]
    lines += [[
        row['stage'], '' if row['tracks'] is None else str(row['tracks']),
        *(f'{row[name]:.2f}' for name in times), *roof_cells(row)] for row in rows]
    return lines


ROOF_HEAD = ('layers', 'GFLOP', 'MB', 'least ms', 'of roofline')


def roof_cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the values of Roof.row as cells below ROOF_HEAD, empty where there are no layers."""
    if row['layers'] is None:
        return ('',) * len(ROOF_HEAD)
    return (str(row['layers']), f'{row["gflop"]:.2f}', f'{row["mbyte"]:.1f}',
            f'{row["least_ms"]:.3f}', f'{row["roofline"]:.1%}')


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
    """Time a call until the GPU has done its work, too."""
    if device.type != 'cuda':
        start, busy = time.perf_counter(), time.process_time()
        work()
        return Taken(
            (time.perf_counter() - start) * 1e3, (time.process_time() - busy) * 1e3, 0.0)
    # events belong to the GPU that is current
    with torch.cuda.device(device):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(device)
        start, busy = time.perf_counter(), time.process_time()
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize(device)
        wall, cpu = time.perf_counter() - start, time.process_time() - busy
        return Taken(wall * 1e3, cpu * 1e3, float(begin.elapsed_time(end)))
