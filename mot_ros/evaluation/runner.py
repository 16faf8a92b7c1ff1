# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Runs a tracker over a source of frames and takes the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
import dataclasses
from dataclasses import dataclass
from pathlib import Path
import time
from typing import cast, TYPE_CHECKING

from mot_ros.data.bags.bag_layout import MessageFrame
from mot_ros.data.video.read_ahead import sent_ahead
from mot_ros.tracking.errors import ConfigError, FrameError
from mot_ros.tracking.sequence import FrameOutcome, NANOSECONDS, SequenceGuard

if TYPE_CHECKING:
    from mot_ros.data.video.frame_source import FrameSource
    from mot_ros.tracking.config import Settings
    from mot_ros.tracking.detectors.rcnn.feature_detector import FeatureDetector
    from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
    from mot_ros.tracking.detectors.ssd.raw_outputs import DenseDetector, RawDetections
    from mot_ros.tracking.detectors.wrappers.recorded import CachedDetector
    from mot_ros.tracking.nets.siammot.network import MotionModel
    from mot_ros.tracking.protocols import Detector, Tracker
    from mot_ros.tracking.types import Detections, Frame, Tracks


class TimedDetector:
    """
    Passes everything on to a detector and adds up how long that takes.

    The tracker's frames count time from the first one; the detector gets `frame`, the one that
    the source gave, by whose stamp recorded detections are found. None: the tracker's own.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.device = getattr(detector, 'device', '')
        self.seconds = 0.0
        self.frame: Frame | None = None

    @property
    def class_names(self) -> Sequence[str]:
        """Names by label; the label is the index."""
        return self._detector.class_names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the objects of each frame, best score first."""
        start = time.perf_counter()
        found = self._detector.detect(frames if self.frame is None else [self.frame])
        self.seconds += time.perf_counter() - start
        return found


class _TimedDense(TimedDetector):
    """Passes on what a DenseDetector can do beside."""

    @property
    def why_not_dense(self) -> str | None:
        return getattr(self._detector, 'why_not_dense', None)

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        start = time.perf_counter()
        found = cast('DenseDetector', self._detector).detect_densely(frames)
        self.seconds += time.perf_counter() - start
        return found


class _TimedFeatureDetector(TimedDetector):
    """Passes on what a FeatureDetector can do beside; the work of its RoiHeads is not timed."""

    @property
    def motion(self) -> MotionModel | None:
        return cast('FeatureDetector', self._detector).motion

    def extract_features(self, frame: Frame, *, detect: bool = True) -> RoiHeads:
        start = time.perf_counter()
        heads = cast('FeatureDetector', self._detector).extract_features(frame, detect=detect)
        self.seconds += time.perf_counter() - start
        return heads


def timed(detector: Detector) -> TimedDetector:
    """Return a detector that can do what this one can, and adds up how long that takes."""
    if hasattr(detector, 'extract_features'):
        return _TimedFeatureDetector(detector)
    if hasattr(detector, 'detect_densely'):
        return _TimedDense(detector)
    return TimedDetector(detector)


@dataclass(frozen=True)
class Step:
    """One processed frame: its 0-based index in the source, and the tracks after it."""

    index: int
    frame: Frame
    tracks: Tracks


class Run:
    """
    One pass of a tracker over a source, frame by frame.

    `guard` judges every frame as in the node: what it drops is counted in `dropped`, what made
    it drop all tracks or restart in `resets`, both by reason. A frame that the tracker cannot
    use costs that frame, counted in `failed`. `detector_ms`, `tracker_ms` and `total_ms` hold
    one time per processed frame; the total is that of the whole loop, with what the caller does
    with the step and with waiting for the next image.
    """

    def __init__(
            self, source: Iterable[Frame], tracker: Tracker, detector: TimedDetector,
            guard: SequenceGuard, index_of: Callable[[Frame], int]) -> None:
        self._source = source
        self._guard = guard
        self._tracker = tracker
        self._detector = detector
        self._index_of = index_of
        self.detector_ms: list[float] = []
        self.tracker_ms: list[float] = []
        self.total_ms: list[float] = []
        self.failed: list[str] = []
        self.dropped: Counter[str] = Counter()
        self.resets: Counter[str] = Counter()

    @property
    def incidents(self) -> list[str]:
        """Sentences on what cost frames or tracks."""
        found = [f'{count} frames were dropped: {reason}'
                 for reason, count in self.dropped.items()]
        found += [f'all tracks were dropped {count} times: {reason}'
                  for reason, count in self.resets.items()]
        if self.failed:
            found.append(f'{len(self.failed)} frames could not be used; {self.failed[0]}')
        return found

    def __iter__(self) -> Iterator[Step]:
        begin = time.perf_counter()
        for frame in sent_ahead(self._source, self._detector.device):
            stamp = self._admit(frame)
            if stamp is None:
                continue
            before, start = self._detector.seconds, time.perf_counter()
            try:
                self._detector.frame = frame
                tracks = self._tracker.update(frame.at(stamp))
            except FrameError as error:
                self.failed.append(f'frame {self._index_of(frame)}: {error}')
                continue
            whole = time.perf_counter() - start
            inside = self._detector.seconds - before
            self.detector_ms.append(inside * 1e3)
            self.tracker_ms.append((whole - inside) * 1e3)
            try:
                yield Step(self._index_of(frame), frame, tracks)
            finally:
                # also of the last one, if the loop ends there
                end = time.perf_counter()
                self.total_ms.append((end - begin) * 1e3)
                begin = end

    def _admit(self, frame: Frame) -> float | None:
        """Return the time to be used for motion, None if the frame is to be dropped."""
        if isinstance(frame, MessageFrame):
            taken, frame_id, received = frame.nanoseconds, frame.frame_id, frame.received
        else:
            taken, frame_id, received = round(frame.stamp * NANOSECONDS), '', 0
        verdict = self._guard.judge(taken, frame.size, frame_id, received)
        if verdict.outcome is FrameOutcome.DROP:
            self.dropped[verdict.reason] += 1
            return None
        if verdict.outcome is not FrameOutcome.ACCEPT:
            self._tracker.reset(keep_ids=verdict.outcome is FrameOutcome.FLUSH)
            self.resets[verdict.reason] += 1
        self._guard.accept(verdict, frame.size, frame_id)
        return verdict.stamp


def cached_detector(
        settings: Settings, source: FrameSource, path: str | Path) -> CachedDetector:
    """
    Return the detector of the settings with a file of detections of this source beside it.

    The file depends on the source with its frame rate, on the weights and on every setting of
    the detector, except that detections are kept down to the default score floor, so that it
    can be raised with the same file. Not on the device, whose rounding differs by less than the
    fourth digit of a score. Raises ConfigError for a method that asks its own Faster R-CNN for
    more than detections.
    """
    from mot_ros.tracking.config import IMAGE_METHODS
    from mot_ros.tracking.detectors import make_detector
    from mot_ros.tracking.detectors.wrappers.calibrated import calibration_of
    from mot_ros.tracking.detectors.wrappers.recorded import CachedDetector
    from mot_ros.tracking.detectors.wrappers.region import read_mask
    from mot_ros.tracking.weights import store as weights

    wanted, is_rcnn = settings.detector, settings.detector_type == 'rcnn'
    if is_rcnn and settings.method in IMAGE_METHODS:
        raise ConfigError(
            f'{settings.method} asks the network that finds objects for its tracks too, which '
            'cached detections cannot answer: leave them out')
    floor = min(type(wanted)().score_floor, wanted.score_floor)
    low = dataclasses.replace(
        settings, detector=dataclasses.replace(wanted, score_floor=floor))
    key = {f'detector.{name}': value for name, value in dataclasses.asdict(wanted).items()
           if name != 'score_floor'}
    key |= {f'roi.{name}': value for name, value in dataclasses.asdict(settings.roi).items()
            if value}
    if is_rcnn:
        key |= {f'rcnn.{name}': value for name, value in dataclasses.asdict(settings.rcnn).items()}
    if settings.mask:
        read_mask(settings.mask)
        key['mask_sha256'] = weights.file_sha256(Path(settings.mask).expanduser())
    digest = weights.digest(settings.detector_weights)
    key = {**source.fingerprint(), **key, 'weights_sha256': digest}
    if calibration_of(settings) is not None:
        # the floor is one of the network's scores, which are not recorded
        key |= {'calibrated': True, 'detector.score_floor': wanted.score_floor}
        return CachedDetector(path, key, lambda: make_detector(settings), 0.0, 0.0)
    return CachedDetector(path, key, lambda: make_detector(low), wanted.score_floor, floor)
