# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Labels of the KITTI tracking benchmark: label_02/0000.txt, images in image_02/0000/.

One line per box, separated by blanks (tabs, commas and semicolons are read too), frames from 0
(they become 1 to L here): `frame id type truncated occluded alpha x1 y1 x2 y2 ...`; what follows
is in space and not read. 10 Hz. Boxes of
the chosen types are scored; those that are truncated (above 0) or of unknown occlusion (above 2),
and those of the neighbouring type, are distractors; DontCare boxes are regions to ignore. Types
that are neither are left out, so that a track on a cyclist is false, as in KITTI's evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.annotated import Annotated, checksum, even_stamps, every_frame, SequenceRef
from mot_ros.data.datasets.mot import MotRows, NO_ID
from mot_ros.data.datasets.text_table import (
    LARGEST,
    read_lines,
    read_text_lines,
    SHOWN,
    whole_number,
)
from mot_ros.data.limits import FARTHEST, MAX_FRAMES
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import ConfigError, SourceError

RATE = 10.0
SIZE = (1242, 375)
"""(width, height) of most sequences, where nothing else is known."""
TYPES = ('Car', 'Van', 'Truck', 'Pedestrian', 'Person_sitting', 'Cyclist', 'Tram', 'Misc')
REGION = 'DontCare'
OTHER_NAMES = {'person': 'person_sitting'}
"""The labels for tracking call the sitting Person."""
NEIGHBOURS = {'Pedestrian': 'Person_sitting', 'Car': 'Van'}
MOST_TRUNCATED = 0
MOST_OCCLUDED = 2
COLUMNS = 10
LAYOUT = 'frame id type truncated occluded alpha x1 y1 x2 y2 ...'
SCORE = 17
"""The column of a result that holds its score."""


@dataclass(frozen=True)
class KittiLabels(SequenceRef):
    """The labels of one sequence; `images` is a folder of images or a video."""

    labels: Path
    images: Path | None = None
    classes: tuple[str, ...] = ()
    """Types to score; none: Pedestrian."""
    size: tuple[int, int] | None = None
    """(width, height) where there are no images."""

    def read(self) -> Annotated:
        """Read the sequence."""
        wanted = _chosen(self.classes or ('Pedestrian',))
        truth, distractors = _read(self.labels, wanted)
        notes: list[str] = []
        length: int | None
        if self.images is not None:
            source = open_source(self.images, RATE)
            size, length = source.size, len(source.stamps())
        else:
            size, length = self.size or SIZE, _length_in_seqmap(self.labels)
            if self.size is None:
                notes.append(f'{self.labels}: no images, so their size is taken for '
                             f'{size[0]}x{size[1]}')
        if length is None:
            length = truth.last_frame
            notes.append(f'{self.labels}: no images and no evaluate_tracking.seqmap, so the last '
                         f'box ends the sequence, in frame {length - 1}')
        if truth.last_frame > length:
            raise SourceError(
                f'{self.labels}: there is a box in frame {truth.last_frame - 1}, but the sequence '
                f'has {length} frames, counted from 0; are these the labels of another one?')
        return Annotated(
            name=self.name, size=size, rate=RATE, stamps=even_stamps(length, RATE, self.labels),
            rule='kitti_labels', truth=truth, distractors=distractors, scored=every_frame(length),
            images=None if self.images is None else partial(open_source, self.images, RATE),
            checksums={self.labels.name: checksum(self.labels)}, notes=[*truth.notes, *notes],
            classes=tuple(wanted))


def is_kitti_result(path: Path) -> bool:
    """Say whether a file of tracks has KITTI's columns: its first line has a type in the third."""
    try:
        _, first = next(read_lines(path, LAYOUT), (0, []))
    except SourceError:
        # a header line, which is named when the file is read
        return False
    return len(first) >= COLUMNS and whole_number(first[0]) is not None and (
        not first[2].lstrip('+-')[:1].isdigit())


def read_kitti_tracks(path: Path, classes: Sequence[str] = ()) -> MotRows:
    """
    Read the tracks of a result file in KITTI's columns, frame 0 as 1.

    Only those of the types `classes` are taken, by default people, as TrackEval does. The score
    is in the column after the last of the labels, 1 where there is none.
    """
    wanted = {_lower(kind) for kind in _chosen(classes or ('Pedestrian',))}
    table: list[tuple[int, int, list[float], float]] = []
    first: dict[tuple[int, int], int] = {}
    flat: list[int] = []
    for number, fields in read_lines(path, LAYOUT):
        where = f'{path}, line {number}'
        kind, frame, identity, _, box = _parse(where, fields)
        if kind not in wanted:
            continue
        if (frame, identity) in first:
            raise SourceError(
                f'{where}: id {identity} comes a second time in frame {frame}, first in line '
                f'{first[frame, identity]}; an id may stand once per frame')
        first[frame, identity] = number
        if box[0] == box[2] and box[1] == box[3]:
            flat.append(number)
        try:
            score = float(fields[SCORE]) if len(fields) > SCORE else 1.0
        except ValueError as error:
            raise SourceError(f'{where}: {str(error)[:200]}') from error
        table.append((frame + 1, identity, box, score))
    frames, ids, boxes, scores = zip(*table, strict=True) if table else ((), (), (), ())
    return MotRows(
        np.array(frames, np.int64), np.array(ids, np.int64), np.array(boxes, np.float64),
        np.array(scores, np.float64), _notes(path, flat, len(table)))


def kitti_places(
        folder: str | Path, classes: Sequence[str] = (),
        size: tuple[int, int] | None = None) -> list[KittiLabels]:
    """Return every sequence of a folder with label_02, of label_02 itself, or of one file."""
    path = Path(folder)
    if path.is_file():
        files = [path]
    else:
        inner = path / 'label_02' if (path / 'label_02').is_dir() else path
        files = sorted(file for file in inner.glob('*.txt') if file.stem.isdecimal())
    if not files:
        raise SourceError(
            f'{path} holds no labels of KITTI; give the folder with label_02/0000.txt in it')
    _chosen(classes)
    return [KittiLabels(file.stem, file, _own_images(file), tuple(classes), size)
            for file in files]


def _chosen(classes: Sequence[str]) -> list[str]:
    """Return the types as KITTI writes them."""
    known = {kind.lower(): kind for kind in TYPES}
    for name in classes:
        if _lower(name) not in known:
            raise ConfigError(f'{name!r} is no type of KITTI; there are {", ".join(TYPES)}')
    return [known[_lower(name)] for name in classes]


def _lower(kind: str) -> str:
    return OTHER_NAMES.get(kind.lower(), kind.lower())


def _read(path: Path, wanted: Sequence[str]) -> tuple[MotRows, NDArray[np.bool_]]:
    """Return the boxes, 1 as value where they are scored, and which are distractors."""
    scored = {_lower(kind) for kind in wanted}
    beside = {_lower(NEIGHBOURS[kind]) for kind in wanted if kind in NEIGHBOURS} - scored
    table: list[tuple[int, int, bool, bool, list[float]]] = []
    first: dict[tuple[int, int], int] = {}
    flat: list[int] = []
    for number, fields in read_lines(path, LAYOUT):
        where = f'{path}, line {number}'
        kind, frame, identity, hidden, box = _parse(where, fields)
        if kind == REGION.lower():
            table.append((frame, NO_ID, False, False, box))
        elif identity > NO_ID and kind in scored | beside:
            if (frame, identity) in first:
                raise SourceError(
                    f'{where}: id {identity} comes a second time in frame {frame}, first in line '
                    f'{first[frame, identity]}; an id may stand once per frame')
            first[frame, identity] = number
            counts = kind in scored and not hidden
            if box[0] == box[2] and box[1] == box[3]:
                flat.append(number)
            table.append((frame, identity, counts, not counts, box))
    if not any(counts for _, _, counts, _, _ in table):
        raise SourceError(
            f'{path}: no {" or ".join(wanted)} that is neither truncated nor of unknown '
            'occlusion; there is nothing to score')
    table.sort(key=lambda row: row[0])
    frames, ids, counted, distractors, boxes = zip(*table, strict=True)
    return MotRows(
        np.array(frames) + 1, np.array(ids), np.array(boxes), np.array(counted, np.float64),
        _notes(path, flat, len(table))), \
        np.array(distractors, np.bool_)


def _notes(path: Path, flat: Sequence[int], count: int) -> tuple[str, ...]:
    return () if not flat else (
        f'{path}: {len(flat)} of {count} boxes have no area and match nothing, the first in line '
        f'{flat[0]}',)


def _parse(where: str, fields: list[str]) -> tuple[str, int, int, bool, list[float]]:
    """
    Return type, frame from 0, id, whether too little of it is seen, and the box.

    A box without area becomes a point, which overlaps nothing.
    """
    shown = ' '.join(fields)[:SHOWN]
    if len(fields) < COLUMNS:
        raise SourceError(
            f'{where}: {len(fields)} columns, expected at least {COLUMNS}: {LAYOUT} '
            f'separated by blanks (got {shown!r})')
    kind = _lower(fields[2])
    if kind not in {REGION.lower(), *(name.lower() for name in TYPES)}:
        raise SourceError(
            f'{where}: type is {fields[2]!r}; KITTI knows {", ".join(TYPES)} and {REGION}')
    identity = whole_number(fields[1])
    try:
        frame, _, truncated, occluded, *box = (
            float(field) for field in (*fields[:2], *fields[3:5], *fields[6:COLUMNS]))
    except ValueError as error:
        raise SourceError(f'{where}: {str(error)[:200]}') from error
    if not np.isfinite([frame, float(fields[1]), truncated, occluded, *box]).all():
        raise SourceError(f'{where}: {shown!r} holds a number that is not finite')
    if frame != int(frame) or not 0 <= frame < MAX_FRAMES:
        raise SourceError(
            f'{where}: frame is {fields[0]}; frames are counted from 0, up to {MAX_FRAMES - 1}')
    if identity is None or not -LARGEST <= identity <= LARGEST:
        raise SourceError(f'{where}: id is {fields[1]}; it must be a whole number')
    if max(map(abs, box)) > FARTHEST:
        raise SourceError(
            f'{where}: the box reaches to {max(box, key=abs):g}, and coordinates are at most '
            f'{FARTHEST:g} pixels')
    if box[2] <= box[0] or box[3] <= box[1]:
        box = [*box[:2], *box[:2]]
    # TrackEval reads truncation as a whole number too
    hidden = int(truncated) > MOST_TRUNCATED or occluded > MOST_OCCLUDED
    return kind, int(frame), identity, hidden, box


def _own_images(labels: Path) -> Path | None:
    """Return image_02/NAME beside the folder of the labels, if it is there."""
    folder = labels.resolve().parent.parent / 'image_02' / labels.stem
    return folder if folder.is_dir() else None


def _length_in_seqmap(labels: Path) -> int | None:
    """Return the frames that an evaluate_tracking.seqmap beside the labels tells of."""
    parent = labels.resolve().parent
    for file in sorted(path for folder in (parent, parent.parent)
                       for path in folder.glob('evaluate_tracking.seqmap*')):
        for number, line in enumerate(read_text_lines(file), 1):
            fields = line.split()
            if fields[:1] == [labels.stem]:
                if len(fields) < 4 or not whole_number(fields[3]):
                    raise SourceError(
                        f'{file}, line {number}: {line.strip()!r} holds no number of frames; '
                        'write "NAME empty FIRST FRAMES"')
                return whole_number(fields[3])
    return None
