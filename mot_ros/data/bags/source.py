# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A rosbag2 as a source of frames, without ROS."""

from __future__ import annotations

from collections.abc import Generator, Iterator
import contextlib
from dataclasses import dataclass
import hashlib
from pathlib import Path
import struct

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.bags.bag_layout import MessageFrame, storage_files
from mot_ros.data.bags.reader import Bag, BagMessage
from mot_ros.data.bags.types import COMPRESSED_IMAGE, IMAGE
from mot_ros.data.decode import compressed_to_bgr, ImageError, to_bgr
from mot_ros.data.video.frames import DEFAULT_IMAGE_RATE, FrameSource, MAX_RATE, READ_AHEAD, timed
from mot_ros.data.video.read_ahead import read_ahead
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.sequence import NANOSECONDS, seconds
from mot_ros.tracking.types import Frame

Image = NDArray[np.uint8]

IMAGE_TYPES = (IMAGE, COMPRESSED_IMAGE)
STAMPS_FOR_RATE = 500
"""Messages whose stamps the frame rate is estimated from."""


@dataclass(frozen=True)
class _Decoded:
    """An image message, with why it cannot be used where that is so."""

    image: Image | None
    stamp: int
    """Nanoseconds."""
    frame_id: str
    received: int
    problem: str = ''


class BagSource(FrameSource):
    """
    The images of one topic, in the order in which they were recorded.

    The stamps are those of the headers, and may repeat or jump: a SequenceGuard has to judge
    them. `fps` is their median rate, or the one given, which changes no stamp. What a
    FrameSource promises holds otherwise; the index of a frame counts all messages of the topic,
    also those that cannot be decoded.
    """

    def __init__(
            self, path: Path, topic: str | None = None, fps: float | None = None,
            start: int = 0, frames: int | None = None) -> None:
        self._bag = Bag(path)
        self.topic = self._bag.choose(topic, IMAGE_TYPES, 'images')
        self._problems: list[str] = []
        # written so that NaN fails too
        if fps is not None and not 0 < fps <= MAX_RATE:
            raise ConfigError(
                f'fps is {fps:g}; it must be above 0 and at most {MAX_RATE:g} Hz')
        rate = fps or self._estimated_rate()
        super().__init__(
            path, storage_files(path), self._bag.count(self.topic), rate, start, frames)

    @property
    def bag(self) -> Bag:
        """The bag that the images come from."""
        return self._bag

    @property
    def shortcomings(self) -> list[str]:
        """Sentences on what the last loop could not read."""
        found = super().shortcomings
        if self._problems:
            found.append(f'{self.path}: the first unusable message of {self.topic}: '
                         f'{self._problems[0]}')
        if self._ended:
            found += self._bag.shortcomings
        return found

    def index_of(self, frame: Frame) -> int:
        """Return the 0-based index of a frame of this source."""
        # not from the stamp, which may come twice
        return frame.index if isinstance(frame, MessageFrame) else super().index_of(frame)

    def stamps(self) -> list[int]:
        """Return the header stamps of all messages of the topic, in nanoseconds."""
        return [header_stamp(record.data) for record in self._records()]

    def fingerprint(self) -> dict[str, str | float]:
        """Return what tells this sequence from another one of the same name."""
        found = super().fingerprint()
        digest = hashlib.sha256(f'{found["digest"]} {self.topic}'.encode()).hexdigest()
        return {**found, 'digest': digest}

    def __iter__(self) -> Iterator[Frame]:
        self.unreadable, self._problems = [], []
        self._reached_end, self._ended = self.start, False
        self.decode_ms = []
        decoded = read_ahead(timed(self._decoded(self.start), self.decode_ms), READ_AHEAD)
        with contextlib.closing(decoded):
            for index, item in enumerate(decoded, self.start):
                self._reached_end = index + 1
                if item.image is None:
                    self.unreadable.append(index)
                    self._problems.append(item.problem)
                else:
                    height, width = item.image.shape[:2]
                    yield MessageFrame(
                        item.image, seconds(item.stamp), (width, height), index=index,
                        frame_id=item.frame_id, nanoseconds=item.stamp or None,
                        received=item.received)
                if index + 1 - self.start == self._frames:
                    return
        self._ended = True

    def _images(self, start: int) -> Generator[Image | None, None, None]:
        with contextlib.closing(self._decoded(start)) as decoded:
            for item in decoded:
                yield item.image

    def _decoded(self, start: int) -> Generator[_Decoded, None, None]:
        index = -1
        with contextlib.closing(self._records()) as records:
            for index, record in enumerate(records):
                if index >= start:
                    yield self._decode(record)
        if index < start and start:
            raise SourceError(
                f'{self.path} has {index + 1} messages of {self.topic}; start at an index below '
                f'that, not at {start}')

    def _decode(self, record: BagMessage) -> _Decoded:
        stamp, frame_id = header_stamp(record.data), ''
        try:
            message = self._bag.deserialize(record)
            frame_id = message.header.frame_id
            image = (to_bgr(message) if record.type == IMAGE
                     else compressed_to_bgr(message.data, message.format))
        except (ImageError, SourceError) as error:
            return _Decoded(None, stamp, frame_id, record.received, str(error))
        if not image.flags.writeable:
            # what is read from a file is not, and torch insists
            image = image.copy()
        return _Decoded(image, stamp, frame_id, record.received)

    def _records(self) -> Generator[BagMessage, None, None]:
        return self._bag.records([self.topic])

    def _estimated_rate(self) -> float:
        stamps: list[int] = []
        with contextlib.closing(self._records()) as records:
            for record in records:
                stamps.append(header_stamp(record.data))
                if len(stamps) == STAMPS_FOR_RATE:
                    break
        steps = np.diff(np.array(stamps, np.float64) - (stamps[0] if stamps else 0))
        steps = steps[steps > 0]
        # whole nanoseconds leave 6.99999999 of 7 Hz
        return float(f'{1e9 / np.median(steps):.6g}') if len(steps) else DEFAULT_IMAGE_RATE


def header_stamp(serialized: bytes) -> int:
    """Return the stamp in nanoseconds of a message that begins with a Header; 0 if cut."""
    if len(serialized) < 12:
        return 0
    whole, rest = struct.unpack_from('<iI' if serialized[1] & 1 else '>iI', serialized, 4)
    return int(whole * NANOSECONDS + rest)
