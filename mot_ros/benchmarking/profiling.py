# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Profile whole frames: the kernels of a device by the time that they take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.profiler import profile, ProfilerActivity

from mot_ros.tracking.types import Frame

MOST = 20
"""Number of kernels in the result."""


def profiled(
        update: Callable[[Sequence[Frame]], object], coming: Iterator[Frame], frames: int,
        device: torch.device) -> dict[str, Any]:
    """
    Track frames under torch's profiler.

    Returns per frame the `ms` that kernels took (on the CPU: operators by themselves) and how
    many there were, and of the `kernels` that took most of it name, ms and calls.
    """
    gpu = device.type == 'cuda'
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])]
    with profile(activities=activities) as found:
        for _ in range(frames):
            update([next(coming)])
        if gpu:
            torch.cuda.synchronize(device)
    rows = []
    for event in found.key_averages():
        if gpu and event.device_type == torch.autograd.DeviceType.CPU:
            continue
        took = event.self_device_time_total if gpu else event.self_cpu_time_total
        rows.append({
            'name': event.key, 'ms': took / 1e3 / frames, 'calls': event.count / frames})
    rows.sort(key=lambda row: -row['ms'])
    return {
        'frames': frames, 'ms': sum(row['ms'] for row in rows),
        'calls': sum(row['calls'] for row in rows), 'kernels': rows[:MOST]}
