# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Which frames of a sequence a method gets to see, and where their detections come from.

With `fps`, a frame is kept where floor((stamp - first stamp) * fps) is another number than
before: every k-th frame by time. With `drop`, each kept frame is left out with that probability,
drawn from the seed and the name of the sequence, the same for every method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import contextlib
from itertools import pairwise
from pathlib import Path
from typing import Any, cast, TYPE_CHECKING
import zlib

import numpy as np

from mot_ros.data.annotated import Annotated, checksum
from mot_ros.data.bags.bag_layout import MessageFrame
from mot_ros.data.datasets.mot import Ints, MotRows, read_detections
from mot_ros.evaluation.options import Options, OWN, PUBLIC
from mot_ros.tracking.config import IMAGE_METHODS
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.sequence import NANOSECONDS, seconds
from mot_ros.tracking.types import Detections, Frame

if TYPE_CHECKING:
    from mot_ros.data.video.frame_source import FrameSource
    from mot_ros.tracking.config import Settings
    from mot_ros.tracking.protocols import Detector

ROUNDING = 1e-6
"""A frame that a time slot misses by this share is in it: stamps are whole nanoseconds."""


def kept_frames(sequence: Annotated, options: Options) -> Ints:
    """Return the numbers, from 1, of the frames that are processed."""
    length = min(sequence.length, options.frames or sequence.length)
    index = np.arange(length)
    if options.fps is not None:
        since = (sequence.stamps[:length] - sequence.stamps[0]) / NANOSECONDS
        slot = np.floor(since * options.fps + ROUNDING)
        index = index[np.diff(slot, prepend=-1) != 0]
    if options.drop:
        generator = np.random.default_rng([options.seed, zlib.crc32(sequence.name.encode())])
        index = index[generator.random(length)[index] >= options.drop]
    if not len(index):
        raise ConfigError(f'{sequence.name}: no frame is left; lower drop or raise fps')
    return index + 1


class Footage:
    """
    The frames that are kept, and the detector that goes with them.

    They come with their images where the detector of the settings is to look at them, which it
    does once for all methods, or where `show` asks for them, else without. `checksums` and
    `warnings` tell of given detections; `shortcomings` of the last loop over the images.
    """

    def __init__(self, sequence: Annotated, wanted: Ints, which: str) -> None:
        self._sequence = sequence
        self._wanted = wanted
        self._images: FrameSource | None = None
        self._detector: Detector | None = None
        self._seen: dict[str, Detector] = {}
        self._own = which == OWN
        self._shown = self._own
        self._ended_early = False
        self.checksums: dict[str, str] = {}
        self.warnings: list[str] = []
        if self._own:
            self._images = sequence.open_images()
            if self._images is None:
                raise SourceError(
                    f'{sequence.name} has no images; give them with '
                    f'--images {sequence.name}=FILE, or take --detections public')
        else:
            rows = self._given(which)
            self._detector = _Given(_by_index(rows, sequence.length), self.index_of)

    @property
    def decode_ms(self) -> list[float]:
        """How long decoding each image of the last loop took, in a thread of its own."""
        return [] if self._images is None or not self._shown else self._images.decode_ms

    @property
    def shortcomings(self) -> list[str]:
        """Sentences on what the last loop could not read."""
        if self._images is None or not self._shown:
            return []
        found = self._images.shortcomings
        if self._ended_early:
            found.append(f'{self._images.path} ends before frame {self._wanted[-1]} of the truth')
        return found

    def show(self, method: str, *, needed: bool) -> None:
        """Let the frames of given detections come with their images where a method needs them."""
        self._shown = self._own or needed
        if self._shown and self._images is None:
            self._images = self._sequence.open_images()
        if self._shown and self._images is None:
            raise SourceError(
                f'{method} looks at images, and {self._sequence.name} has none; give them with '
                f'--images {self._sequence.name}=FILE, or take --set appearance.type=none '
                '--set camera_motion.mode=auto')

    def detector_for(self, settings: Settings, make: Callable[[], Detector]) -> Detector:
        """
        Return the detector of a method with these settings, made by `make` if it is not there.

        Methods that ask more of it than its detections each have it look anew.
        """
        if self._detector is not None:
            return self._detector
        if settings.method in IMAGE_METHODS:
            return make()
        kind = settings.detector_type
        if kind not in self._seen:
            self._seen[kind] = _Seen(make(), self.index_of)
        return self._seen[kind]

    def index_of(self, frame: Frame) -> int:
        """Return the 0-based index of a frame in the sequence."""
        if self._images is not None and self._shown:
            return self._images.index_of(frame)
        return cast(MessageFrame, frame).index

    def __iter__(self) -> Iterator[Frame]:
        if self._images is None or not self._shown:
            yield from self._without_images()
            return
        self._ended_early = False
        kept, last = set(self._wanted.tolist()), int(self._wanted[-1])
        with contextlib.closing(cast(Any, iter(self._images))) as frames:
            for frame in frames:
                number = self.index_of(frame) + 1
                if number in kept:
                    yield frame
                if number >= last:
                    return
        self._ended_early = True

    def _without_images(self) -> Iterator[Frame]:
        for index in (self._wanted - 1).tolist():
            taken = int(self._sequence.stamps[index])
            yield MessageFrame(
                None, seconds(taken), self._sequence.size, index=index, nanoseconds=taken)

    def _given(self, which: str) -> MotRows:
        """Return the public detections, or those of a file or folder, with scores up to 1."""
        if which == PUBLIC:
            if self._sequence.public is None:
                raise SourceError(
                    f'{self._sequence.name} comes without detections; give --detections FILE')
            rows, origin = self._sequence.public(), f'{self._sequence.name}, public detections'
        else:
            path = Path(which)
            if path.is_dir():
                path = path / f'{self._sequence.name}.txt'
            rows, origin = read_detections(path), str(path)
            self.checksums['detections'] = checksum(path)
        self.warnings += rows.notes
        if not len(rows) or 0 <= rows.values.min() <= rows.values.max() <= 1:
            return rows
        low, high = rows.values.min(), rows.values.max()
        self.warnings.append(
            f'{origin}: scores reach from {low:g} to {high:g} and were scaled to 0..1')
        return MotRows(rows.frames, rows.ids, rows.boxes, (rows.values - low) / (high - low or 1))


class _Given:
    """A detector that has seen everything before."""

    class_names = ('person',)

    def __init__(
            self, by_index: Sequence[Detections], index_of: Callable[[Frame], int]) -> None:
        self._by_index = by_index
        self._index_of = index_of

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._by_index[self._index_of(frame)] for frame in frames]


class _Seen:
    """Asks the detector once for each frame and remembers the answer for the next method."""

    def __init__(self, detector: Detector, index_of: Callable[[Frame], int]) -> None:
        self._detector = detector
        self._index_of = index_of
        self._found: dict[int, Detections] = {}
        self.class_names = detector.class_names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        for frame in frames:
            if self._index_of(frame) not in self._found:
                self._found[self._index_of(frame)] = self._detector.detect([frame])[0]
        return [self._found[self._index_of(frame)] for frame in frames]


def _by_index(rows: MotRows, length: int) -> list[Detections]:
    """Return the detections of every frame, best score first."""
    rows = rows[np.lexsort((-rows.values, rows.frames))]
    edges = np.searchsorted(rows.frames, np.arange(1, length + 2)).tolist()
    boxes, scores = rows.boxes.astype(np.float32), rows.values.astype(np.float32)
    return [
        Detections(boxes[first:end], scores[first:end], np.zeros(end - first, np.int64))
        for first, end in pairwise(edges)]
