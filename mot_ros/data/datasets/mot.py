# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
MOTChallenge text files: truth, public detections and results.

One line per box: `frame,id,x,y,w,h,value,...`, frames from 1. The corner is written as it is
tracked, x = 0 being the left edge of the first pixel, because TrackEval compares the numbers of
both files as they stand and the MOT15 truth holds plain pixel coordinates too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.text_table import LARGEST, read_lines, SHOWN, whole_number
from mot_ros.data.limits import FARTHEST, MAX_FRAMES
from mot_ros.tracking.boxes import clip
from mot_ros.tracking.errors import OutputError, SourceError
from mot_ros.tracking.runtime.output_file import naming, OutputFile
from mot_ros.tracking.types import Detections, Tracks

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

MOST_COLUMNS = 10
"""Columns that any of the formats of MOTChallenge and VisDrone gives a meaning."""
NO_ID = -1
"""The id of a detection, and of a region that is not to be scored."""


@dataclass(frozen=True, eq=False)
class MotRows:
    """
    The boxes of one sequence, sorted by frame.

    `frames` (N,) from 1; `ids` (N,), NO_ID where there is none; `boxes` (N, 4) float64, xyxy
    pixels; `values` (N,): a score, or in truth whether the box is to be considered (0 or 1).
    """

    frames: Ints
    ids: Ints
    boxes: Doubles
    values: Doubles
    notes: tuple[str, ...] = ()
    """Sentences on what a file held that cannot be used."""

    def __post_init__(self) -> None:
        order = np.argsort(np.asarray(self.frames, np.int64), kind='stable')
        for name, kind in (('frames', np.int64), ('ids', np.int64), ('values', np.float64)):
            column = np.asarray(getattr(self, name), kind)
            if column.shape != order.shape:
                raise SourceError(f'{name} have shape {column.shape}, expected {order.shape}')
            object.__setattr__(self, name, column[order])
        boxes = np.asarray(self.boxes, np.float64).reshape(-1, 4)
        object.__setattr__(self, 'boxes', boxes[order])

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: Any) -> MotRows:
        return MotRows(
            self.frames[index], self.ids[index], self.boxes[index], self.values[index],
            self.notes)

    def at(self, frame: int) -> MotRows:
        """Return the rows of one frame, counted from 1."""
        return self[self.span(frame)]

    def span(self, frame: int) -> slice:
        """Return where the rows of one frame are, for columns that go with them."""
        first, end = np.searchsorted(self.frames, (frame, frame + 1)).tolist()
        return slice(first, end)

    @property
    def last_frame(self) -> int:
        """The highest frame that has a row, 0 if there is none."""
        return int(self.frames[-1]) if len(self) else 0

    @staticmethod
    def of_detections(detections: Iterable[tuple[int, Detections]]) -> MotRows:
        """Join the detections of numbered frames."""
        numbered = list(detections)
        frames = [frame for frame, seen in numbered for _ in range(len(seen))]
        every = Detections.concatenate(Detections.empty(), *(seen for _, seen in numbered))
        return MotRows(
            np.array(frames, np.int64), np.full(len(frames), NO_ID),
            every.boxes.astype(np.float64), every.scores.astype(np.float64))


class MotWriter:
    """
    Writes the observed tracks of one frame after another.

    Boxes are cut to the image, unless `amodal`, as the node publishes them. The file appears
    under its name once the writer is closed, complete or, after an interruption, as far as it
    got; with `in_place` from the start. Raises OutputError if it cannot be written.
    """

    def __init__(
            self, path: str | Path, *, amodal: bool = False, in_place: bool = False) -> None:
        self._amodal = amodal
        self._output = OutputFile(path, in_place=in_place)
        with naming(self._output.path):
            self._file = self._output.partial.open('w', encoding='ascii')

    def write(self, frame: int, tracks: Tracks, size: tuple[int, int]) -> None:
        """Append the tracks observed in `frame` (from 1) of an image of (width, height)."""
        seen = tracks.observed
        boxes = (seen.boxes if self._amodal else clip(seen.boxes, size)).astype(np.float64)
        for identity, (x1, y1, x2, y2), score in zip(
                seen.ids.tolist(), boxes.tolist(), seen.scores.tolist(), strict=True):
            if x2 > x1 and y2 > y1:
                with naming(self._output.path):
                    self._file.write(
                        f'{frame},{identity},{x1:.3f},{y1:.3f},{x2 - x1:.3f},{y2 - y1:.3f},'
                        f'{score:.4f},-1,-1,-1\n')

    def flush(self) -> None:
        """Hand what was written to the system, where a kill of this process cannot lose it."""
        with naming(self._output.path):
            self._file.flush()

    def close(self, *, keep: bool = True) -> None:
        """Finish the file, or throw it away."""
        try:
            with naming(self._output.path):
                self._file.close()
            self._output.close(keep=keep)
        except OutputError:
            self._output.abandon()
            if keep:
                raise

    def __enter__(self) -> MotWriter:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self.close(keep=kind is None or issubclass(kind, KeyboardInterrupt))


def read_truth(path: str | Path, first: int = 1, *, any_value: bool = False) -> MotRows:
    """
    Read a gt.txt: every id at most once per frame, column 7 says whether the box counts.

    `first` is the number of the first frame in the file, which becomes 1; with `any_value`
    everything but 0 counts.
    """
    rows, lines = _read(Path(path), columns=7, first=first)
    if not len(rows):
        raise SourceError(f'{path} holds no boxes; is it the right file?')
    if any_value:
        rows = MotRows(rows.frames, rows.ids, rows.boxes, rows.values != 0, rows.notes)
    odd = np.flatnonzero(~np.isin(rows.values, (0, 1)))
    if len(odd):
        raise SourceError(
            f'{path}, line {lines[odd[0]]}: column 7 is {rows.values[odd[0]]:g}; in truth it says '
            'whether the box is considered and must be 0 or 1 (is this a result file?)')
    _check_unique(Path(path), rows, lines, first)
    return rows


def read_tracks(path: str | Path) -> MotRows:
    """Read a result file of a tracker: every id at most once per frame."""
    rows, lines = _read(Path(path), columns=6)
    _check_unique(Path(path), rows, lines)
    return rows


def read_detections(path: str | Path) -> MotRows:
    """Read a det.txt; ids are ignored, column 7 is the score."""
    rows, _ = _read(Path(path), columns=7)
    # a tracker cannot follow a box without area
    rows = rows[(rows.boxes[:, 2:] > rows.boxes[:, :2]).all(axis=1)]
    return MotRows(
        rows.frames, np.full(len(rows), NO_ID), rows.boxes, rows.values, rows.notes)


def _read(path: Path, columns: int, first: int = 1) -> tuple[MotRows, Ints]:
    """Return the rows of a file and the line that each came from."""
    whole: list[tuple[int, int]] = []
    numbers: list[list[float]] = []
    lines: list[int] = []
    lengths: list[int] = []
    for number, fields in read_lines(path):
        frame, identity, values = _parse(f'{path}, line {number}', fields, columns, first)
        whole.append((frame, identity))
        numbers.append(values)
        lines.append(number)
        lengths.append(len(fields))
    frames, ids = np.array(whole, np.int64).reshape(-1, 2).T
    table = np.array(numbers, np.float64).reshape(-1, 5)
    size = table[:, 2:4]
    flat: NDArray[np.bool_] = np.asarray((size <= 0).any(axis=1), np.bool_)
    # its overlap with every box is 0 then, also where both sides are negative
    size[flat] = 0
    order = np.argsort(frames, kind='stable')
    corners = np.concatenate([table[:, :2], table[:, :2] + size], axis=1)
    notes = _doubts(path, lengths, lines) + (() if not flat.any() else (
        f'{path}: {int(flat.sum())} of {len(flat)} boxes have no area and match nothing, the '
        f'first in line {lines[int(np.argmax(flat))]}',))
    rows = MotRows(frames + 1 - first, ids, corners, table[:, 4], notes)
    return rows, np.array(lines, np.int64)[order]


def _doubts(path: Path, lengths: list[int], lines: list[int]) -> tuple[str, ...]:
    """Return a warning where columns are more than the format has, or not the same throughout."""
    odd = next((place for place, length in enumerate(lengths) if length != lengths[0]), None)
    if odd is not None:
        return (
            f'{path}: line {lines[odd]} has {lengths[odd]} columns, the first one {lengths[0]}; '
            'is there a comma within a number (1,234.5 or 0,5), or a line cut off?',)
    if lengths and lengths[0] > MOST_COLUMNS:
        return (
            f'{path}: lines have {lengths[0]} columns, of which the first {MOST_COLUMNS} at most '
            'have a meaning; is there a comma within numbers (0,5)?',)
    return ()


def _parse(
        where: str, fields: list[str], columns: int, first: int) -> tuple[int, int, list[float]]:
    """Return frame, id, and the next five columns; a result without a score gets 1."""
    if len(fields) < columns:
        raise SourceError(
            f'{where}: {len(fields)} columns, expected at least {columns}: '
            'frame,id,x,y,w,h,... separated by commas, semicolons, tabs or blanks '
            f'(got {",".join(fields)[:SHOWN]!r})')
    try:
        values = [float(field) for field in fields[:7]]
        if any('_' in field for field in fields[:7]):
            # float() takes 1_0 for 10
            raise ValueError(f'could not convert string to float: {",".join(fields)[:SHOWN]!r}')
    except ValueError as error:
        raise SourceError(
            f'{where}: {str(error)[:200]}; numbers have a point before their decimals, and '
            'nothing between thousands') from error
    if not np.isfinite(values).all():
        raise SourceError(
            f'{where}: {",".join(fields)[:SHOWN]!r} holds a number that is not finite')
    frame, identity = whole_number(fields[0]), whole_number(fields[1])
    if frame is None or not first <= frame <= MAX_FRAMES:
        raise SourceError(
            f'{where}: frame is {fields[0]}; frames are counted from {first}, up to {MAX_FRAMES}')
    if max(map(abs, values[2:6])) > FARTHEST:
        raise SourceError(
            f'{where}: {",".join(fields)[:SHOWN]!r} has a box of {max(values[2:6], key=abs):g}; '
            f'coordinates and sides are at most {FARTHEST:g} pixels')
    if identity is None:
        raise SourceError(f'{where}: id is {fields[1]}; it must be a whole number')
    if not NO_ID <= identity <= LARGEST:
        raise SourceError(
            f'{where}: id is {fields[1]}; it must be from 0 to 2^63 - 1, or -1 where there is '
            'none')
    return frame, identity, [*values[2:6], values[6] if len(values) == 7 else 1.0]


def _check_unique(path: Path, rows: MotRows, lines: Ints, first: int = 1) -> None:
    """Raise SourceError if an id comes twice in a frame; boxes without an id may."""
    order = np.lexsort((lines, rows.ids, rows.frames))
    frames, ids = rows.frames[order], rows.ids[order]
    twice = (frames[1:] == frames[:-1]) & (ids[1:] == ids[:-1]) & (ids[1:] != NO_ID)
    if twice.any():
        at = int(np.argmax(twice)) + 1
        raise SourceError(
            f'{path}, line {lines[order[at]]}: id {ids[at]} comes a second time in frame '
            f'{frames[at] + first - 1}, first in line {lines[order[at - 1]]}; an id may stand '
            'once per frame')
