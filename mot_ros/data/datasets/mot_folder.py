# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""
Annotated sequences in the layout of MOTChallenge: seqinfo.ini, gt/gt.txt, det/det.txt, img1/.

Which rule holds (`mot_ros.data.annotated`) shows in the truth itself. `mot16` (16, 17, 20: lines
with a column of classes, `mot_ros.data.datasets.mot_classes`): pedestrians, or the classes that
were asked for, that are considered are scored; people on vehicles, static people, distractors and
reflections are distractors, in MOT20 vehicles without motor too. `kitti`: there are boxes with id
-1. `mot15` else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import configparser
from dataclasses import dataclass
from functools import partial
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.annotated import (
    Annotated,
    checksum,
    even_stamps,
    every_frame,
    SequenceRef,
    UNKNOWN,
)
from mot_ros.data.datasets.mot import MotRows, NO_ID, read_detections, read_truth
from mot_ros.data.datasets.mot_classes import class_column, DISTRACTORS, unread_classes
from mot_ros.data.datasets.text_table import read_lines, whole_number
from mot_ros.data.limits import MAX_FRAMES, MAX_SIDE
from mot_ros.data.video.frame_source import MAX_RATE, rate_of_text
from mot_ros.data.video.frames import open_source
from mot_ros.data.video.image_files import images_in
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.runtime.user_files import read_text


@dataclass(frozen=True)
class MotFolder(SequenceRef):
    """A sequence in a folder; `images` is a video or a folder in place of its own images."""

    folder: Path
    images: Path | None = None
    classes: tuple[str, ...] = ()
    """Names of the classes to score; none: pedestrians."""

    def read(self) -> Annotated:
        """Read the sequence."""
        return read_sequence(self.folder, self.images, self.classes)


def find_sequences(folder: str | Path) -> list[Annotated]:
    """Read a sequence, or every sequence in a folder, sorted by name."""
    return [read_sequence(path) for path in sequence_folders(folder)]


def sequence_folders(folder: str | Path) -> list[Path]:
    """Return the folders of the sequences without reading them."""
    path = Path(folder)
    if not path.is_dir():
        raise SourceError(f'{path} is no folder; give a MOTChallenge sequence or a folder of them')
    if (path / 'gt').is_dir() or (path / 'seqinfo.ini').exists():
        return [path]
    found = sorted(
        inner for inner in path.iterdir()
        if (inner / 'gt').is_dir() or (inner / 'seqinfo.ini').exists())
    if not found:
        raise SourceError(
            f'{path} holds no sequence; one is a folder with seqinfo.ini and gt/gt.txt')
    return found


def read_sequence(
        folder: str | Path, images: str | Path | None = None,
        classes: Sequence[str] = ()) -> Annotated:
    """
    Read one sequence; `images` is a video or a folder in place of its own images.

    Without a folder gt it has no truth, as in the test set of a benchmark.
    """
    path = Path(folder)
    name = path.resolve().name
    truth_file, detections_file = path / 'gt' / 'gt.txt', path / 'det' / 'det.txt'
    info = _SeqInfo(path / 'seqinfo.ini')
    length, rate = info.whole('seqLength', MAX_FRAMES), info.rate()
    labelled = truth_file.parent.is_dir()
    rule, truth, distractors = (
        read_scored(truth_file, name, classes) if labelled
        else (UNKNOWN, MotRows.of_detections([]), np.zeros(0, np.bool_)))
    if truth.last_frame > length:
        raise SourceError(
            f'{truth_file}, line {_line_of(truth_file, truth.last_frame)}: frame is '
            f'{truth.last_frame}, but seqLength in {path / "seqinfo.ini"} is {length}')
    if images is None:
        images = _own_images(path / info.text('imDir', 'img1').replace('\\', '/'))
    public = detections_file if detections_file.exists() else None
    files = [*([truth_file] if labelled else []), *([public] if public else [])]
    return Annotated(
        name=name, size=(info.whole('imWidth', MAX_SIDE), info.whole('imHeight', MAX_SIDE)),
        rate=rate, stamps=even_stamps(length, rate, path / 'seqinfo.ini'), rule=rule, truth=truth,
        distractors=distractors,
        scored=every_frame(length if labelled else 0),
        images=None if images is None else partial(open_source, images, rate),
        public=None if public is None else partial(read_detections, public),
        checksums={str(file.relative_to(path)): checksum(file) for file in files},
        notes=list(truth.notes))


def read_scored(
        path: Path, name: str = '', classes: Sequence[str] = ()
        ) -> tuple[str, MotRows, NDArray[np.bool_]]:
    """
    Read a gt.txt: its rule, its boxes with 1 as value where they are scored, its distractors.

    `name` is that of the sequence, as MOT20 has one more distractor.
    """
    truth = read_truth(path)
    scored = truth.values != 0
    found = class_column(path)
    if found is None:
        if classes:
            raise ConfigError(f'{path} has no column of classes; leave the classes out')
        if (truth.ids == NO_ID).any():
            scored &= truth.ids != NO_ID
            rule, distractors = 'kitti', ~scored & (truth.ids != NO_ID)
        else:
            rule, distractors = 'mot15', np.zeros(len(truth), np.bool_)
    else:
        others = (*DISTRACTORS, *(['non_motor_vehicle'] if name.startswith('MOT20') else []))
        wanted = np.isin(found.numbers, found.wanted(classes))
        scored &= wanted
        rule = 'mot16'
        distractors = np.isin(found.numbers, found.of(others)) & ~wanted
    if not scored.any():
        raise SourceError(f'{path}: no box is to be considered; there is nothing to score')
    notes = (*truth.notes, *(unread_classes(path) if found is None else found.notes))
    return rule, MotRows(
        truth.frames, truth.ids, truth.boxes, scored.astype(np.float64), notes), distractors


class _SeqInfo:
    """The section [Sequence] of a seqinfo.ini; complaints name file, line and value."""

    def __init__(self, path: Path) -> None:
        self._path = path
        parser = configparser.ConfigParser(interpolation=None)
        try:
            self._text = read_text(path)
            parser.read_string(self._text)
            self._values: Mapping[str, str] = parser['Sequence']
        except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as error:
            raise SourceError(
                f'{path} cannot be read as a seqinfo.ini with a section [Sequence] '
                f'({" ".join(str(error).split())[:200]})') from error

    def text(self, key: str, default: str) -> str:
        return self._values.get(key, default)

    def whole(self, key: str, most: int) -> int:
        value = self._number(key)
        if value != int(value) or value > most:
            raise self._wrong(key, f'it must be a whole number of at most {most}')
        return int(value)

    def rate(self) -> float:
        value = self._number('frameRate')
        if value > MAX_RATE:
            raise self._wrong('frameRate', f'it must be at most {MAX_RATE:g} Hz')
        return value

    def _number(self, key: str) -> float:
        if key not in self._values:
            raise SourceError(f'{self._path} has no {key}; add a line "{key}=..."')
        try:
            value = rate_of_text(self._values[key])
        except ValueError:
            raise self._wrong(key, 'it must be a number') from None
        if not (math.isfinite(value) and value > 0):
            raise self._wrong(key, 'it must be positive')
        return value

    def _wrong(self, key: str, remedy: str) -> SourceError:
        lines = (number for number, line in enumerate(self._text.splitlines(), 1)
                 if line.strip().lower().startswith(key.lower()))
        return SourceError(
            f'{self._path}, line {next(lines, 0)}: {key} is {self._values[key]!r:.60}; {remedy}')


def _line_of(path: Path, frame: int) -> int:
    """Return the first line of a frame."""
    return next(number for number, fields in read_lines(path)
                if whole_number(fields[0]) == frame)


def write_info(folder: Path, rate: float, length: int, size: tuple[int, int]) -> None:
    """Write seqinfo.ini: `rate` in Hz, how many images, and their (width, height)."""
    width, height = size
    (folder / 'seqinfo.ini').write_text(
        f'[Sequence]\nname={folder.resolve().name}\nimDir=img1\nframeRate={rate:g}\n'
        f'seqLength={length}\nimWidth={width}\nimHeight={height}\nimExt=.jpg\n',
        encoding='utf-8')


def _own_images(folder: Path) -> Path | None:
    """Return the folder if there are images in it."""
    if images_in(folder):
        return folder
    return None
