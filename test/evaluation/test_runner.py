# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The loop around a tracker: new image sizes, unusable frames, times."""

from collections.abc import Iterator, Sequence
from pathlib import Path
import time

import cv2
import numpy as np

from mot_ros.data.video.frame_source import FrameSource
from mot_ros.data.video.frames import open_source
from mot_ros.evaluation.runner import Run, TimedDetector
from mot_ros.tracking.config import SequenceSettings
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.sequence import SequenceGuard
from mot_ros.tracking.types import Detections, Frame, Tracks


class SlowDetector:
    class_names = ('person',)

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        time.sleep(0.02)
        return [Detections.empty() for _ in frames]


class StubTracker:
    """Writes down what it is told; cannot use the second frame."""

    def __init__(self, detector: TimedDetector) -> None:
        self.detector = detector
        self.calls: list[object] = []

    def reset(self, *, keep_ids: bool = False) -> None:
        self.calls.append(('reset', keep_ids))

    def update(self, frame: Frame) -> Tracks:
        self.calls.append(frame.size)
        if len(self.calls) == 2:
            raise FrameError('nothing to see')
        self.detector.detect([frame])
        time.sleep(0.005)
        zero = np.zeros(0, np.float32)
        return Tracks(
            np.zeros((0, 4), np.float32), zero, np.zeros(0, np.int64), np.zeros(0, np.int64),
            np.zeros(0, np.uint8), zero, zero, np.zeros((0, 2), np.float32), zero,
            np.zeros(0, np.int64))


def source_of(folder: Path, widths: Sequence[int]) -> FrameSource:
    for number, width in enumerate(widths):
        cv2.imwrite(str(folder / f'{number}.png'), np.zeros((20, width, 3), np.uint8))
    return open_source(folder, fps=10)


def run_over(source: FrameSource) -> tuple[Run, StubTracker]:
    detector = TimedDetector(SlowDetector())
    tracker = StubTracker(detector)
    guard = SequenceGuard(SequenceSettings())
    return Run(source, tracker, detector, guard, source.index_of), tracker


def indices(run: Run) -> Iterator[int]:
    for step in run:
        time.sleep(0.01)
        yield step.index


def test_unusable_frame_costs_that_frame(tmp_path: Path) -> None:
    run, _ = run_over(source_of(tmp_path, [30] * 4))
    assert list(indices(run)) == [0, 2, 3]
    assert run.failed == ['frame 1: nothing to see']


def test_new_image_size_drops_tracks_and_keeps_ids(tmp_path: Path) -> None:
    run, tracker = run_over(source_of(tmp_path, [30, 30, 40, 40, 30]))
    list(run)
    assert tracker.calls == [
        (30, 20), (30, 20), ('reset', True), (40, 20), (40, 20), ('reset', True), (30, 20)]


def test_times_add_up(tmp_path: Path) -> None:
    run, _ = run_over(source_of(tmp_path, [30] * 6))
    list(indices(run))
    assert len(run.detector_ms) == len(run.tracker_ms) == len(run.total_ms) == 5
    assert min(run.detector_ms) >= 20
    assert 5 <= np.median(run.tracker_ms) < 20
    assert min(run.total_ms) >= 35
