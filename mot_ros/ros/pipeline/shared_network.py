# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Share one network between the trackers of a process, which run one after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import threading
from typing import Any
from weakref import WeakValueDictionary

from mot_ros.ros.pipeline.engine import detector_key
from mot_ros.ros.pipeline.loading import load_detector, load_tracker
from mot_ros.tracking.config import NodeSettings, Settings
from mot_ros.tracking.config.detector import RegionSettings
from mot_ros.tracking.detectors.wrappers.class_scores import with_class_scores
from mot_ros.tracking.detectors.wrappers.region import limited
from mot_ros.tracking.detectors.wrappers.shared import SharedDetector, SharedDetectorHandle
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.methods.switchable import looks_next
from mot_ros.tracking.protocols import Detector, Tracker
from mot_ros.tracking.types import Frame, Tracks

PATIENCE = 30.0
"""Seconds that a tracker which is being made waits for those at work."""


class FairLock:
    """Lock that is granted in the order of request (first in, first out)."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    @contextlib.contextmanager
    def turn(
            self, on_coming: Callable[[], None] = lambda: None,
            patience: float | None = None) -> Iterator[None]:
        """
        Hold the lock; `on_coming` is called when the request is queued.

        Raises ConfigError if that takes more than `patience` seconds.
        """
        ticket = object()
        with self._changed:
            on_coming()
            self._queue.append(ticket)
            if not self._changed.wait_for(lambda: self._queue[0] is ticket, patience):
                self._queue.remove(ticket)
                raise ConfigError(
                    f'the other trackers of this process were busy for {patience:g} s: one of '
                    'them may hang; restart the process')
        try:
            yield
        finally:
            with self._changed:
                self._queue.popleft()
                self._changed.notify_all()


class SharedNetwork:
    """
    Makes the parts of several trackers, each of which works in a thread of its own.

    Trackers with equal detector settings share one detector, loaded once. One tracker runs at a
    time; the first one in the queue runs the detector on the frames of all queued trackers as
    one batch, and the others read their result from it. A camera without new frames delays
    nobody. Trackers that differ only in roi or mask share the network without batches; trackers
    with other detector settings get networks of their own.
    """

    def __init__(
            self, make_detector: Callable[[NodeSettings], Detector] = load_detector,
            make_tracker: Callable[[NodeSettings, Detector], Tracker] = load_tracker) -> None:
        self._make_detector = make_detector
        self._make_tracker = make_tracker
        self._lock = FairLock()
        # what no tracker uses any more goes
        self._networks: WeakValueDictionary[Any, Detector] = WeakValueDictionary()
        self._shared: WeakValueDictionary[Any, SharedDetector] = WeakValueDictionary()

    def detector(self, settings: NodeSettings) -> SharedDetectorHandle:
        """Return a handle of the detector of these settings, for one tracker."""
        with self._lock.turn(patience=PATIENCE):
            key = detector_key(settings)
            shared = self._shared.get(key)
            if shared is None:
                around = limited(self._network(settings), settings)
                shared = SharedDetector(with_class_scores(around, settings))
                self._shared[key] = shared
            return shared.seat()

    def tracker(self, settings: NodeSettings, detector: SharedDetectorHandle) -> Tracker:
        """Return a tracker that runs one at a time with the others."""
        return _SerializedTracker(self._lock, self._make_tracker, settings, detector)

    def _network(self, settings: NodeSettings) -> Detector:
        """Return the detector without the wrappers of one camera (roi, mask, class scores)."""
        bare = dataclasses.replace(
            settings, roi=RegionSettings(), mask='',
            detector=dataclasses.replace(settings.detector, class_scores=''))
        key = detector_key(bare)
        network = self._networks.get(key)
        if network is None:
            network = self._make_detector(bare)
            # here, as others may be at work by the time that the engine would
            getattr(network, 'warm_up', lambda: None)()
            self._networks[key] = network
        return network


class _SerializedTracker:
    """Tracker that holds the shared lock while it updates."""

    def __init__(
            self, turns: FairLock, make: Callable[[NodeSettings, Detector], Tracker],
            settings: NodeSettings, seat: SharedDetectorHandle) -> None:
        self._lock = turns
        self._seat = seat
        # in the thread that answers services and signals: it must not wait for ever
        with turns.turn(patience=PATIENCE):
            self._tracker = make(settings, seat)

    @property
    def needs_image(self) -> bool:
        """Whether the tracker itself looks at the image, beside the detector."""
        return self._tracker.needs_image

    def update(self, frame: Frame) -> Tracks:
        """Track the next frame; until the lock is granted, others may detect it in their batch."""
        def announce() -> None:
            if looks_next(self._tracker):
                self._seat.announce(frame)

        with self._lock.turn(announce):
            try:
                return self._tracker.update(frame)
            finally:
                self._seat.leave()

    def configure(self, settings: Settings, detector: Detector) -> None:
        """Take other settings, and perhaps another handle, between two frames."""
        with self._lock.turn():
            self._tracker.configure(settings, detector)
        if isinstance(detector, SharedDetectorHandle):
            self._seat = detector

    def reset(self, *, keep_ids: bool = False) -> None:
        """Forget every track; number from 1 again unless `keep_ids`."""
        with self._lock.turn():
            self._tracker.reset(keep_ids=keep_ids)
