# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SwitchableTracker: the method that the settings name, while the settings may change."""

from __future__ import annotations

from collections.abc import Callable

from mot_ros.tracking.config import Settings
from mot_ros.tracking.protocols import Detector, Method, Tracker
from mot_ros.tracking.types import Frame, Tracks


class SwitchableTracker:
    """
    A tracker that can turn into another one between two frames, and that may skip frames.

    With `detect_every` N the detector looks at one frame in N. On the others every track moves
    on as its motion says and keeps its state, so that what is published there are the tracks
    that were observed when the detector last looked; none is lost, ages without being seen or
    begins.
    """

    def __init__(
            self, make: Callable[[Settings, Detector, int], Method], settings: Settings,
            detector: Detector) -> None:
        self._make = make
        self._settings = settings
        self._method = make(settings, detector, 1)
        self._to_skip = 0

    @property
    def needs_image(self) -> bool:
        """Whether the method looks at the image itself, beside the detector."""
        return self._method.needs_image

    @property
    def looks_next(self) -> bool:
        """Whether the detector gets to see the next frame."""
        return not self._to_skip

    def update(self, frame: Frame) -> Tracks:
        """Take the next accepted frame, with detections in it or none."""
        if self._to_skip:
            tracks = self._method.propagate(frame)
            self._to_skip -= 1
            return tracks
        tracks = self._method.update(frame)
        self._to_skip = self._settings.detect_every - 1
        return tracks

    def configure(self, settings: Settings, detector: Detector) -> None:
        """
        Take other settings, and perhaps another detector, between two frames.

        Thresholds change while the tracks live on; another method or motion model drops them.
        Ids always go on.
        """
        if settings.method == self._settings.method:
            self._method.configure(settings, detector)
        else:
            self._method = self._make(settings, detector, self._method.next_id)
            self._to_skip = 0
        self._settings = settings
        self._to_skip = min(self._to_skip, settings.detect_every - 1)

    def reset(self, *, keep_ids: bool = False) -> None:
        """Forget every track; number from 1 again unless `keep_ids`."""
        self._method.reset(keep_ids=keep_ids)
        self._to_skip = 0


def looks_next(tracker: Tracker) -> bool:
    """Say whether a tracker shows its next frame to the detector, as most do with each."""
    return bool(getattr(tracker, 'looks_next', True))
