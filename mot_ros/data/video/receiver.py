# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Receive and decode a stream in a thread, and keep its newest frame."""

from __future__ import annotations

from collections.abc import Generator
import contextlib
from dataclasses import dataclass
import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.video.live_address import LiveAddress
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.sequence import NANOSECONDS

PAUSE, LONGEST_PAUSE = 0.5, 4.0
"""Seconds until a lost connection is opened again; doubled each time up to the second."""
STALLED = 5.0
"""Seconds without data after which a connection counts as lost."""


@dataclass(frozen=True)
class ReceivedImage:
    """A frame as it was decoded; `stamp` in nanoseconds, `index` counts what came."""

    frame: Any
    stamp: int
    index: int

    def image(self) -> NDArray[np.uint8]:
        """Convert to (H, W, 3) uint8 BGR."""
        return np.ascontiguousarray(self.frame.to_ndarray(format='bgr24'), np.uint8)


class Receiver:
    """
    Decodes a stream in a thread of its own, which ends with `close` or with the stream.

    `problem` holds the last error, `incidents` sentences on lost connections, `rate` the frame
    rate in Hz that the stream states, 0 for none.
    """

    def __init__(self, address: LiveAddress, opening: float, patience: float) -> None:
        try:
            import av
        except ImportError as error:
            raise ConfigError(
                f'cameras and streams need PyAV ({error}): pip install av') from error
        self._av = av
        self._address = address
        self._timeouts = (opening, min(opening, STALLED))
        self._patience = patience
        self.rate = 0.0
        self.size = (0, 0)
        self.problem = ''
        self.incidents: list[str] = []
        self._count = 0
        self._newest: ReceivedImage | None = None
        self._changed = threading.Condition()
        self._ended = self._stopped = False
        self._lost = 0
        self._finite = False
        self._thread = threading.Thread(target=self._run, name='receiver', daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._stopped

    def wait(self, timeout: float) -> bool:
        """Wait for a frame, at most `timeout` seconds; return whether there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended, timeout)
            return self._newest is not None

    def take(self) -> ReceivedImage | None:
        """Wait for a frame that was not taken yet and return it; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended)
            taken, self._newest = self._newest, None
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Stop; a connection that hangs ends with its timeout, in the background."""
        with self._changed:
            self._stopped = self._ended = True
            self._changed.notify_all()
        self._thread.join(1.0)

    def _run(self) -> None:
        pause, deadline = PAUSE, time.monotonic() + self._patience
        whole = False
        while not self._stopped:
            before = self._count
            try:
                self._receive()
                self.problem = 'the stream ended'
                whole = self._finite
            except Exception as error:
                # whatever fails in a connection, the next one may succeed
                self.problem = ' '.join(f'{error}'.split()) or type(error).__name__
            # a file elsewhere would begin again
            if self._stopped or self._finite or not self._count:
                break
            if self._count > before:
                self._lost += 1
                pause, deadline = PAUSE, time.monotonic() + self._patience
            if time.monotonic() + pause > deadline:
                break
            with self._changed:
                self._changed.wait_for(lambda: self._stopped, pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self._end(given_up=not whole and not self._stopped)

    def _end(self, *, given_up: bool) -> None:
        with self._changed:
            again = max(0, self._lost - given_up)
            if again > 0:
                self.incidents.append(
                    f'{self._address}: the connection was lost and opened again {again} times')
            if given_up and self._count:
                self.incidents.append(
                    f'{self._address}: the connection was lost ({self.problem})' + (
                        '' if self._finite else
                        f' and could not be opened again within {self._patience:g} s'))
            self._ended = True
            self._changed.notify_all()

    def _receive(self) -> None:
        """Decode one connection to its end."""
        with self._av.open(
                self._address.url, format=self._address.format,
                options=dict(self._address.options), timeout=self._timeouts) as container:
            if not container.streams.video:
                raise ValueError('it has no stream of images')
            stream = container.streams.video[0]
            # threads by frame would hold back as many frames as there are threads
            stream.thread_type = 'SLICE'
            self.rate = float(stream.average_rate or stream.guessed_rate or 0)
            # a file elsewhere states how long it is, a camera does not
            self._finite = finite = bool(container.duration)
            with contextlib.closing(self._decoded(container, stream)) as frames:
                for frame in frames:
                    at = time.monotonic_ns()
                    if finite and frame.pts is not None:
                        at = round(frame.pts * stream.time_base * NANOSECONDS)
                    if not self._keep(frame, at, every=finite):
                        return

    def _decoded(self, container: Any, stream: Any) -> Generator[Any, None, None]:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except self._av.error.FFmpegError as error:
                # a frame that was damaged on the way
                self.problem = str(error)
            if self._stopped:
                return

    def _keep(self, frame: Any, at: int, *, every: bool) -> bool:
        """Keep a frame, with `every` once the last one is taken; return False after `close`."""
        with self._changed:
            if every:
                self._changed.wait_for(lambda: self._newest is None or self._stopped)
            if self._stopped:
                return False
            self.size = frame.width, frame.height
            self._newest = ReceivedImage(frame, at, self._count)
            self._count += 1
            self._changed.notify_all()
            return True
