# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The classes in a gt.txt of MOTChallenge's layout, by their names.

MOT16 and later have 8 or 9 columns, of which the eighth is the class; CVAT writes the names of its
own classes to a labels.txt beside the file. VisDrone has 10 columns: the eighth is the class, then
truncation (0 or 1) and occlusion (0, 1 or 2). MOT15 has 10 columns too, the last three -1 or
coordinates in the world, and no classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mot_ros.data.datasets.mot import Ints
from mot_ros.data.datasets.text_table import read_lines, whole_number
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.tracking.runtime.user_files import read_text

CLASSES = (
    'pedestrian', 'person_on_vehicle', 'car', 'bicycle', 'motorbike', 'non_motor_vehicle',
    'static_person', 'distractor', 'occluder', 'occluder_on_ground', 'occluder_full',
    'reflection', 'crowd')
"""Names of MOTChallenge's classes, which are numbered from 1."""
DISTRACTORS = ('person_on_vehicle', 'static_person', 'distractor', 'reflection')
VISDRONE = (
    'ignored_region', 'pedestrian', 'people', 'bicycle', 'car', 'van', 'truck', 'tricycle',
    'awning_tricycle', 'bus', 'motor', 'others')
"""Names of VisDrone's classes, which are numbered from 0."""
PEOPLE = ('pedestrian', 'person', 'people')
"""Names of which the first that a file knows is scored where no class is asked for."""
LABELS = 'labels.txt'


@dataclass(frozen=True, eq=False)
class ClassColumn:
    """The class of every row, in the order of read_truth; `names` are those of the file."""

    path: Path
    numbers: Ints
    names: dict[int, str]
    notes: tuple[str, ...] = ()

    def wanted(self, classes: Sequence[str]) -> list[int]:
        """Return the numbers of classes by name; ConfigError for an unknown one."""
        for name in classes:
            if not self.of([name]):
                raise ConfigError(
                    f'{name!r} is no class of {self.path}; there are '
                    f'{", ".join(self.names.values())}')
        if classes:
            return self.of(classes)
        for name in PEOPLE:
            if found := self.of([name]):
                return found
        if len(self.names) == 1:
            return list(self.names)
        raise ConfigError(
            f'{self.path} knows no class of people; choose with --classes among '
            f'{", ".join(self.names.values())}')

    def of(self, names: Sequence[str]) -> list[int]:
        """Return the numbers of the names that the file knows, whatever their case."""
        asked = {_plain(name) for name in names}
        return [number for number, name in self.names.items() if _plain(name) in asked]


def class_column(path: Path) -> ClassColumn | None:
    """Return the classes of a gt.txt, None where its lines have none."""
    lines = list(read_lines(path))
    columns = len(lines[0][1]) if lines else 0
    for number, fields in lines:
        if len(fields) != columns:
            raise SourceError(
                f'{path}, line {number}: {len(fields)} columns, but the lines before have '
                f'{columns}')
    visdrone = columns == 10 and _is_visdrone([fields for _, fields in lines])
    if columns not in (8, 9) and not visdrone:
        return None
    names = dict(enumerate(VISDRONE)) if visdrone else _names(path.with_name(LABELS))
    found = []
    for number, fields in lines:
        kind = _number(f'{path}, line {number}', fields[7])
        if kind not in names:
            raise SourceError(
                f'{path}, line {number}: class is {fields[7]}; '
                f'{path.with_name(LABELS)} names {len(names)}' if path.with_name(LABELS).is_file()
                else f'{path}, line {number}: class is {fields[7]}; MOTChallenge knows 1 to '
                f'{len(CLASSES)}: write the names of the classes, one a line from class 1 on, to '
                f'{path.with_name(LABELS)}')
        found.append((int(float(fields[0])), kind))
    order = np.argsort(np.array([frame for frame, _ in found], np.int64), kind='stable')
    notes = (f'{path} has the columns of VisDrone and is read so',) if visdrone else ()
    return ClassColumn(
        path, np.array([kind for _, kind in found], np.int64)[order], names, notes)


def unread_classes(path: Path) -> tuple[str, ...]:
    """Return a note where the eighth of ten columns looks like classes, but is not read."""
    column = [whole_number(fields[7]) for _, fields in read_lines(path) if len(fields) > 9]
    if not column or None in column or set(column) == {-1}:
        return ()
    return (f'{path}: column 8 holds whole numbers, but lines of 10 columns have no class there '
            'but in VisDrone; if they are classes, write 9 columns as MOT16 has them',)


def mot16_classes(path: Path) -> Ints | None:
    """
    Return the class of every row as MOTChallenge numbers them, None where lines have none.

    Raises SourceError for a class that it has no number for.
    """
    found = class_column(path)
    if found is None:
        return None
    known = {_plain(name): number for number, name in enumerate(CLASSES, 1)}
    known |= {_plain('person'): known['pedestrian']}
    for name in (found.names[kind] for kind in np.unique(found.numbers).tolist()):
        if _plain(name) not in known:
            raise SourceError(
                f'{path}: MOTChallenge has no class {name!r}; there are {", ".join(CLASSES)}')
    numbers = {number: known.get(_plain(name), 0) for number, name in found.names.items()}
    return np.array([numbers[kind] for kind in found.numbers.tolist()], np.int64)


def _names(labels: Path) -> dict[int, str]:
    """Return the names by number: those of a labels.txt, else those of MOTChallenge."""
    if not labels.is_file():
        return dict(enumerate(CLASSES, 1))
    try:
        lines = read_text(labels).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f'{labels} cannot be read ({error}); one name stands a line') from error
    names = {number: line.strip() for number, line in enumerate(lines, 1) if line.strip()}
    if not names:
        raise SourceError(f'{labels} is empty; write a name a line, from class 1 on')
    return names


def _number(where: str, text: str) -> int:
    try:
        float(text)
    except ValueError as error:
        raise SourceError(f'{where}: {str(error)[:200]}') from error
    kind = whole_number(text)
    return -1 if kind is None else kind


def _is_visdrone(lines: Sequence[Sequence[str]]) -> bool:
    """Say whether the last three of ten columns are class, truncation and occlusion."""
    return all(
        whole_number(kind) in range(len(VISDRONE)) and whole_number(cut) in (0, 1)
        and whole_number(hidden) in (0, 1, 2) for kind, cut, hidden in (
            fields[7:10] for fields in lines))


def _plain(name: str) -> str:
    return name.strip().lower().replace('-', '_').replace(' ', '_')
