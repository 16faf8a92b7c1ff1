# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Compare the boxes and ids of two runs over the same images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mot_ros.data.datasets.mot import MotRows
from mot_ros.evaluation.scores.metrics import overlaps

SAME = 0.5
"""Least IoU of two boxes that agree."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class RunDifference:
    """Consecutive frames in which an id of one run has no agreeing box in the other."""

    run: int
    """Run of the id: 0 is A, 1 is B."""
    id: int
    first: int
    last: int
    instead: int
    """Id of the other run at this place, 0 for none."""

    def __str__(self) -> str:
        frames = f'frame {self.first}' if self.first == self.last else (
            f'frames {self.first} to {self.last}')
        there = f'id {self.instead}' if self.instead else 'nothing'
        return f'{"AB"[self.run]}: id {self.id}, {frames}: {there} in the other run'


@dataclass(frozen=True)
class RunComparison:
    """Agreement of two runs, A and B."""

    idf1: float
    """IDF1 of B with A as ground truth; it is symmetric."""
    most_px: float
    """Largest difference of a coordinate of boxes with the same id, in pixels."""
    boxes: tuple[int, int]
    differences: list[RunDifference]


def compare(a: MotRows, b: MotRows) -> RunComparison:
    """
    Compare two runs, whose ids are paired so that most boxes agree (IDF1, arXiv 1609.01775).

    Two boxes of a frame agree from an IoU of SAME on. `differences` lists, for each id, the frames
    in which the box of the paired id does not agree or is missing.
    """
    names_a, ids_a = np.unique(a.ids, return_inverse=True)
    names_b, ids_b = np.unique(b.ids, return_inverse=True)
    together = np.zeros((len(names_a), len(names_b)))
    frames = sorted({*np.unique(a.frames).tolist(), *np.unique(b.frames).tolist()})
    for frame in frames:
        here, there = a.span(frame), b.span(frame)
        rows, columns = np.nonzero(overlaps(a.boxes[here], b.boxes[there]) >= SAME)
        together[ids_a[here][rows], ids_b[there][columns]] += 1
    rows, columns = linear_sum_assignment(together, maximize=True)
    paired = {
        int(names_a[row]): int(names_b[column])
        for row, column in zip(rows, columns, strict=True) if together[row, column]}
    agreed = together[rows, columns].sum()
    count = len(a) + len(b)
    odd = [*_odd(0, a, b, paired, frames),
           *_odd(1, b, a, {other: own for own, other in paired.items()}, frames)]
    return RunComparison(
        float(2 * agreed / count) if count else 1.0, _farthest(a, b, paired, frames),
        (len(a), len(b)), _in_a_row(odd))


def _odd(
        run: int, own: MotRows, other: MotRows, paired: dict[int, int],
        frames: Iterable[int]) -> Iterator[RunDifference]:
    """Yield the id and frame of each box without an agreeing box of the paired id."""
    for frame in frames:
        here, there = own.at(frame), other.at(frame)
        fits = overlaps(here.boxes, there.boxes)
        for name, fit in zip(here.ids.tolist(), fits, strict=True):
            good = fit >= SAME
            if paired.get(name) not in there.ids[good].tolist():
                instead = int(there.ids[int(fit.argmax())]) if good.any() else 0
                yield RunDifference(run, name, frame, frame, instead)


def _in_a_row(odd: Iterable[RunDifference]) -> list[RunDifference]:
    """Join differences of one id in consecutive frames."""
    def whose(one: RunDifference) -> tuple[int, int, int]:
        return one.run, one.id, one.instead

    joined: list[RunDifference] = []
    for _, group in itertools.groupby(sorted(odd, key=lambda d: (*whose(d), d.first)), whose):
        for one in group:
            if joined and whose(joined[-1]) == whose(one) and joined[-1].last == one.first - 1:
                one = RunDifference(one.run, one.id, joined.pop().first, one.last, one.instead)
            joined.append(one)
    return joined


def _farthest(a: MotRows, b: MotRows, paired: dict[int, int], frames: Iterable[int]) -> float:
    """Return the largest difference of a coordinate of boxes that agree."""
    most = 0.0
    for frame in frames:
        here, there = a.at(frame), b.at(frame)
        places = {name: row for row, name in enumerate(there.ids.tolist())}
        fits = overlaps(here.boxes, there.boxes)
        for row, name in enumerate(here.ids.tolist()):
            place = places.get(paired.get(name, -1))
            if place is not None and fits[row, place] >= SAME:
                most = max(most, float(np.abs(here.boxes[row] - there.boxes[place]).max()))
    return most
