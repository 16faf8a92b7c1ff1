# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Detections cached in a file: replayed by stamp, recorded while a detector runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import json
from pathlib import Path
import struct
from typing import Any
import zipfile
import zlib

import numpy as np

from mot_ros.tracking.errors import FrameError, SourceError
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.runtime.output_file import written
from mot_ros.tracking.runtime.user_files import ANY_SIZE, open_regular
from mot_ros.tracking.types import Detections, Frame

FORMAT = 2
MAX_UNPACKED, MAX_RATIO = 256 << 20, 100
"""A file unpacks to at most this many bytes, or to this many times its size."""


class RecordedDetections:
    """Replay recorded detections; frames are identified by their exact stamp."""

    def __init__(
            self, by_stamp: Mapping[float, Detections], class_names: Sequence[str],
            score_floor: float = 0.0) -> None:
        self._by_stamp = dict(by_stamp)
        self._class_names = tuple(class_names)
        self._score_floor = score_floor

    @property
    def class_names(self) -> Sequence[str]:
        """Class names; the label is the index."""
        return self._class_names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the recorded detections above the floor; FrameError for an unknown stamp."""
        return [self._look_up(frame.stamp) for frame in frames]

    def _look_up(self, stamp: float) -> Detections:
        if stamp not in self._by_stamp:
            raise FrameError(
                f'no detections are recorded for the stamp {stamp:.6f}; record this sequence '
                'again with the same frame rate')
        recorded = self._by_stamp[stamp]
        return recorded[recorded.scores >= np.float32(self._score_floor)]


class CachedDetector:
    """
    Replay the detections in a file; run a detector on the other frames and add those.

    `key` holds everything the detections depend on: the video, the network, its input size. A file
    with another key is refused. The detector is made when a frame first needs it, so that a
    complete file needs neither weights nor time. The detector must report scores down to
    `recorded_floor`; results go down to `score_floor`.
    """

    def __init__(
            self, path: str | Path, key: Mapping[str, Any], make: Callable[[], Detector],
            score_floor: float, recorded_floor: float) -> None:
        self._path = Path(path)
        self._key = {**key, 'recorded_floor': recorded_floor}
        self._make = make
        self._score_floor = score_floor
        self._detector: Detector | None = None
        self._by_stamp: dict[float, Detections] = {}
        self._class_names: tuple[str, ...] = ()
        self.recorded = 0
        """Frames that were in the file."""
        self.added = 0
        """Frames on which the detector ran."""
        if self._path.exists():
            self._class_names, self._by_stamp = load(self._path, self._key)
            self.recorded = len(self._by_stamp)

    @property
    def class_names(self) -> Sequence[str]:
        """Class names; the label is the index."""
        return self._class_names or self._made().class_names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the detections of each frame, best score first."""
        unknown = [frame for frame in frames if frame.stamp not in self._by_stamp]
        if unknown:
            for frame, found in zip(unknown, self._made().detect(unknown), strict=True):
                self._by_stamp[frame.stamp] = found
            self.added += len(unknown)
        return RecordedDetections(
            {frame.stamp: self._by_stamp[frame.stamp] for frame in frames}, (),
            self._score_floor).detect(frames)

    def save(self) -> None:
        """Write the file if anything was added."""
        if self.added:
            save(self._path, self._key, self.class_names, self._by_stamp)

    def _made(self) -> Detector:
        if self._detector is None:
            self._detector = self._make()
            self._class_names = tuple(self._detector.class_names)
        return self._detector


def save(
        path: Path, key: Mapping[str, Any], class_names: Sequence[str],
        by_stamp: Mapping[float, Detections]) -> None:
    """Write detections as .npz: concatenated columns, and the number of rows per frame."""
    every = Detections.concatenate(Detections.empty(), *by_stamp.values())
    header = {'format': FORMAT, 'key': dict(key), 'class_names': list(class_names)}
    with written(path) as partial, partial.open('wb') as file:
        np.savez_compressed(
            file, header=np.array(json.dumps(header)), stamps=np.array(list(by_stamp)),
            counts=np.array([len(found) for found in by_stamp.values()], np.int64),
            boxes=every.boxes, scores=every.scores, labels=every.labels)


def load(
        path: Path, key: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[float, Detections]]:
    """Return class names and detections by stamp; SourceError for a file with another key."""
    try:
        with open_regular(path, ANY_SIZE) as opened, np.load(opened, allow_pickle=False) as file:
            _check_unpacked(file, path.stat().st_size)
            header = json.loads(str(file['header']))
            names, made_with = tuple(header['class_names']), dict(header['key'])
            stamps, counts = file['stamps'].tolist(), file['counts']
            every = Detections(file['boxes'], file['scores'], file['labels'])
            if header['format'] != FORMAT or counts.sum() != len(every):
                raise ValueError('its parts do not fit together')
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, MemoryError,
            OverflowError, RecursionError, RuntimeError, NotImplementedError, FrameError,
            struct.error, zlib.error, zipfile.BadZipFile) as error:
        raise SourceError(
            f'{path} is no file of cached detections ({error}); delete it or name another') \
            from error
    wanted = json.loads(json.dumps(dict(key)))
    differing = [
        f'{name} is {made_with.get(name)!r} there and {wanted.get(name)!r} now'
        for name in sorted(made_with.keys() | wanted.keys())
        if made_with.get(name) != wanted.get(name)]
    if differing:
        raise SourceError(
            f'{path} holds detections of other origin: {"; ".join(differing)}; delete '
            'it or name another file')
    ends = np.cumsum(counts)
    return names, {
        stamp: every[int(end - count):int(end)]
        for stamp, count, end in zip(stamps, counts, ends, strict=True)}


def _check_unpacked(file: Any, size: int) -> None:
    """Raise ValueError for arrays that unpack to more than detections ever do."""
    # a single array, as numpy.save writes it, is no archive
    if not hasattr(file, 'zip'):
        raise ValueError('it is one array')
    unpacked = sum(entry.file_size for entry in file.zip.infolist())
    if unpacked > max(MAX_UNPACKED, MAX_RATIO * size):
        raise ValueError(f'its {size} bytes unpack to {unpacked}')
