# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SharedNetwork: the trackers of one process have their networks in common and take turns."""

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
    """One at a time, in the order of coming: a lock by which nobody is passed over."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    @contextlib.contextmanager
    def turn(
            self, on_coming: Callable[[], None] = lambda: None,
            patience: float | None = None) -> Iterator[None]:
        """
        Wait for those who came before; `on_coming` is called in the order of coming.

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

    What looks for the same in the same way does so through one network, loaded once. One tracker
    works at a time; the first of those that wait has the detector look at the frames of all of
    them in one batch, in which the others then find theirs. Nobody waits for a camera from which
    nothing came. Trackers that look at other parts of the image have the network in common, but
    no batches; those whose detectors differ otherwise have networks of their own.
    """

    def __init__(
            self, make_detector: Callable[[NodeSettings], Detector] = load_detector,
            make_tracker: Callable[[NodeSettings, Detector], Tracker] = load_tracker) -> None:
        self._make_detector = make_detector
        self._make_tracker = make_tracker
        self._turns = FairLock()
        # what no tracker uses any more goes
        self._networks: WeakValueDictionary[Any, Detector] = WeakValueDictionary()
        self._shared: WeakValueDictionary[Any, SharedDetector] = WeakValueDictionary()

    def detector(self, settings: NodeSettings) -> SharedDetectorHandle:
        """Return what stands for the detector of these settings, for one tracker."""
        with self._turns.turn(patience=PATIENCE):
            key = detector_key(settings)
            shared = self._shared.get(key)
            if shared is None:
                around = limited(self._network(settings), settings)
                shared = SharedDetector(with_class_scores(around, settings))
                self._shared[key] = shared
            return shared.seat()

    def tracker(self, settings: NodeSettings, detector: SharedDetectorHandle) -> Tracker:
        """Return a tracker that takes its turn with the others."""
        return _InTurn(self._turns, self._make_tracker, settings, detector)

    def _network(self, settings: NodeSettings) -> Detector:
        """Return the detector without what is put around it for one camera."""
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


class _InTurn:
    """A tracker that works only when it is its turn."""

    def __init__(
            self, turns: FairLock, make: Callable[[NodeSettings, Detector], Tracker],
            settings: NodeSettings, seat: SharedDetectorHandle) -> None:
        self._turns = turns
        self._seat = seat
        # in the thread that answers services and signals: it must not wait for ever
        with turns.turn(patience=PATIENCE):
            self._tracker = make(settings, seat)

    @property
    def needs_image(self) -> bool:
        """Whether the tracker itself looks at the image, beside the detector."""
        return self._tracker.needs_image

    def update(self, frame: Frame) -> Tracks:
        """Take the next frame, and let others ask about it until it is our turn."""
        def announce() -> None:
            if looks_next(self._tracker):
                self._seat.announce(frame)

        with self._turns.turn(announce):
            try:
                return self._tracker.update(frame)
            finally:
                self._seat.leave()

    def configure(self, settings: Settings, detector: Detector) -> None:
        """Take other settings, and perhaps another seat, between two frames."""
        with self._turns.turn():
            self._tracker.configure(settings, detector)
        if isinstance(detector, SharedDetectorHandle):
            self._seat = detector

    def reset(self, *, keep_ids: bool = False) -> None:
        """Forget every track; number from 1 again unless `keep_ids`."""
        with self._turns.turn():
            self._tracker.reset(keep_ids=keep_ids)
