# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A bag as a source of frames, without ROS."""

from __future__ import annotations

from collections.abc import Generator, Iterator
import contextlib
from dataclasses import dataclass, replace
import hashlib
from pathlib import Path
import struct
from typing import cast

import numpy as np

from mot_ros.data.bags.bag_layout import MessageFrame, storage_files
from mot_ros.data.bags.reader import Bag, BagMessage
from mot_ros.data.bags.types import (
    COMPRESSED_IMAGE,
    IMAGE,
    THEORA,
    VIDEO_PACKET,
    VIDEO_TYPES,
)
from mot_ros.data.decode import compressed_to_bgr, ImageError, to_bgr, too_dark
from mot_ros.data.image_reading import AUTO, ImageReading
from mot_ros.data.video.frame_source import (
    DecodedImage,
    DEFAULT_IMAGE_RATE,
    FrameSource,
    Image,
    MAX_RATE,
)
from mot_ros.data.video.packet_decoder import codec_of, PacketDecoder, PacketResult
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.sequence import NANOSECONDS, seconds
from mot_ros.tracking.types import Frame

IMAGE_TYPES = (IMAGE, COMPRESSED_IMAGE, *VIDEO_TYPES)
STAMPS_FOR_RATE = 500
"""Messages whose stamps the frame rate is estimated from."""


@dataclass(frozen=True)
class _DecodedMessage(DecodedImage):
    """The image of a message; a `stamp` of 0 stands for none."""

    frame_id: str = ''
    received: int = 0


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
            start: int = 0, frames: int | None = None,
            reading: ImageReading = AUTO) -> None:
        self._reading = reading
        self._bag = Bag(path)
        _refuse_theora(self._bag, topic)
        self.topic = self._bag.choose(topic, IMAGE_TYPES, 'images')
        self._holds_video: bool | None = None
        self._dark = ''
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
        if self._dark:
            found.append(f'{self.path}: {self._dark}')
        if self._ended:
            found += self._bag.shortcomings
        return found

    def stamps(self) -> list[int]:
        """Return the header stamps of all messages of the topic, in nanoseconds."""
        stamps = [header_stamp(record.data) for record in self._records()]
        # packets of a video come in the order of decoding
        return sorted(stamps) if self.holds_video else stamps

    def fingerprint(self) -> dict[str, str | float]:
        """Return what tells this sequence from another one of the same name."""
        found = super().fingerprint()
        told = f'{found["digest"]} {self.topic}' + (
            '' if self._reading == AUTO else f' {self._reading}')
        digest = hashlib.sha256(told.encode()).hexdigest()
        return {**found, 'digest': digest}

    def _frame(self, index: int, item: DecodedImage) -> Frame:
        message, image = cast(_DecodedMessage, item), cast(Image, item.image)
        stamp = message.stamp or 0
        return MessageFrame(
            image, seconds(stamp), (int(image.shape[1]), int(image.shape[0])), index=index,
            frame_id=message.frame_id, nanoseconds=stamp or None, received=message.received)

    def _images(self, start: int) -> Generator[DecodedImage, None, None]:
        index = -1
        self._dark = ''
        with contextlib.closing(self._records()) as records:
            if self.holds_video:
                for index, item in enumerate(self._decoded_video(records, start)):
                    if index >= start:
                        yield item
            else:
                for index, record in enumerate(records):
                    if index >= start:
                        yield self._decode(record)
        if index < start and start:
            raise SourceError(
                f'{self.path} has {index + 1} messages of {self.topic}; start at an index below '
                f'that, not at {start}')

    def _decode(self, record: BagMessage) -> _DecodedMessage:
        stamp, frame_id = header_stamp(record.data), ''
        try:
            message = self._bag.deserialize(record)
            frame_id = message.header.frame_id
            if record.type == IMAGE:
                image = to_bgr(message, self._reading)
                self._dark = self._dark or too_dark(message, image, self._reading)
            else:
                image = compressed_to_bgr(message.data, message.format)
        except (ImageError, SourceError) as error:
            return _DecodedMessage(None, stamp, str(error), frame_id, record.received)
        if not image.flags.writeable:
            # what is read from a file is not, and torch insists
            image = image.copy()
        return _DecodedMessage(image, stamp, '', frame_id, record.received)

    def _decoded_video(
            self, records: Iterator[BagMessage], start: int) -> Iterator[_DecodedMessage]:
        """Yield what came of each packet; images before `start` are not converted."""
        decoder = PacketDecoder()
        kept: dict[int, _DecodedMessage] = {}
        done = 0

        def settled(results: list[PacketResult]) -> Iterator[_DecodedMessage]:
            nonlocal done
            for result in results:
                found = kept.pop(result.number)
                if result.error is not None:
                    found = replace(found, problem=str(result.error))
                elif done >= start:
                    found = replace(found, image=decoder.image(result.frame))
                done += 1
                yield found

        for number, record in enumerate(records):
            stamp = header_stamp(record.data)
            kept[number] = _DecodedMessage(None, stamp, received=record.received)
            try:
                message = self._bag.deserialize(record)
            except SourceError as error:
                done += 1
                yield replace(kept.pop(number), problem=str(error))
                continue
            kept[number] = replace(
                kept[number], frame_id=getattr(message, 'header', message).frame_id)
            kind = message.encoding if record.type == VIDEO_PACKET else message.format
            yield from settled(decoder.decode(bytes(message.data), kind, number))
        yield from settled(decoder.flush())

    @property
    def holds_video(self) -> bool:
        """Whether messages hold video: by their type, or by the format of compressed images."""
        if self._holds_video is None:
            kind = next(found.type for found in self._bag.topics if found.name == self.topic)
            self._holds_video = kind in VIDEO_TYPES
            if kind == COMPRESSED_IMAGE:
                with contextlib.closing(self._records()) as records, \
                        contextlib.suppress(SourceError, StopIteration, ImageError):
                    codec_of(self._bag.deserialize(next(records)).format)
                    self._holds_video = True
        return self._holds_video

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


def _refuse_theora(bag: Bag, topic: str | None) -> None:
    """Raise SourceError where Theora is the only video that can be meant."""
    found = [entry.name for entry in bag.topics if entry.type == THEORA and (
        topic is None or entry.name == topic)]
    if found and (topic is not None or not any(
            entry.type in IMAGE_TYPES for entry in bag.topics)):
        raise SourceError(
            f'{found[0]} in {bag.path} is Theora video, which is not read; play the bag through '
            f'"ros2 run image_transport republish theora compressed" and record that instead')


def header_stamp(serialized: bytes) -> int:
    """Return the stamp in nanoseconds of a message that begins with a Header; 0 if cut."""
    if len(serialized) < 12:
        return 0
    whole, rest = struct.unpack_from('<iI' if serialized[1] & 1 else '>iI', serialized, 4)
    return int(whole * NANOSECONDS + rest)
