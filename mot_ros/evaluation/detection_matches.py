# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Match detections with the people of a scene, and measure them by height of the person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.mot import Doubles, Ints, MotRows
from mot_ros.evaluation.scores.metrics import overlaps

EDGES = (0.0, 0.12, 0.25, 0.45, 0.7)
"""Lower edges of the bins of height, as parts of the image's height."""
MISSED = -1.0
"""Score of a person whom no detection is matched with."""


@dataclass(frozen=True, eq=False)
class DetectionMatches:
    """
    The detections (D,) of a scene and its people (P,), matched at one IoU.

    `scores` and `right` of the detections, those on truth that is not considered left out;
    `heights` of them and `people_heights` as parts of the image's height; `ids` of the people and
    `found`, the score of the detection that each is matched with, MISSED without one.
    """

    scores: Doubles
    right: NDArray[np.bool_]
    heights: Doubles
    people_heights: Doubles
    ids: Ints
    found: Doubles

    def recall(self, score: float, chosen: NDArray[np.bool_] | None = None) -> float:
        """Return the part of the people, or of those chosen, found with this score or better."""
        found = self.found if chosen is None else self.found[chosen]
        return float((found >= max(score, 0)).mean()) if len(found) else float('nan')

    def precision(self, score: float) -> float:
        """Return the part of the detections with this score or better that are right."""
        kept = self.right[self.scores >= score]
        return float(kept.mean()) if len(kept) else float('nan')

    def average_precision(self) -> float:
        """Return the area under the curve of precision over recall, as metrics.py defines it."""
        _, precision, right = self._curve()
        if not len(precision) or not len(self.found):
            return 0.0
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(right * envelope) / len(self.found))

    def score_at(self, precision: float) -> float:
        """Return the lowest score down to which precision is at least this, else infinity."""
        scores, reached, _ = self._curve()
        # equal scores come together or not at all
        last = np.append(scores[1:] != scores[:-1], True)[:len(scores)]
        enough = np.flatnonzero((reached >= precision) & last)
        return float(scores[enough[-1]]) if len(enough) else float('inf')

    def people_of(self, level: int) -> NDArray[np.bool_]:
        """Return which people (P,) are in a bin of EDGES."""
        return bin_of(self.people_heights) == level

    def _curve(self) -> tuple[Doubles, Doubles, NDArray[np.bool_]]:
        """Return scores, best first, precision down to each, and which are right."""
        order = np.argsort(-self.scores, kind='stable')
        right = self.right[order]
        return self.scores[order], np.cumsum(right) / np.arange(1, len(right) + 1), right


def match(
        truth: MotRows, detections: MotRows, height: float | Callable[[int], float],
        iou: float = 0.5) -> DetectionMatches:
    """
    Match detections with truth as average_precision does, in images of a height.

    Best score first, each detection takes the free person that it overlaps most, if by `iou` at
    least; one that finds none and lies on truth that is not considered is left out. `height` is
    that of all images or a function of the frame.
    """
    considered, ignored = truth[truth.values != 0], truth[truth.values == 0]
    right = np.zeros(len(detections), np.bool_)
    beside = np.zeros(len(detections), np.bool_)
    found = np.full(len(considered), MISSED)
    for frame in np.unique(detections.frames).tolist():
        span, people = detections.span(frame), considered.span(frame)
        seen = detections[span]
        shared = overlaps(seen.boxes, considered.boxes[people])
        for row in np.argsort(-seen.values, kind='stable').tolist():
            if shared.shape[1] and shared[row].max() >= iou:
                best = int(shared[row].argmax())
                right[span][row] = True
                found[people][best] = seen.values[row]
                shared[:, best] = -1
        beside[span] = (overlaps(seen.boxes, ignored.at(frame).boxes) >= iou).any(axis=1)
    counted = right | ~beside
    return DetectionMatches(
        detections.values[counted], right[counted], _heights(detections, height)[counted],
        _heights(considered, height), considered.ids, found)


def pooled(parts: Sequence[DetectionMatches]) -> DetectionMatches:
    """Join scenes; the ids of their people are kept apart."""
    def joined(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    return DetectionMatches(
        joined('scores'), joined('right'), joined('heights'), joined('people_heights'),
        np.concatenate([_apart(part.ids, scene) for scene, part in enumerate(parts)]),
        joined('found'))


def bin_of(heights: Doubles) -> Ints:
    """Return the bin of EDGES that each height is in."""
    return np.searchsorted(EDGES, heights, side='right') - 1


def recall_interval(
        ids: Ints, hits: NDArray[np.bool_], part: float = 0.9, rounds: int = 1000) -> tuple[
            float, float]:
    """
    Return the interval of a recall by bootstrap over people.

    `hits` says of each box of truth whether it was found, `ids` whose it is; boxes without an id
    of their own count as one person each.
    """
    names, person = np.unique(np.where(ids < 0, -2 - np.arange(len(ids)), ids),
                              return_inverse=True)
    if not len(names):
        return float('nan'), float('nan')
    boxes = np.bincount(person, minlength=len(names))
    right = np.bincount(person, weights=hits, minlength=len(names))
    drawn = np.random.default_rng(0).integers(len(names), size=(rounds, len(names)))
    recalls = right[drawn].sum(axis=1) / boxes[drawn].sum(axis=1)
    low, high = np.quantile(recalls, [(1 - part) / 2, (1 + part) / 2])
    return float(low), float(high)


def _apart(ids: Ints, scene: int) -> Ints:
    return np.where(ids < 0, ids, ids + (scene << 32))


def _heights(rows: MotRows, height: float | Callable[[int], float]) -> Doubles:
    """Return the heights of boxes as parts of those of their images."""
    images = (
        np.array([height(frame) for frame in rows.frames.tolist()], np.float64)
        if callable(height) else height)
    return (rows.boxes[:, 3] - rows.boxes[:, 1]) / images
