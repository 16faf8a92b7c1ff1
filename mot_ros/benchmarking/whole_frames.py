# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Time whole frames through a tracker: from bytes on the host to boxes on the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
import contextlib
import dataclasses
from dataclasses import dataclass
import itertools
from pathlib import Path
import time
from typing import Any

import numpy as np

from mot_ros.benchmarking.planted_tracks import crowded, unhurt
from mot_ros.benchmarking.roofline import counted, Layer, layers_of, Roof
from mot_ros.benchmarking.stages import made_up_frame, roof_cells, ROOF_HEAD, spread
from mot_ros.data.video.frames import open_source
from mot_ros.data.video.read_ahead import sent_ahead
from mot_ros.tracking.config import Settings
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.methods.multi_camera import Cameras
from mot_ros.tracking.runtime.device import resolve_device
from mot_ros.tracking.types import Frame, Tracks

RATE = 30.0
"""Frames per second of synthetic images, by their stamps."""
IMAGES = 4
"""Number of synthetic images, shown in turn: a static camera with noise."""
WARM_UP = 10
"""Frames of warm-up: memory is allocated, kernels are chosen, graphs recorded."""


@dataclass(frozen=True)
class BenchImages:
    """Images (H, W, 3) of one size in host memory, repeated without end, and their rate in Hz."""

    images: Sequence[Frame]
    rate: float = RATE

    @staticmethod
    def made_up(size: tuple[int, int]) -> BenchImages:
        """Return images of (width, height) with some detail, the same every time."""
        random = np.random.default_rng(1)
        base = np.asarray(made_up_frame(size).image).astype(np.int16)
        noisy = [np.clip(base + random.integers(-2, 3, base.shape, np.int16), 0, 255)
                 for _ in range(IMAGES)]
        return BenchImages([Frame.of(image.astype(np.uint8), 0.0) for image in noisy])

    @staticmethod
    def of(path: str | Path, most: int) -> BenchImages:
        """Return the first images of a video, not more than so many; SourceError for none."""
        source = open_source(path)
        return BenchImages(list(itertools.islice(source, most)), source.fps)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.images[0].size

    def __iter__(self) -> Iterator[Frame]:
        """Yield new frames without end, with stamps from 0 on and empty caches."""
        for number, frame in enumerate(itertools.cycle(self.images)):
            yield dataclasses.replace(frame, stamp=number / self.rate)


def make(
        settings: Settings, footage: BenchImages, count: int | None, cameras: int = 1
        ) -> Callable[[Sequence[Frame]], list[Tracks | None]]:
    """
    Return trackers of the settings, one for each of so many cameras, as one function.

    It takes the frames of one moment. With `count` so many tracks are planted for each, see
    planted_tracks.py; None: the tracks are those that are found.
    """
    if count is not None:
        settings = unhurt(settings)
    detector = make_detector(settings)
    if count is not None:
        detector = crowded(detector, settings, count, footage.size)
    if cameras == 1:
        tracker = make_tracker(settings, detector)
        return lambda frames: [tracker.update(frames[0])]
    return Cameras(settings, detector, cameras).update


def measure(
        settings: Settings, footage: BenchImages, count: int | None, frames: Iterable[int],
        roof: Roof, layers: Sequence[Layer] = (), cameras: int = 1,
        warm_up: int = WARM_UP, *, ahead: bool = False) -> dict[str, Any]:
    """
    Time frames one after the other, each from its bytes on the host to its tracks.

    `layers` are those of one frame of one camera, see layers_of_frame. With `ahead` the bytes of
    the next frame travel to a GPU meanwhile, as they do where frames are waiting; not with
    several cameras. Returns a row: `tracks` that were seen, mean and least; times in ms of the
    frames of one moment, and what all cores worked; frames/s of all cameras together; and the
    values of Roof.row for the layers.
    """
    update = make(settings, footage, count, cameras)
    device = resolve_device(settings.device) if ahead and cameras == 1 else None
    taken: list[float] = []
    worked: list[float] = []
    seen: list[int] = []
    with contextlib.closing(sent_ahead(footage, device)) as coming:
        for _ in range(warm_up):
            _shown(update, next(coming), cameras)
        for _ in frames:
            frame = next(coming)
            start, busy = time.perf_counter(), time.process_time()
            found = _shown(update, frame, cameras)
            taken.append((time.perf_counter() - start) * 1e3)
            worked.append((time.process_time() - busy) * 1e3)
            seen += [len(tracks.observed) for tracks in found if tracks is not None]
    times = spread(taken)
    return {
        'cameras': cameras, 'planted': count, 'tracks': float(np.mean(seen)),
        'tracks_least': min(seen), 'frames': len(taken),
        'fps': cameras * 1e3 / float(np.mean(taken)), **times, 'ms_most': max(taken),
        'cpu_ms': float(np.median(worked)), **roof.row(list(layers) * cameras, times['ms'])}


def layers_of_frame(settings: Settings, footage: BenchImages, count: int | None) -> list[Layer]:
    """
    Return the layers of a frame when there are tracks.

    They are counted on the CPU in float32, where all of them are seen and nothing is padded.
    """
    update = make(counted(settings), footage, count)
    coming = iter(footage)
    for _ in range(3):
        update([next(coming)])
    return layers_of(lambda: update([next(coming)]))


def table(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the rows of whole frames as cells."""
    lines = [[
        'whole frames', 'tracks', 'frames/s', 'ms', 'p95', 'p99', 'most',
        'CPU ms', *ROOF_HEAD]]
    lines += [[
        f'{row["cameras"]} camera{"s" * (row["cameras"] > 1)}', f'{row["tracks"]:g}',
        *(f'{row[name]:.1f}' if name == 'fps' else f'{row[name]:.2f}' for name in (
            'fps', 'ms', 'ms_p95', 'ms_p99', 'ms_most', 'cpu_ms')), *roof_cells(row)]
        for row in rows]
    return lines


def _shown(
        update: Callable[[Sequence[Frame]], list[Tracks | None]], frame: Frame,
        cameras: int) -> list[Tracks | None]:
    """Show a frame to every camera, to each as one of its own."""
    if cameras == 1:
        return update([frame])
    return update([dataclasses.replace(frame) for _ in range(cameras)])
