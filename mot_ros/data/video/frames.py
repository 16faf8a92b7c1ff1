# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Frames with stamps from a video file, an image folder or an image pattern."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
import configparser
import contextlib
import glob
import hashlib
import math
import os
from pathlib import Path
import re
import time
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.video.read_ahead import read_ahead
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.sequence import NANOSECONDS, seconds
from mot_ros.tracking.types import Frame

Image = NDArray[np.uint8]
_Item = TypeVar('_Item')

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
DEFAULT_IMAGE_RATE = 30.0
MAX_RATE = 1000.0
READ_AHEAD = 8
"""Decoded images that may wait for the tracker."""
PIECE = 1 << 20
"""Bytes of either end of a file that go into a fingerprint."""


class FrameSource(ABC):
    """
    A finite sequence of frames that can be gone through any number of times.

    The frame with 0-based index i has the stamp i / fps, to the nanosecond, as a message would
    carry it; `start` leaves out the first frames and `frames` those after that many, without
    changing the stamps of the others. `length` is
    how many frames are to be expected, or None where the file does not say; `size` is (width,
    height) of the first image. An image that cannot be read is left out and counted in
    `unreadable`, and its stamp stays unused. What went wrong on the way, if anything, is in
    `shortcomings` once the loop has ended. Decoding runs ahead in a thread that ends with the
    loop, however that ends; `decode_ms` says how long each image of the last loop took there.
    """

    def __init__(
            self, path: Path, files: Sequence[Path], announced: int | None, fps: float,
            start: int = 0, frames: int | None = None) -> None:
        if start < 0 or (frames is not None and frames < 1):
            raise ConfigError(
                f'start is {start} and frames is {frames}; start must not be negative and '
                'frames must be at least 1')
        if announced is not None and start >= announced:
            raise SourceError(
                f'{path} has {announced} frames; start at an index below that, not at {start}')
        self.path = path
        self._files = files
        self.fps = fps
        self.start = start
        self.announced = announced
        self.unreadable: list[int] = []
        self.decode_ms: list[float] = []
        self._frames = frames
        self._reached_end = start
        self._ended = False
        with contextlib.closing(self._images(0)) as images:
            first = next((image for image in images if image is not None), None)
        if first is None:
            raise SourceError(
                f'{path} holds no image that can be read; check that it is complete and that '
                'OpenCV knows its format')
        self.size = (int(first.shape[1]), int(first.shape[0]))

    @property
    def length(self) -> int | None:
        """How many frames to expect, None if unknown."""
        if self.announced is None:
            return self._frames
        rest = self.announced - self.start
        return rest if self._frames is None else min(rest, self._frames)

    @property
    def shortcomings(self) -> list[str]:
        """Sentences on what the last loop could not read."""
        found = []
        if self.unreadable:
            found.append(
                f'{self.path}: {len(self.unreadable)} images could not be read and were left '
                f'out, the first has index {self.unreadable[0]}')
        if self._ended and self.announced is not None and self._reached_end < self.announced:
            found.append(
                f'{self.path} announces {self.announced} frames, but ends after '
                f'{self._reached_end}: is the file cut off?')
        return found

    def index_of(self, frame: Frame) -> int:
        """Return the 0-based index of a frame of this source."""
        return round(frame.stamp * self.fps)

    def fingerprint(self) -> dict[str, str | float]:
        """
        Return what tells this sequence from another one of the same name.

        A large video is not read as a whole: its size, beginning and end have to do.
        """
        digest = hashlib.sha256()
        for file in self._files:
            digest.update(f'{file.name} {file.stat().st_size}'.encode())
        for file in (self._files[0], self._files[-1]):
            with file.open('rb') as content:
                digest.update(content.read(PIECE))
                content.seek(-min(PIECE, file.stat().st_size), os.SEEK_END)
                digest.update(content.read(PIECE))
        return {'source': self.path.name, 'digest': digest.hexdigest(), 'fps': self.fps}

    def __iter__(self) -> Iterator[Frame]:
        self.unreadable = []
        self._reached_end, self._ended = self.start, False
        self.decode_ms = []
        images = read_ahead(timed(self._images(self.start), self.decode_ms), READ_AHEAD)
        with contextlib.closing(images):
            for index, image in enumerate(images, self.start):
                self._reached_end = index + 1
                if image is None:
                    self.unreadable.append(index)
                else:
                    yield Frame.of(image, seconds(stamp_of(index, self.fps)))
                if index + 1 - self.start == self._frames:
                    return
        self._ended = True

    @abstractmethod
    def _images(self, start: int) -> Generator[Image | None, None, None]:
        """Decode every image from index `start` on; None stands for one that cannot be read."""


class VideoFile(FrameSource):
    """The frames of a video file, in order and without seeking, which is not exact."""

    def __init__(
            self, path: Path, fps: float | None = None, start: int = 0,
            frames: int | None = None) -> None:
        capture = cv2.VideoCapture(str(path))
        if not capture.isOpened():
            raise SourceError(
                f'{path} is not a video that OpenCV can open; give a video file, a folder of '
                'images or a pattern such as "img1/*.jpg"')
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        own_rate = capture.get(cv2.CAP_PROP_FPS)
        capture.release()
        if fps is None and not 0 < own_rate <= MAX_RATE:
            raise SourceError(
                f'{path} states a frame rate of {own_rate:g}; state the right one with --fps')
        # streams have no count, or an absurd one
        announced = int(count) if 0 < count < 1e9 else None
        super().__init__(path, [path], announced, checked_rate(fps) or own_rate, start, frames)

    def _images(self, start: int) -> Generator[Image | None, None, None]:
        capture = cv2.VideoCapture(str(self.path))
        try:
            for index in range(start):
                if not capture.grab():
                    raise SourceError(
                        f'{self.path} ends after {index} frames; start at an index below that, '
                        f'not at {start}')
            while capture.grab():
                intact, image = capture.retrieve()
                yield image if intact else None  # type: ignore[misc]
        finally:
            capture.release()


class ImageFiles(FrameSource):
    """One image file per frame, in the order given; sizes may differ."""

    def __init__(
            self, path: Path, files: Sequence[Path], fps: float | None = None, start: int = 0,
            frames: int | None = None) -> None:
        rate = checked_rate(fps) or _sequence_rate(files[0].parent) or DEFAULT_IMAGE_RATE
        super().__init__(path, files, len(files), rate, start, frames)

    @property
    def files(self) -> Sequence[Path]:
        """The images by index."""
        return self._files

    def _images(self, start: int) -> Generator[Image | None, None, None]:
        for file in self._files[start:]:
            try:
                yield cv2.imread(str(file), cv2.IMREAD_COLOR)  # type: ignore[misc]
            except cv2.error:
                # beyond OpenCV's limit of pixels, for example
                yield None


def open_source(
        source: str | Path, fps: float | None = None, start: int = 0,
        frames: int | None = None) -> FrameSource:
    """
    Open a video file, a folder of images, one image or a glob pattern of images.

    A folder with a seqinfo.ini and no images of its own is read as a MOTChallenge sequence.
    `fps` in Hz overrides the rate that the file states. Raises SourceError naming the path and
    the remedy.
    """
    path = Path(source)
    if path.is_dir():
        files = _images_in(path) or _images_in(path / 'img1')
        if not files:
            raise SourceError(
                f'{path} holds no images ({", ".join(IMAGE_SUFFIXES)}); name the folder that '
                'they lie in')
    elif path.exists():
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            return VideoFile(path, fps, start, frames)
        files = [path]
    elif glob.has_magic(str(source)):
        # Path.glob takes no absolute pattern
        names = glob.glob(str(source), recursive=True)  # noqa: PTH207
        files = _only_images(Path(name) for name in names)
        if not files:
            raise SourceError(f'no image matches {source}; quote the pattern and check its folder')
    else:
        raise SourceError(
            f'{source} does not exist; give a video file, a folder of images or a pattern such '
            'as "img1/*.jpg"')
    return ImageFiles(path, files, fps, start, frames)


def stamp_of(index: int, fps: float) -> int:
    """Return when the frame of an index, from 0, is taken, in nanoseconds."""
    return round(index * NANOSECONDS / fps)


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


def natural_key(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts 'image10' after 'image9'."""
    return [(int(part), '') if part.isdecimal() else (-1, part)
            for part in re.split(r'(\d+)', name)]


def _only_images(paths: Iterable[Path]) -> list[Path]:
    images = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES]
    return sorted(images, key=lambda path: natural_key(str(path)))


def _images_in(folder: Path) -> list[Path]:
    return _only_images(folder.iterdir()) if folder.is_dir() else []


def checked_rate(fps: float | None) -> float | None:
    """Return a frame rate in Hz that a user gave; ConfigError if it cannot be one."""
    # written so that NaN fails too
    if fps is not None and not 0 < fps <= MAX_RATE:
        raise ConfigError(f'fps is {fps:g}; it must be above 0 and at most {MAX_RATE:g} Hz')
    return fps


def _sequence_rate(folder: Path) -> float | None:
    """Return the rate that a seqinfo.ini beside the images states, None where there is none."""
    for path in (folder / 'seqinfo.ini', folder.parent / 'seqinfo.ini'):
        if path.is_file():
            parser = configparser.ConfigParser()
            try:
                parser.read(path)
                rate = parser.getfloat('Sequence', 'frameRate')
            except (configparser.Error, ValueError) as error:
                raise SourceError(
                    f'{path}: no usable frameRate ({" ".join(str(error).split())}); give --fps') \
                    from error
            if not (math.isfinite(rate) and 0 < rate <= MAX_RATE):
                raise SourceError(f'{path}: frameRate is {rate:g}; give --fps')
            return rate
    return None
