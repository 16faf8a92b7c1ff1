# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Map the times of a bag to a steady clock: when each message is due."""

from __future__ import annotations

import math
import threading
import time

from mot_ros.tracking.sequence import NANOSECONDS


class PlaybackClock:
    """
    The place in a bag over time, at `rate` times the speed of its recording.

    Due times are counted from the start, so that they do not drift; a pause moves the rest. With
    a rate of 0 everything is due at once. Times in the bag are in nanoseconds. Pausing may come
    from another thread.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._first = 0
        self._begin = time.monotonic()
        self._paused: float | None = None

    def start(self, first: int) -> None:
        """Start, or start again, at the bag time `first` in nanoseconds."""
        with self._lock:
            self._first = first
            self._begin = time.monotonic()
            if self._paused is not None:
                self._paused = self._begin

    def pause(self, on: bool) -> None:
        """Pause, or continue."""
        with self._lock:
            now = time.monotonic()
            if on and self._paused is None:
                self._paused = now
            elif not on and self._paused is not None:
                self._begin += now - self._paused
                self._paused = None

    @property
    def position(self) -> int:
        """Present time in the bag; with a rate of 0 always the beginning."""
        with self._lock:
            now = time.monotonic() if self._paused is None else self._paused
            return self._first + round((now - self._begin) * self._rate * NANOSECONDS)

    def left(self, received: int) -> float:
        """Return the seconds until a message is due: negative if it is late, inf in a pause."""
        with self._lock:
            if self._paused is not None:
                return math.inf
            if not self._rate:
                return 0.0
            due = self._begin + (received - self._first) / NANOSECONDS / self._rate
            return due - time.monotonic()
