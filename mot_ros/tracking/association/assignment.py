# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Gated optimal assignment (Hungarian) of tracks (rows) to detections (columns).

Work is done on the pairs of boxes that overlap at all. Pairs without rivals, which most are, match
at once; the rest is solved as one dense matrix or, if large, by connected parts. Beyond MOST_PAIRS
pairs, which no real scene reaches, the optimum gives way to a greedy choice in bounded time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mot_ros.tracking.boxes import iou, iou_of_pairs
from mot_ros.tracking.types import Detections, Floats, Index, Ints, Tracks

# Measured cross-overs of a dense matrix against a sweep along x and against components.
DENSE_IOU = 120 * 120
DENSE_ASSIGNMENT = 300 * 300
DENSE_SHARE = 0.2
"""Share of all pairs that overlap along x from which a dense matrix beats the sweep."""
MOST_PAIRS = 150_000
"""Pairs up to which the optimum is found: 387 boxes on one spot; the time grows with the cube."""

# Totals closer than this per pair count as equal; then the tie-break of `assign` decides.
TIE = 1e-7


@dataclass(frozen=True)
class Pairs:
    """Candidate pairs (P,): row, column and value (higher is better)."""

    rows: Ints
    cols: Ints
    values: Floats

    def where(self, index: Index) -> Pairs:
        """Keep the indexed pairs."""
        return Pairs(self.rows[index], self.cols[index], self.values[index])


@dataclass(frozen=True)
class Matches:
    """Matched rows and columns (K,), and the free rows and columns, ascending."""

    rows: Ints
    cols: Ints
    free_rows: Ints
    free_cols: Ints

    def within(self, rows: Ints, cols: Ints) -> Matches:
        """Translate matches of the subsets `rows` and `cols` to the whole."""
        return Matches(
            rows[self.rows], cols[self.cols], rows[self.free_rows], cols[self.free_cols])


def overlapping(a: Floats, b: Floats) -> Pairs:
    """Return all overlapping pairs of boxes (N, 4) and (M, 4), valued by IoU."""
    if len(a) * len(b) <= DENSE_IOU:
        values = iou(a, b).ravel()
        cells = np.flatnonzero(values > 0)
        rows, cols = np.divmod(cells, max(len(b), 1))
        return Pairs(rows, cols, values[cells])
    found = _sweep(a, b)
    if found is None:
        values = iou(a, b)
        rows, cols = np.nonzero(values > 0)
        return Pairs(rows, cols, values[rows, cols])
    rows, cols = found
    values = iou_of_pairs(a[rows], b[cols])
    return Pairs(rows, cols, values).where(values > 0)


def match(
        tracks: Tracks, detections: Detections, minimum: float, *,
        rows: Ints | None = None, cols: Ints | None = None,
        fuse_score: bool = False, class_aware: bool = True) -> Matches:
    """
    Match tracks and detections by IoU of at least `minimum`.

    Only the tracks `rows` and detections `cols` take part, both ascending, all if None. With
    `fuse_score` the IoU is multiplied by the detection's score (ByteTrack); with `class_aware`
    only boxes of one class match.
    """
    rows = np.arange(len(tracks)) if rows is None else rows
    cols = np.arange(len(detections)) if cols is None else cols
    if not len(rows) or not len(cols):
        nothing = np.zeros(0, np.int64)
        return Matches(nothing, nothing, rows, cols)
    pairs = overlapping(tracks.boxes[rows], detections.boxes[cols])
    if class_aware:
        pairs = pairs.where(
            tracks.labels[rows][pairs.rows] == detections.labels[cols][pairs.cols])
    if fuse_score:
        scores = detections.scores[cols]
        pairs = Pairs(pairs.rows, pairs.cols, pairs.values * scores[pairs.cols])
    return assign(pairs, (len(rows), len(cols)), minimum).within(rows, cols)


def assign(pairs: Pairs, shape: tuple[int, int], minimum: float) -> Matches:
    """
    Return the matching of (N, M) that maximises the sum of `value - minimum`.

    Only pairs with `value >= minimum` may match; each row and column matches once at the most.
    This is the optimum that a cost limit of `1 - minimum` gives (ByteTrack's, with cost
    1 - value). Ties go to the lower row (the older track), then the lower column (the better
    detection), then to the order of columns that follows the order of rows. Of more than
    MOST_PAIRS pairs a greedy choice is returned, which need not be the optimum.
    """
    n, m = shape
    pairs = pairs.where(pairs.values >= minimum)
    if len(pairs.rows) > MOST_PAIRS:
        rows, cols = _choose_greedily(pairs, shape)
        return Matches(rows, cols, _others(rows, n), _others(cols, m))
    # the only pair of its row and of its column belongs to every optimum
    chosen = (np.bincount(pairs.rows)[pairs.rows] == 1) & (
        np.bincount(pairs.cols)[pairs.cols] == 1)
    if not chosen.all():
        rivals = np.flatnonzero(~chosen)
        chosen[rivals[_resolve_conflicts(pairs.where(rivals), shape, minimum)]] = True
    rows, cols = pairs.rows[chosen], pairs.cols[chosen]
    return Matches(rows, cols, _others(rows, n), _others(cols, m))


def assign_before_gate(table: Floats, minimum: float) -> Matches:
    """
    Return the matching of a table (N, M) in the order of SORT's published code.

    If each row and column has at most one value above `minimum`, these pairs match. Otherwise the
    matching maximises the sum of all values and pairs below `minimum` are left out afterwards, so
    that a pair that may not match can take the partner of one that may. The time grows with the
    cube of the number of boxes.
    """
    above = table > minimum
    if above.any() and above.sum(axis=1).max() == 1 and above.sum(axis=0).max() == 1:
        rows, cols = np.nonzero(above)
    else:
        rows, cols = linear_sum_assignment(table, maximize=True)
        allowed = table[rows, cols] >= minimum
        rows, cols = rows[allowed], cols[allowed]
    return Matches(rows, cols, _others(rows, table.shape[0]), _others(cols, table.shape[1]))


def _resolve_conflicts(pairs: Pairs, shape: tuple[int, int], minimum: float) -> Ints:
    """Return the indices of the pairs that `assign` chooses among those that compete."""
    # Positive for every allowed pair, so that a value equal to the minimum matches; the product
    # term favours keeping the order.
    row, col = pairs.rows / shape[0], pairs.cols / shape[1]
    weights = pairs.values - float(minimum) + TIE * (2 - row - col / 2 + row * col / 4)
    # without the rows and columns that have no part in this
    rows, n = _renumber(pairs.rows, shape[0])
    cols, m = _renumber(pairs.cols, shape[1])
    solve = _solve if n * m <= DENSE_ASSIGNMENT else _solve_by_parts
    return solve(rows, cols, weights, (n, m))


def _renumber(indices: Ints, count: int) -> tuple[Ints, int]:
    """Return indices below `count` renumbered without gaps, and how many remain."""
    used = np.zeros(count, bool)
    used[indices] = True
    number = np.cumsum(used) - 1
    return number[indices], int(used.sum())


def _others(taken: Ints, count: int) -> Ints:
    free = np.ones(count, bool)
    free[taken] = False
    return np.flatnonzero(free)


def _solve(
        rows: Ints, cols: Ints, weights: NDArray[np.float64], shape: tuple[int, int]) -> Ints:
    """Return the indices of the chosen pairs, by row, from one dense matrix."""
    # A forbidden pair has value 0, as no match has.
    matrix = np.zeros(shape)
    matrix[rows, cols] = weights
    number = np.full(shape, -1)
    number[rows, cols] = np.arange(len(rows))
    chosen = number[linear_sum_assignment(matrix, maximize=True)]
    kept: Ints = chosen[chosen >= 0]
    return kept


def _choose_greedily(pairs: Pairs, shape: tuple[int, int]) -> tuple[Ints, Ints]:
    """
    Return rows and columns of pairs chosen row by row, ascending by row, in O(N M) time.

    The rows with the best pair come first; each takes its best column that is left. Ties go to
    the lower row, then the lower column.
    """
    matrix = np.full(shape, -np.inf, np.float32)
    matrix[pairs.rows, pairs.cols] = pairs.values
    taken = np.full(shape[0], -1)
    for row in np.argsort(-matrix.max(1), kind='stable').tolist():
        col = int(matrix[row].argmax())
        if matrix[row, col] > -np.inf:
            taken[row] = col
            matrix[:, col] = -np.inf
    rows = np.flatnonzero(taken >= 0)
    return rows, taken[rows]


def _solve_by_parts(
        rows: Ints, cols: Ints, weights: NDArray[np.float64], shape: tuple[int, int]) -> Ints:
    """Return the same indices as `_solve`, one connected component at a time."""
    n, m = shape
    graph = coo_array((np.ones(len(rows), np.int8), (rows, cols + n)), shape=(n + m, n + m))
    count, part = connected_components(graph, directed=False)
    # Number rows and columns within their component: sort by component, subtract its start.
    rows_in, row_at = _number_within(part[:n], count)
    cols_in, col_at = _number_within(part[n:], count)

    pair_part = part[rows]
    order = np.lexsort((-weights, pair_part))
    starts = np.searchsorted(pair_part[order], np.arange(count + 1))
    used = np.flatnonzero(np.diff(starts))
    # A star (one row or one column) takes its best pair, which is sorted first.
    star = np.minimum(rows_in, cols_in)[used] == 1
    chosen = [order[starts[used[star]]]]
    for p in used[~star]:
        members = order[starts[p]:starts[p + 1]]
        inner = _solve(
            row_at[rows[members]], col_at[cols[members]], weights[members],
            (int(rows_in[p]), int(cols_in[p])))
        chosen.append(members[inner])
    together = np.concatenate(chosen)
    by_row: Ints = together[np.argsort(rows[together])]
    return by_row


def _number_within(part: NDArray[np.int32], count: int) -> tuple[Ints, Ints]:
    """Return the size of each component and every member's position in it, in order."""
    sizes = np.bincount(part, minlength=count)
    order = np.argsort(part, kind='stable')
    position = np.empty(len(part), np.int64)
    position[order] = np.arange(len(part)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return sizes, position


def _sweep(a: Floats, b: Floats) -> tuple[Ints, Ints] | None:
    """
    Return rows and columns of all pairs that overlap along both axes, found along x.

    None where a dense matrix is faster.
    """
    order = np.argsort(b[:, 0], kind='stable')
    left = b[order, 0]
    widest = float(np.max(b[:, 2] - b[:, 0], initial=0))
    # Overlap along x needs b.x1 < a.x2 and b.x2 > a.x1; the second holds only if
    # b.x1 > a.x1 - widest. Both bounds are a range in b sorted by x1.
    first = np.searchsorted(left, a[:, 0] - widest, 'left')
    last = np.searchsorted(left, a[:, 2], 'left')
    counts = np.maximum(last - first, 0)
    if counts.sum() > DENSE_SHARE * len(a) * len(b):
        return None
    rows = np.repeat(np.arange(len(a)), counts)
    cols = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    cols = order[cols]
    overlap = (b[cols, 2] > a[rows, 0]) & (b[cols, 3] > a[rows, 1]) & (b[cols, 1] < a[rows, 3])
    rows, cols = rows[overlap], cols[overlap]
    # by row, then column, as the dense path returns them
    by_col = np.lexsort((cols, rows))
    return rows[by_col], cols[by_col]
