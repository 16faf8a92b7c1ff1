# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SharedDetector: one detector for several cameras, which looks at all that waits at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast, TYPE_CHECKING

from mot_ros.tracking.detectors.ssd.raw_outputs import DenseDetector, RawDetections
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections, Frame

if TYPE_CHECKING:
    from mot_ros.tracking.detectors.rcnn.feature_detector import FeatureDetector
    from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
    from mot_ros.tracking.nets.siammot.network import MotionModel

Ask = Callable[[Sequence[Frame]], Sequence[Any]]
"""Asks the detector something about each of some frames."""


class SharedDetector:
    """
    A detector that several trackers have in common, each through a seat of its own.

    A tracker's frame is announced at its seat before the tracker gets it. Whoever asks the
    detector first asks about the frames of all who wait, in one batch; the others find their
    answers at their seats. What cannot be asked of a batch, the features of a Faster R-CNN, is
    asked one by one.

    Frames may be announced from any thread, but only one at a time may ask, in the order of
    announcing: on a GPU answers last until the network is asked again, which happens no earlier
    than somebody comes who is not in the batch.
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.waiting: list[SharedDetectorHandle] = []
        """The seats at which a frame is announced, in the order in which they were."""

    def seat(self) -> SharedDetectorHandle:
        """Return a detector for one more tracker, which can do what this one can."""
        if hasattr(self.detector, 'extract_features'):
            return SharedFeatureDetectorHandle(self)
        if hasattr(self.detector, 'detect_densely'):
            return DenseSeat(self)
        return SharedDetectorHandle(self)


class SharedDetectorHandle:
    """The detector of one of the trackers that share one; it is as ready as that one."""

    def __init__(self, shared: SharedDetector) -> None:
        self._shared = shared
        self._detector = shared.detector
        self._frame: Frame | None = None
        self._answers: dict[str, Any] = {}
        self._alone = False
        self.device = getattr(shared.detector, 'device', '')

    @property
    def class_names(self) -> Sequence[str]:
        """Names by label; the label is the index."""
        return self._detector.class_names

    def announce(self, frame: Frame) -> None:
        """Say which frame is going to be asked about."""
        self._frame, self._answers, self._alone = frame, {}, False
        # last, as from here on another thread may look at it; lists take one thread at a time
        self._shared.waiting.append(self)

    def leave(self) -> None:
        """Wait no longer, whether there was an answer or not."""
        if self in self._shared.waiting:
            self._shared.waiting.remove(self)
        self._frame, self._answers = None, {}

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the objects of each frame, best score first."""
        return self._answer('boxes', self._detector.detect, frames)

    def _answer(self, what: str, ask: Ask, frames: Sequence[Frame]) -> list[Any]:
        """Return what was answered about the announced frame, or ask about any others."""
        if len(frames) != 1 or frames[0] is not self._frame:
            return list(ask(frames))
        if what not in self._answers and not self._alone:
            self._ask_together(what, ask)
        if what not in self._answers:
            self._answers[what] = ask(frames)[0]
        return [self._answers[what]]

    def _ask_together(self, what: str, ask: Ask) -> None:
        seats = [seat for seat in tuple(self._shared.waiting)
                 if what not in seat._answers and not seat._alone]
        if len(seats) < 2:
            return
        try:
            answers = ask([cast(Frame, seat._frame) for seat in seats])
        except Exception:
            # a frame that cannot be used, or no memory for so many: who asks alone will see, and
            # the others must not suffer for it
            for seat in seats:
                seat._alone = True
            return
        for seat, answer in zip(seats, answers, strict=True):
            seat._answers[what] = answer


class DenseSeat(SharedDetectorHandle):
    """The seat of a DenseDetector."""

    @property
    def why_not_dense(self) -> str | None:
        """Why it cannot be asked about every anchor after all, or None."""
        return getattr(self._detector, 'why_not_dense', None)

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        """Return what `detect` does, and all that it was chosen from."""
        if len(frames) != 1:
            return self._dense.detect_densely(frames)
        (found, raw), = self._answer('anchors', self._one_by_one, frames)
        return [found], raw

    @property
    def _dense(self) -> DenseDetector:
        return cast(DenseDetector, self._detector)

    def _one_by_one(self, frames: Sequence[Frame]) -> list[tuple[Detections, RawDetections]]:
        """Return what is said of each frame of a batch."""
        found, raw = self._dense.detect_densely(frames)
        return [
            (seen, RawDetections(
                raw.scores[row:row + 1], raw.labels, raw.boxes[row:row + 1],
                raw.anchors[row:row + 1]))
            for row, seen in enumerate(found)]


class SharedFeatureDetectorHandle(SharedDetectorHandle):
    """The seat of a FeatureDetector, which computes the features of one frame at a time."""

    @property
    def motion(self) -> MotionModel | None:
        """The motion model beside the detector, None if there is none."""
        return cast('FeatureDetector', self._detector).motion

    def extract_features(self, frame: Frame, *, detect: bool = True) -> RoiHeads:
        """Compute the features of a frame; FrameError if it has no image."""
        return cast('FeatureDetector', self._detector).extract_features(frame, detect=detect)
