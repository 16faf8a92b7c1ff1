# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.


"""
Annotated sequences in the layout of MOTChallenge: seqinfo.ini, gt/gt.txt, det/det.txt, img1/.

Three rules say what of the truth is scored, and which one holds shows in the truth itself.
`mot15`: no classes; what is not considered (column 7 is 0) is dropped. `mot16` (16, 17, 20: lines
of 8 or 9 columns, the eighth is the class): pedestrians (class 1) that are considered are scored,
people on vehicles, static people, distractors and reflections are distractors, in MOT20 vehicles
without motor too. `kitti` (there are boxes with id -1): those are regions to ignore, and what is
not considered is a distractor. `mot_ros.evaluation.ignoring` says what distractors and regions do.
"""

from __future__ import annotations

from collections.abc import Mapping
import configparser
from dataclasses import dataclass, field
from functools import cached_property
import hashlib
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.mot import Ints, MotRows, NO_ID, read_detections, read_truth
from mot_ros.data.video import FrameSource, IMAGE_SUFFIXES, MAX_RATE, open_source
from mot_ros.tracking.errors import SourceError

PEDESTRIAN = 1
LAST_CLASS = 13
DISTRACTORS = (2, 7, 8, 12)
"""Person on a vehicle, static person, distractor, reflection."""
NON_MOTOR_VEHICLE = 6


@dataclass(frozen=True, eq=False)
class Sequence:
    """
    One sequence with its truth; detections and images are opened when they are asked for.

    `size` is (width, height), `rate` in Hz, `length` in frames. `truth` holds every line of the
    truth, its `values` say whether a box is scored (1) or not (0); `distractors` (N,) marks the
    rows that are distractors. `images` is a folder or a video, None where there is none.
    `checksums` are SHA-256 by file name.
    """

    name: str
    folder: Path
    size: tuple[int, int]
    rate: float
    length: int
    rule: str
    truth: MotRows
    distractors: NDArray[np.bool_]
    detections_file: Path | None = None
    images: Path | None = None
    checksums: dict[str, str] = field(default_factory=dict)

    @cached_property
    def public(self) -> MotRows | None:
        """The public detections, None where there are none."""
        return None if self.detections_file is None else read_detections(self.detections_file)

    def open_images(self) -> FrameSource | None:
        """Open the images; SourceError if they have another size than the truth was made on."""
        if self.images is None:
            return None
        source = open_source(self.images, self.rate)
        if source.size != self.size:
            raise SourceError(
                f'{self.images} is {source.size[0]}x{source.size[1]}, but {self.name} was '
                f'annotated at {self.size[0]}x{self.size[1]}; give the images of this sequence')
        return source


def find_sequences(folder: str | Path) -> list[Sequence]:
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


def read_sequence(folder: str | Path, images: str | Path | None = None) -> Sequence:
    """Read one sequence; `images` is a video or a folder in place of its own images."""
    path = Path(folder)
    name = path.resolve().name
    truth_file, detections_file = path / 'gt' / 'gt.txt', path / 'det' / 'det.txt'
    info = _SeqInfo(path / 'seqinfo.ini')
    length = info.whole('seqLength')
    truth = read_truth(truth_file)
    if truth.last_frame > length:
        raise SourceError(
            f'{truth_file}, line {_line_of(truth_file, truth.last_frame)}: frame is '
            f'{truth.last_frame}, but seqLength in {path / "seqinfo.ini"} is {length}')
    rule, truth, distractors = _apply_rule(truth_file, truth, name)
    if not truth.values.any():
        raise SourceError(f'{truth_file}: no box is to be considered; there is nothing to score')
    if images is None:
        images = _own_images(path / info.text('imDir', 'img1'))
    files = [truth_file, *([detections_file] if detections_file.exists() else [])]
    return Sequence(
        name=name, folder=path, size=(info.whole('imWidth'), info.whole('imHeight')),
        rate=info.rate(), length=length, rule=rule, truth=truth, distractors=distractors,
        detections_file=detections_file if detections_file.exists() else None,
        images=None if images is None else Path(images),
        checksums={str(file.relative_to(path)): checksum(file) for file in files})


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class _SeqInfo:
    """The section [Sequence] of a seqinfo.ini; complaints name file, line and value."""

    def __init__(self, path: Path) -> None:
        self._path = path
        parser = configparser.ConfigParser(interpolation=None)
        try:
            self._text = path.read_text(encoding='utf-8-sig')
            parser.read_string(self._text)
            self._values: Mapping[str, str] = parser['Sequence']
        except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as error:
            raise SourceError(
                f'{path} cannot be read as a seqinfo.ini with a section [Sequence] '
                f'({" ".join(str(error).split())})') from error

    def text(self, key: str, default: str) -> str:
        return self._values.get(key, default)

    def whole(self, key: str) -> int:
        value = self._number(key)
        if value != int(value):
            raise self._wrong(key, 'it must be a whole number')
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
            value = float(self._values[key])
        except ValueError:
            raise self._wrong(key, 'it must be a number') from None
        if not (math.isfinite(value) and value > 0):
            raise self._wrong(key, 'it must be positive')
        return value

    def _wrong(self, key: str, remedy: str) -> SourceError:
        lines = (number for number, line in enumerate(self._text.splitlines(), 1)
                 if line.strip().lower().startswith(key.lower()))
        return SourceError(
            f'{self._path}, line {next(lines, 0)}: {key} is {self._values[key]!r}; {remedy}')


def _apply_rule(
        path: Path, truth: MotRows, name: str) -> tuple[str, MotRows, NDArray[np.bool_]]:
    """Return the rule, the truth with what is scored as its values, and the distractors."""
    scored = truth.values != 0
    classes = _classes(path)
    if classes is not None:
        others = (*DISTRACTORS, *([NON_MOTOR_VEHICLE] if name.startswith('MOT20') else []))
        distractors = np.isin(classes, others)
        scored &= classes == PEDESTRIAN
        rule = 'mot16'
    elif (truth.ids == NO_ID).any():
        scored &= truth.ids != NO_ID
        distractors = ~scored & (truth.ids != NO_ID)
        rule = 'kitti'
    else:
        distractors = np.zeros(len(truth), np.bool_)
        rule = 'mot15'
    return rule, MotRows(
        truth.frames, truth.ids, truth.boxes, scored.astype(np.float64)), distractors


def _classes(path: Path) -> Ints | None:
    """Return the class of every row in the order of read_truth, None where lines have none."""
    frames: list[int] = []
    classes: list[int] = []
    columns = 0
    for number, line in enumerate(path.read_text(encoding='utf-8-sig').splitlines(), 1):
        if not line.strip():
            continue
        fields = line.split(',')
        where = f'{path}, line {number}'
        columns = columns or len(fields)
        if len(fields) != columns:
            raise SourceError(
                f'{where}: {len(fields)} columns, but the lines before have {columns}')
        if columns not in (8, 9):
            continue
        try:
            kind = float(fields[7])
        except ValueError as error:
            raise SourceError(f'{where}: {error}') from error
        if kind not in range(1, LAST_CLASS + 1):
            raise SourceError(
                f'{where}: class is {fields[7].strip()}; MOTChallenge knows 1 to {LAST_CLASS}')
        frames.append(int(float(fields[0])))
        classes.append(int(kind))
    if columns not in (8, 9):
        return None
    return np.array(classes, np.int64)[np.argsort(np.array(frames), kind='stable')]


def _line_of(path: Path, frame: int) -> int:
    """Return the first line of a frame."""
    for number, line in enumerate(path.read_text(encoding='utf-8-sig').splitlines(), 1):
        if line.strip() and float(line.split(',')[0]) == frame:
            return number
    return 0


def _own_images(folder: Path) -> Path | None:
    """Return the folder if there are images in it."""
    if folder.is_dir() and any(
            file.suffix.lower() in IMAGE_SUFFIXES for file in folder.iterdir()):
        return folder
    return None
