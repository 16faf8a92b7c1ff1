# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A camera or a stream as a source of frames: the newest one first, reconnecting by itself."""

from __future__ import annotations

from collections.abc import Generator, Iterator
import contextlib
from pathlib import Path
import time

import numpy as np

from mot_ros.data.video.frame_source import (
    checked_rate,
    DecodedImage,
    DEFAULT_IMAGE_RATE,
    FrameSource,
    IndexedFrame,
    MAX_RATE,
)
from mot_ros.data.video.live_address import live_address
from mot_ros.data.video.receiver import Receiver
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.sequence import NANOSECONDS, seconds
from mot_ros.tracking.types import Frame

OPENING = 10.0
"""Seconds that the first image may take."""
RECONNECTING = 20.0
"""Seconds for which a lost connection is tried again."""


class LiveSource(FrameSource):
    """
    The frames of a camera device or a stream, from the newest one at the time of each request.

    Frames that come while an earlier one is worked on are left out and counted. The stamp of a
    frame is the time of its arrival after the first one, and its index counts the frames that
    came. A stream of known duration is a file elsewhere: each of its frames is used, at its
    presentation time. A lost connection is opened again for `patience` seconds; then the loop
    ends, and `shortcomings` says why.
    """

    def __init__(
            self, source: str | Path, fps: float | None = None, start: int = 0,
            frames: int | None = None, *, opening: float = OPENING,
            patience: float = RECONNECTING) -> None:
        if start:
            raise ConfigError(
                f'start is {start}, but {source} is live: its first frame is the newest one')
        self._address = live_address(source)
        self._opening, self._patience = opening, patience
        self._receiver = self._connect()
        stated = self._receiver.rate
        rate = checked_rate(fps) or (
            stated if 0 < stated <= MAX_RATE else DEFAULT_IMAGE_RATE)
        self._taken = self._came = 0
        super().__init__(Path(source), [], None, rate, 0, frames)

    @property
    def shortcomings(self) -> list[str]:
        """Sentences on lost connections and on frames that came too fast."""
        found = list(self._receiver.incidents)
        if self._came > self._taken:
            found.append(
                f'{self._address}: {self._came - self._taken} of {self._came} frames were left '
                'out, since newer ones had come before they were worked on')
        return found

    def stamps(self) -> list[int]:
        """Raise SourceError: stamps come with the frames."""
        raise SourceError(f'{self._address} is live: its stamps come with its frames')

    def fingerprint(self) -> dict[str, str | float]:
        """Raise SourceError: the frames never come again."""
        raise SourceError(
            f'{self._address} is live and never the same again; leave out what is kept for '
            'later runs, or record it first')

    def close(self) -> None:
        """Stop receiving."""
        self._receiver.close()

    def __iter__(self) -> Iterator[Frame]:
        if self._receiver.closed:
            self._receiver = self._connect()
        self.decode_ms = []
        self._taken = self._came = 0
        first: int | None = None
        with contextlib.closing(self._receiver) as receiver:
            while (received := receiver.take()) is not None:
                begin = time.perf_counter()
                image = received.image()
                self.decode_ms.append((time.perf_counter() - begin) * 1e3)
                first = received.stamp if first is None else first
                self._taken += 1
                self._came = received.index + 1
                yield IndexedFrame(
                    image, seconds(received.stamp - first),
                    (int(image.shape[1]), int(image.shape[0])), index=received.index)
                if self._taken == self._frames:
                    return

    def _connect(self) -> Receiver:
        """Start receiving; SourceError if no image comes in time."""
        receiver = Receiver(self._address, self._opening, self._patience)
        if not receiver.wait(self._opening):
            receiver.close()
            reason = receiver.problem or f'no image came within {self._opening:g} s'
            raise SourceError(
                f'{self._address} cannot be opened ({reason}); check the address with "ffplay '
                f'{self._address}"')
        return receiver

    def _first_size(self) -> tuple[int, int]:
        return self._receiver.size

    def _images(self, start: int) -> Generator[DecodedImage, None, None]:
        for frame in self:
            yield DecodedImage(np.asarray(frame.image), round(frame.stamp * NANOSECONDS))
