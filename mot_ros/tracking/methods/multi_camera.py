# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Cameras: several trackers with equal settings, whose frames are detected in one batch."""

from __future__ import annotations

from collections.abc import Sequence

from mot_ros.tracking.config import Settings
from mot_ros.tracking.detectors.wrappers.shared import SharedDetector, SharedDetectorHandle
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.methods.switchable import looks_next
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.sequence import FrameOutcome, NANOSECONDS, SequenceGuard
from mot_ros.tracking.types import Frame, Tracks


class Cameras:
    """
    Trackers of the same settings for `count` cameras, with one detector.

    Each camera has its own tracks, ids and SequenceGuard, with the same results as a tracker
    alone; only detection runs in one batch for all frames of a moment. On a CPU that saves no
    time.
    """

    def __init__(self, settings: Settings, detector: Detector, count: int) -> None:
        shared = SharedDetector(detector)
        self._cameras = [_Camera(settings, shared.seat()) for _ in range(count)]

    @property
    def problems(self) -> list[str]:
        """Problem with the last frame of each camera, in a sentence; '' for none."""
        return [camera.problem for camera in self._cameras]

    def update(self, frames: Sequence[Frame | None]) -> list[Tracks | None]:
        """
        Process the frames of one moment, in order of cameras, None for a camera without new frame.

        Returns the tracks of each camera, None for no frame or a frame that its guard or tracker
        refused; see `problems`.
        """
        if len(frames) != len(self._cameras):
            raise ValueError(
                f'{len(frames)} frames came for {len(self._cameras)} cameras; give None for one '
                'without a new frame')
        try:
            admitted = [
                camera.admit(frame)
                for camera, frame in zip(self._cameras, frames, strict=True)]
            return [
                camera.update(frame)
                for camera, frame in zip(self._cameras, admitted, strict=True)]
        finally:
            for camera in self._cameras:
                camera.seat.leave()

    def reset(self, *, keep_ids: bool = False) -> None:
        """Drop every track of every camera; ids restart at 1 unless `keep_ids`."""
        for camera in self._cameras:
            camera.tracker.reset(keep_ids=keep_ids)
            camera.guard.forget()


class _Camera:
    """Tracker, guard and problem of one camera."""

    def __init__(self, settings: Settings, seat: SharedDetectorHandle) -> None:
        self.seat = seat
        self.tracker = make_tracker(settings, seat)
        self.guard = SequenceGuard(settings.sequence)
        self.problem = ''

    def admit(self, frame: Frame | None) -> Frame | None:
        """Return the frame with its stamp for motion, None if the guard refuses it."""
        self.problem = ''
        if frame is None:
            return None
        verdict = self.guard.judge(round(frame.stamp * NANOSECONDS), frame.size, '')
        self.problem = verdict.message
        if verdict.outcome is FrameOutcome.DROP:
            return None
        if verdict.outcome is not FrameOutcome.ACCEPT:
            self.tracker.reset(keep_ids=verdict.outcome is FrameOutcome.FLUSH)
        self.guard.accept(verdict, frame.size, '')
        frame = frame.at(verdict.stamp)
        if looks_next(self.tracker):
            self.seat.announce(frame)
        return frame

    def update(self, frame: Frame | None) -> Tracks | None:
        """Return the tracks of an admitted frame."""
        if frame is None:
            return None
        try:
            return self.tracker.update(frame)
        except FrameError as error:
            self.problem = str(error)
            return None
        finally:
            self.seat.leave()
