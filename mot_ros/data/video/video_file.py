# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A video file as a source of frames, decoded by PyAV, or by OpenCV where PyAV is missing."""

from __future__ import annotations

from collections.abc import Generator
import contextlib
from importlib import metadata
from pathlib import Path
from types import ModuleType

from mot_ros.data.video import opencv_video
from mot_ros.data.video.frame_source import (
    checked_rate,
    DecodedImage,
    FrameSource,
    MAX_RATE,
    stamp_of,
)
from mot_ros.data.video.video_info import VideoInfo
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.sequence import NANOSECONDS

LEAST_PYAV = 10
ROUNDING = 1_000_000
"""Nanoseconds; containers such as Matroska round presentation times to milliseconds."""


class VideoFile(FrameSource):
    """
    The frames of a video file, in order and without seeking, which is not exact.

    Their stamps are the presentation times after the first frame; those within ROUNDING of a
    multiple of 1 / fps are that multiple, so that an even rate stays even. A given `fps` replaces
    them by index / fps.
    """

    def __init__(
            self, path: Path, fps: float | None = None, start: int = 0,
            frames: int | None = None) -> None:
        self._even = checked_rate(fps) is not None
        self._decoder = decoder()
        self._steps: tuple[int, int] | None = None
        info: VideoInfo = self._decoder.read_info(path)
        if fps is None and not 0 < info.rate <= MAX_RATE:
            raise SourceError(
                f'{path} states a frame rate of {info.rate:g}; state the right one with --fps')
        super().__init__(
            path, [path], info.count, fps or info.rate, start, frames, estimated=not info.exact)

    @property
    def shortcomings(self) -> list[str]:
        """Sentences on what the last loop could not read, and on uneven stamps."""
        found = super().shortcomings
        if self._steps is not None and self._steps[1] - self._steps[0] > 2 * ROUNDING:
            least, most = (step / NANOSECONDS for step in self._steps)
            found.append(
                f'{self.path}: the frame rate is not constant, frames follow each other after '
                f'{least:.3g} to {most:.3g} s; the presentation times of the file are used')
        return found

    def stamps(self) -> list[int]:
        """Return the stamps of all frames in nanoseconds; goes through the whole file."""
        times = self._decoder.presentation_times(self.path)
        count = len(times) if self.estimated else max(len(times), self.announced or 0)
        if self._even:
            return [stamp_of(index, self.fps) for index in range(count)]
        found: list[int] = []
        for time in [*times, *[None] * (count - len(times))]:
            found.append(self._stamp(time, times[0], found[-1] if found else None))
        return found

    def _images(self, start: int) -> Generator[DecodedImage, None, None]:
        self._steps = None
        first: int | None = None
        last: int | None = None
        index = -1
        with contextlib.closing(self._decoder.decode(self.path, start)) as images:
            for index, item in enumerate(images):
                stamp = None
                if not self._even:
                    first = item.stamp if index == 0 else first
                    stamp = self._stamp(item.stamp, first, last)
                    self._measure(stamp, last)
                    last = stamp
                if index >= start:
                    yield DecodedImage(item.image, stamp, item.problem)
        if index < start and start:
            raise SourceError(
                f'{self.path} ends after {index + 1} frames; start at an index below that, not '
                f'at {start}')

    def _stamp(self, time: int | None, first: int | None, last: int | None) -> int:
        """Return a stamp after the last one, a period later where the file states no such."""
        if last is None:
            return 0
        if time is None or first is None or time - first <= last:
            return last + stamp_of(1, self.fps)
        since = time - first
        even = stamp_of(round(since * self.fps / NANOSECONDS), self.fps)
        return even if abs(even - since) <= ROUNDING and even > last else since

    def _measure(self, stamp: int, last: int | None) -> None:
        if last is not None:
            least, most = self._steps or (stamp - last, stamp - last)
            self._steps = min(least, stamp - last), max(most, stamp - last)


def decoder() -> ModuleType:
    """Return the module that decodes videos: pyav_video where PyAV 10 or newer is installed."""
    try:
        version = int(metadata.version('av').partition('.')[0])
    except metadata.PackageNotFoundError:
        return opencv_video
    if version < LEAST_PYAV:
        return opencv_video
    # not above: without it nothing else is missing
    from mot_ros.data.video import pyav_video
    return pyav_video
