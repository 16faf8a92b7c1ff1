# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Truth and detections that belong to the images of a bag, and what does not fit together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mot_ros.data.bags.box_messages import BoxColumns, columns_of
from mot_ros.data.bags.source import BagSource, header_stamp
from mot_ros.data.bags.types import DETECTIONS
from mot_ros.data.datasets.mot import Ints, MotRows, NO_ID
from mot_ros.data.image_reading import AUTO, ImageReading
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.sequence import NANOSECONDS


@dataclass(frozen=True, eq=False)
class Aligned:
    """
    Boxes by image: frame n is the n-th message of the image topic, counted from 1.

    `annotated` are the frames that something was said of, though it be that there is nothing.
    `mismatches` are sentences on everything that was left out, and on images without a word.
    """

    rows: MotRows
    annotated: Ints
    mismatches: list[str] = field(default_factory=list)
    origin: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """Of boxes of a file: which row of it each of `rows` was."""


def boxes_of_topic(source: BagSource, topic: str | None = None, *, truth: bool = True) -> Aligned:
    """
    Read a Detection2DArray topic of the bag; its header stamps are exactly those of the images.

    With `truth`, ids are kept, an empty one being NO_ID, and a score of 0 says that a box is
    not to be considered, unless all scores are 0; without, values are the scores.
    """
    name = source.bag.choose(topic, [DETECTIONS], 'boxes')
    stamps = source.stamps()
    frames = _first_of_each(stamps)
    columns: dict[int, BoxColumns] = {}
    strays: list[int] = []
    repeated: list[int] = []
    broken: list[str] = []
    total = 0
    for record in source.bag.records([name]):
        total += 1
        stamp = header_stamp(record.data)
        try:
            found = columns_of(source.bag.deserialize(record))
        except SourceError as error:
            broken.append(str(error))
            continue
        _check(found, f'{source.path}, {name} at {_seconds(stamp)}', unique=truth)
        if stamp not in frames:
            strays.append(stamp)
        elif frames[stamp] in columns:
            repeated.append(stamp)
        else:
            columns[frames[stamp]] = found
    shortcomings = list(source.bag.shortcomings)
    where = f'of the {total} messages of {name}'
    if strays:
        shortcomings.append(
            f'{len(strays)} {where} have the stamp of no image and are left out, the first is at '
            f'{_seconds(strays[0])}{_distance(strays[0], stamps)}')
    if repeated:
        shortcomings.append(
            f'{len(repeated)} {where} repeat a stamp and are left out, the first is at '
            f'{_seconds(repeated[0])}')
    if broken:
        shortcomings.append(f'{len(broken)} {where} cannot be read: {broken[0]}')
    silent = [frame for frame in range(1, len(stamps) + 1) if frame not in columns]
    if silent:
        shortcomings.append(
            f'{len(silent)} of {len(stamps)} images have no message of {name}, the first is '
            f'image {silent[0]}')
    return Aligned(_join(columns, truth), np.array(sorted(columns), np.int64), shortcomings)


def detections_of(
        bag: Path, images: str, topic: str, reading: ImageReading = AUTO) -> MotRows:
    """Return the boxes of a topic of a bag by frame of its topic of images, values are scores."""
    return boxes_of_topic(BagSource(bag, images, reading=reading), topic, truth=False).rows


def by_order(rows: MotRows, count: int, what: str = 'the file') -> Aligned:
    """Take frame n of a MOT text file for the n-th of `count` images."""
    fitting = rows.frames <= count
    mismatches = []
    if not fitting.all():
        frames = np.unique(rows.frames[~fitting])
        mismatches.append(
            f'{len(frames)} frames of {what} with {int((~fitting).sum())} boxes have no image and '
            f'are left out, the first is {frames[0]}: there are {count} images')
    return Aligned(
        rows[fitting], np.arange(1, count + 1), mismatches, np.flatnonzero(fitting))


def by_stamp(
        rows: MotRows, stamps: Sequence[int], rate: float, tolerance: float,
        what: str = 'the file') -> Aligned:
    """
    Take frame n of a MOT text file for the image nearest to (n - 1) / `rate` after the first.

    `stamps` in nanoseconds, in the order of the images; an image further away than `tolerance`
    seconds is none, and of two frames at one image the nearer one has it.
    """
    times = np.asarray(stamps, np.int64) - (stamps[0] if len(stamps) else 0)
    best: dict[int, tuple[float, int]] = {}
    missed: list[int] = []
    for frame in np.unique(rows.frames).tolist():
        away = np.abs(times - round((frame - 1) / rate * NANOSECONDS)) / NANOSECONDS
        image = int(np.argmin(away)) if len(away) else 0
        if not len(away) or away[image] > tolerance:
            missed.append(frame)
            continue
        distance = float(away[image])
        if image in best and best[image][0] <= distance:
            missed.append(frame)
            continue
        if image in best:
            missed.append(best[image][1])
        best[image] = (distance, frame)
    image_of = {frame: image + 1 for image, (_, frame) in best.items()}
    fitting = np.isin(rows.frames, list(image_of))
    kept = rows[fitting]
    moved = np.array([image_of[frame] for frame in kept.frames.tolist()], np.int64)
    mismatches = []
    if missed:
        mismatches.append(
            f'{len(missed)} frames of {what} with {int((~fitting).sum())} boxes have no image of '
            f'their own within {tolerance:g} s and are left out, the first is {min(missed)}')
    return Aligned(
        MotRows(moved, kept.ids, kept.boxes, kept.values), np.arange(1, len(stamps) + 1),
        mismatches, np.flatnonzero(fitting)[np.argsort(moved, kind='stable')])


def _first_of_each(stamps: Sequence[int]) -> dict[int, int]:
    """Return the frame, from 1, of each stamp; of a repeated one the first."""
    frames: dict[int, int] = {}
    for frame, stamp in enumerate(stamps, 1):
        frames.setdefault(stamp, frame)
    return frames


def _check(found: BoxColumns, where: str, *, unique: bool) -> None:
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    good = np.isfinite(found.boxes).all(axis=1) & (sides > 0).all(axis=1)
    if not good.all():
        row = int(np.argmin(good))
        raise SourceError(
            f'{where}: box {row} is {found.boxes[row].tolist()} (xyxy); it must be finite and '
            'have a width and a height')
    named = [name for name in found.names if name]
    if unique and len(set(named)) < len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise SourceError(f'{where}: id {twice!r} comes twice; an id may stand once per message')


def _join(columns: dict[int, BoxColumns], truth: bool) -> MotRows:
    frames = [frame for frame, found in columns.items() for _ in found.names]
    if not frames:
        return MotRows.of_detections([])
    parts = list(columns.values())
    scores = np.nan_to_num(np.concatenate([found.scores for found in parts]), nan=1.0)
    ids = np.full(len(frames), NO_ID)
    if truth:
        scores = np.where((scores > 0) | ~(scores > 0).any(), 1.0, 0.0)
        names = [name for found in parts for name in found.names]
        numbers = _distinct(names, np.concatenate([found.ids for found in parts]))
        ids = np.where([bool(name) for name in names], numbers, NO_ID)
    return MotRows(
        np.array(frames, np.int64), ids, np.concatenate([found.boxes for found in parts]), scores)


def _distinct(names: Sequence[str], numbers: Ints) -> Ints:
    """Return one number for each name: where several end alike, the later ones get free ones."""
    given: dict[str, int] = {}
    taken: set[int] = set()
    free = int(numbers.max(initial=0)) + 1
    for name, number in zip(names, numbers.tolist(), strict=True):
        if name not in given:
            given[name] = free if number in taken else number
            free += number in taken
            taken.add(given[name])
    return np.array([given[name] for name in names], np.int64)


def _seconds(stamp: int) -> str:
    return f'{stamp // NANOSECONDS}.{stamp % NANOSECONDS:09d} s'


def _distance(stamp: int, stamps: Sequence[int]) -> str:
    if not len(stamps):
        return ''
    away = min(abs(stamp - other) for other in stamps)
    return f', {away / NANOSECONDS:.6f} s away from the nearest image'
