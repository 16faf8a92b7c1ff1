# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
SMC, SMILEtrack's association cascade, in pieces: how detections part, and what pairs are worth.

The published code and the article (arXiv 2211.08824) disagree; where they do, a function says in
its name or first line whose it is. All work on arrays of any shape: tables (N, M) of tracks and
detections, or lists (P,) of pairs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.association.assignment import Pairs
from mot_ros.tracking.boxes import centre_distances
from mot_ros.tracking.types import Doubles, Floats, Ints

CHI2_95 = 9.4877
"""Squared Mahalanobis distance that 95 of 100 true boxes stay below: chi2, 4 degrees."""


def split_by_scores(scores: Floats, floor: float) -> tuple[Ints, Ints]:
    """
    Return the rows of confident and of doubtful detections, both ascending (the article's).

    Scores below `floor` are in neither. The bound between the two is the mean of the better
    half, ceil(n / 2) of those left; what equals it is confident, so the best one always is.
    """
    left = np.flatnonzero(scores >= floor)
    if not len(left):
        return left, left
    # exact in double precision: equal scores have themselves for mean
    best = np.sort(scores[left].astype(np.float64))[::-1][:-(-len(left) // 2)]
    confident = scores[left] >= best.mean()
    return left[confident], left[~confident]


def published_gate(cosines: Floats, distances: Doubles, weight: float) -> Doubles:
    """
    Return the published code's gate: weight * (1 - cosine) + (1 - weight) * squared distance.

    Infinite where the squared Mahalanobis distance is above CHI2_95.
    """
    mixed = weight * (1 - cosines.astype(np.float64)) + (1 - weight) * distances
    return np.where(distances > CHI2_95, np.inf, mixed)


def code_similarity(
        overlap: Floats, cosines: Floats, distances: Doubles, weight: float,
        gate: float) -> Floats:
    """
    Return what pairs are worth in the published code: the overlap, 0 behind the gate.

    Its cost is 1 - IoU, or 1 where `published_gate` is above `gate`.
    """
    return np.where(published_gate(cosines, distances, weight) > gate, np.float32(0), overlap)


def article_similarity(overlap: Floats, cosines: Floats, alpha: float, gate: float) -> Floats:
    """
    Return what pairs are worth in the article: alpha * IoU + (1 - alpha) * cosine.

    A pair whose cosine is below `gate` is worth 0, however much it overlaps.
    """
    mixed = np.float32(alpha) * overlap + np.float32(1 - alpha) * cosines
    return np.where(cosines < np.float32(gate), np.float32(0), mixed)


def distance_gate(
        expected: Floats, unseen: Floats | Doubles, boxes: Floats, reach: float,
        growth: float) -> NDArray[np.bool_]:
    """
    Say which boxes (M, 4) tracks expected at boxes (N, 4) can have got to, (N, M).

    That is where the centres are no further apart than `reach` heights of the track's box, and
    `growth` times as much more for every second that it has been `unseen` (N,). Ours: looks
    alone may pair what does not overlap, but nobody jumps across the image.
    """
    limit = reach * (expected[:, 3] - expected[:, 1]) * (1 + growth * unseen)
    result: NDArray[np.bool_] = centre_distances(expected, boxes) <= limit[:, None]
    return result


def positive_pairs(table: Floats) -> Pairs:
    """Return the pairs of a table (N, M) that are worth anything, by row, then column."""
    rows, cols = np.nonzero(table > 0)
    return Pairs(rows, cols, table[rows, cols])
