# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
SMILEtrack's similarity matching cascade (SMC): split of detections, similarity, gates.

The published code and the article (arXiv 2211.08824) differ; where they do, a function's name or
first line says which one it follows. All work on arrays of any shape: tables (N, M) of tracks and
detections, or lists (P,) of pairs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.association.assignment import Pairs
from mot_ros.tracking.boxes import centre_distances
from mot_ros.tracking.types import Doubles, Floats, Ints

CHI2_95 = 9.4877
"""95 % quantile of the squared Mahalanobis distance: chi-square, 4 degrees of freedom."""


def split_by_scores(scores: Floats, floor: float) -> tuple[Ints, Ints]:
    """
    Return the rows of high-score and of low-score detections, both ascending (the article's).

    Scores below `floor` are in neither. The threshold is the mean of the better half, ceil(n / 2)
    of the remaining scores; a score equal to it is high, so the best one always is.
    """
    left = np.flatnonzero(scores >= floor)
    if not len(left):
        return left, left
    # exact in double precision, so that equal scores have themselves as mean
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
    Return the similarity of the published code: the IoU, 0 outside the gate.

    Its cost is 1 - IoU, or 1 where `published_gate` is above `gate`.
    """
    return np.where(published_gate(cosines, distances, weight) > gate, np.float32(0), overlap)


def article_similarity(overlap: Floats, cosines: Floats, alpha: float, gate: float) -> Floats:
    """
    Return the similarity of the article: alpha * IoU + (1 - alpha) * cosine.

    A pair with a cosine below `gate` has similarity 0, whatever its IoU.
    """
    mixed = np.float32(alpha) * overlap + np.float32(1 - alpha) * cosines
    return np.where(cosines < np.float32(gate), np.float32(0), mixed)


def distance_gate(
        expected: Floats, unseen: Floats | Doubles, boxes: Floats, reach: float,
        growth: float) -> NDArray[np.bool_]:
    """
    Return which boxes (M, 4) are within reach of tracks predicted at boxes (N, 4), (N, M).

    The distance of the centres may be `reach` heights of the track's box, plus `growth` heights
    per second `unseen` (N,). Ours: a match by appearance alone needs no IoU, but no object jumps
    across the image.
    """
    limit = reach * (expected[:, 3] - expected[:, 1]) * (1 + growth * unseen)
    result: NDArray[np.bool_] = centre_distances(expected, boxes) <= limit[:, None]
    return result


def positive_pairs(table: Floats) -> Pairs:
    """Return the pairs of a table (N, M) with positive value, by row, then column."""
    rows, cols = np.nonzero(table > 0)
    return Pairs(rows, cols, table[rows, cols])
