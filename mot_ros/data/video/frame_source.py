# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A finite sequence of decoded frames with stamps: base of videos, image folders and bags."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
import contextlib
from dataclasses import dataclass
from fractions import Fraction
import hashlib
import os
from pathlib import Path
import time
from typing import cast, TypeVar

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.video.read_ahead import read_ahead
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.runtime.user_files import ANY_SIZE, open_regular
from mot_ros.tracking.sequence import NANOSECONDS, seconds
from mot_ros.tracking.types import Frame

Image = NDArray[np.uint8]
_Item = TypeVar('_Item')

DEFAULT_IMAGE_RATE = 30.0
MAX_RATE = 1000.0
READ_AHEAD = 8
"""Decoded images that may wait for the tracker."""
PIECE = 1 << 20
"""Bytes of either end of a file that go into a fingerprint."""


@dataclass(frozen=True)
class IndexedFrame(Frame):
    """A frame with its 0-based index in its source."""

    index: int = 0


@dataclass(frozen=True)
class DecodedImage:
    """
    One image of a source, (H, W, 3) uint8 BGR; None with the `problem` where it is unreadable.

    `stamp` in nanoseconds; None stands for index / fps.
    """

    image: Image | None
    stamp: int | None = None
    problem: str = ''


class FrameSource(ABC):
    """
    A finite sequence of frames that can be gone through any number of times.

    The stamp of a frame is its presentation time after the first frame where a video states one,
    else index / fps with the 0-based index, to the nanosecond, as a message would carry it;
    `start` leaves out the first frames and `frames` those after that many, without changing the
    stamps of the others. `length` is how many frames are to be expected, or None where the file
    does not say; with `estimated` it is derived from a duration. `size` is (width, height) of
    the first image. An image that cannot be read is left out and counted in `unreadable`, and
    its stamp stays unused. `shortcomings` describes what went wrong once the loop has ended.
    Decoding runs ahead in a thread that ends with the loop, however that ends; `decode_ms` holds
    the time that each image of the last loop took there.
    """

    def __init__(
            self, path: Path, files: Sequence[Path], announced: int | None, fps: float,
            start: int = 0, frames: int | None = None, *, estimated: bool = False) -> None:
        if start < 0 or (frames is not None and frames < 1):
            raise ConfigError(
                f'start is {start} and frames is {frames}; start must not be negative and '
                'frames must be at least 1')
        if announced is not None and not estimated and start >= announced:
            raise SourceError(
                f'{path} has {announced} frames; start at an index below that, not at {start}')
        self.path = path
        self._files = files
        self.fps = fps
        self.start = start
        self.announced = announced
        self.estimated = estimated
        self.unreadable: list[int] = []
        self.decode_ms: list[float] = []
        self._frames = frames
        self._reached_end = start
        self._ended = False
        self._first_problem = ''
        self.size = self._first_size()

    def _first_size(self) -> tuple[int, int]:
        problem = ''
        with contextlib.closing(self._images(0)) as images:
            for item in images:
                if item.image is not None:
                    return int(item.image.shape[1]), int(item.image.shape[0])
                problem = problem or item.problem
        raise SourceError(
            f'{self.path} holds no image that can be read' + (
                f'; of the first: {problem}' if problem
                else '; check that it is complete and that its format is known'))

    @property
    def length(self) -> int | None:
        """How many frames to expect, None if unknown."""
        if self.announced is None:
            return self._frames
        rest = max(0, self.announced - self.start)
        return rest if self._frames is None else min(rest, self._frames)

    @property
    def shortcomings(self) -> list[str]:
        """Sentences on what the last loop could not read."""
        found = []
        if self.unreadable:
            found.append(
                f'{self.path}: {len(self.unreadable)} images could not be read and were left '
                f'out, the first has index {self.unreadable[0]}' + (
                    f': {self._first_problem}' if self._first_problem else ''))
        if (self._ended and self.announced is not None and not self.estimated
                and self._reached_end < self.announced):
            found.append(
                f'{self.path} announces {self.announced} frames, but ends after '
                f'{self._reached_end}: is the file cut off?')
        return found

    def index_of(self, frame: Frame) -> int:
        """Return the 0-based index of a frame of this source."""
        return cast(IndexedFrame, frame).index

    def stamps(self) -> list[int]:
        """Return the stamps of all frames of the file in nanoseconds, also of unreadable ones."""
        if self.announced is None:
            raise SourceError(f'{self.path} does not state how many frames it has')
        return [stamp_of(index, self.fps) for index in range(self.announced)]

    def fingerprint(self) -> dict[str, str | float]:
        """
        Return what tells this sequence from another one of the same name.

        A large video is not read as a whole: its size, beginning and end have to do.
        """
        digest = hashlib.sha256()
        for file in self._files:
            digest.update(f'{file.name} {file.stat().st_size}'.encode())
        for file in (self._files[0], self._files[-1]):
            with open_regular(file, ANY_SIZE) as content:
                digest.update(content.read(PIECE))
                content.seek(-min(PIECE, file.stat().st_size), os.SEEK_END)
                digest.update(content.read(PIECE))
        return {'source': self.path.name, 'digest': digest.hexdigest(), 'fps': self.fps}

    def __iter__(self) -> Iterator[Frame]:
        self.unreadable, self._first_problem = [], ''
        self._reached_end, self._ended = self.start, False
        self.decode_ms = []
        images = read_ahead(timed(self._images(self.start), self.decode_ms), READ_AHEAD)
        with contextlib.closing(images):
            for index, item in enumerate(images, self.start):
                self._reached_end = index + 1
                if item.image is None:
                    self._first_problem = self._first_problem or item.problem
                    self.unreadable.append(index)
                else:
                    yield self._frame(index, item)
                if index + 1 - self.start == self._frames:
                    return
        self._ended = True

    def _frame(self, index: int, item: DecodedImage) -> Frame:
        """Return the frame of an image that could be read."""
        image = cast(Image, item.image)
        stamp = stamp_of(index, self.fps) if item.stamp is None else item.stamp
        return IndexedFrame(
            image, seconds(stamp), (int(image.shape[1]), int(image.shape[0])), index=index)

    @abstractmethod
    def _images(self, start: int) -> Generator[DecodedImage, None, None]:
        """Decode every image from index `start` on."""


def stamp_of(index: int, fps: float) -> int:
    """Return when the frame of an index, from 0, is taken, in nanoseconds."""
    return round(index * NANOSECONDS / fps)


def checked_rate(fps: float | None) -> float | None:
    """Return a frame rate in Hz that a user gave; ConfigError if it cannot be one."""
    # written so that NaN fails too
    if fps is not None and not 0 < fps <= MAX_RATE:
        raise ConfigError(f'fps is {fps:g}; it must be above 0 and at most {MAX_RATE:g} Hz')
    return fps


def rate_of_text(text: str) -> float:
    """Return the number in a text such as 30, 29.97 or 30000/1001; ValueError for any other."""
    try:
        return float(Fraction(text.replace(' ', ''))) if '/' in text else float(text)
    except (ZeroDivisionError, OverflowError) as error:
        raise ValueError(f'{text[:60]!r} divides by zero, or is too large') from error


def timed(items: Generator[_Item, None, None], into: list[float]) -> Generator[_Item, None, None]:
    """Pass items on and note how many milliseconds each of them took."""
    with contextlib.closing(items):
        while True:
            start = time.perf_counter()
            try:
                item = next(items)
            except StopIteration:
                return
            into.append((time.perf_counter() - start) * 1e3)
            yield item
