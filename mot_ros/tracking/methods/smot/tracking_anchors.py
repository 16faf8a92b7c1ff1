# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Tracking anchors: those of largest IoU with a tracked box (arXiv 2010.16031, section 4.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from mot_ros.tracking.types import Ints

SAME = 1e-3
"""Tolerance, relative to a side, within which sides and centres of anchors count as equal."""


@dataclass(frozen=True)
class Nearest:
    """The K anchors of largest IoU with each of N boxes, best first: `overlaps`, `rows` (N, K)."""

    overlaps: Tensor
    rows: Tensor

    @property
    def weights(self) -> Tensor:
        """Weights (N, K) of the anchors: IoU over its sum, zero without overlap."""
        total = self.overlaps.sum(dim=1, keepdim=True)
        return torch.where(total > 0, self.overlaps / total, torch.zeros_like(self.overlaps))


class TrackingAnchors:
    """
    Find the anchors of largest IoU with a box by comparing a few of them, exactly.

    Anchors of one shape lie on a grid, on which IoU with a box falls with the distance along x and
    along y. So the anchor in the i-th nearest column and the j-th nearest row of its shape has i *
    j - 1 better ones of that shape; and if the best anchors of t - 1 shapes exceed the best of its
    own, these too. Only with i * j <= K - t + 1 can it be among the best K. The time does not
    depend on the image size. Anchors that form no grids are all compared. The steps depend on the
    number of boxes alone and never synchronise with a GPU.
    """

    def __init__(self, anchors: Tensor) -> None:
        self._anchors = anchors.double()
        self._grids = grids_of(anchors)
        if not self._grids:
            return
        shapes = [grid for grid, (_, _, numbers) in enumerate(self._grids) for _ in numbers]
        sizes = [numbers.shape[1:] for _, _, numbers in self._grids]
        flat = [numbers.ravel() for _, _, numbers in self._grids]
        areas = [rows * columns for rows, columns in (sizes[grid] for grid in shapes)]

        def placed(values: object) -> Tensor:
            return torch.as_tensor(np.asarray(values), device=anchors.device)

        self._numbers = placed(np.concatenate(flat))
        self._first = placed(np.cumsum([0, *areas[:-1]]))
        self._grid = placed(shapes)
        self._height, self._width = placed(sizes)[self._grid].T
        self._columns = [placed(columns).double() for columns, _, _ in self._grids]
        self._rows = [placed(rows).double() for _, rows, _ in self._grids]
        self._steps: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    @property
    def device(self) -> torch.device:
        """Device of the anchors, on which boxes must be too."""
        return self._anchors.device

    def __len__(self) -> int:
        return len(self._anchors)

    def nearest(self, boxes: Tensor, count: int) -> Nearest:
        """Return the `count` anchors (or all, if fewer) of largest IoU with boxes (N, 4) xyxy."""
        if not self._grids:
            return compared_with_all(self._anchors, boxes, count)
        count = min(count, len(self))
        boxes = boxes.double()
        x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2).T.contiguous()
        columns = torch.stack([_ranked(places, x, count) for places in self._columns], dim=1)
        rows = torch.stack([_ranked(places, y, count) for places in self._rows], dim=1)

        centred = self._numbers[
            self._first + rows[:, self._grid, 0] * self._width + columns[:, self._grid, 0]]
        shapes = _best(boxes, self._anchors, centred, min(count, len(self._grid))).indices
        t, i, j = self._walk(count)
        shape, box = shapes[:, t], torch.arange(len(boxes), device=boxes.device)[:, None]
        grid, width = self._grid[shape], self._width[shape]
        number = self._numbers[
            self._first[shape] + rows[box, grid, j] * width + columns[box, grid, i]]
        there = (i < width) & (j < self._height[shape])
        best = _best(boxes, self._anchors, number, count, there)
        return Nearest(best.overlaps, number.gather(1, best.indices))

    def _walk(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return ranks of shape, column and row (P,) from 0, of candidates for the best."""
        if count not in self._steps:
            t, i, j = np.mgrid[:min(count, len(self._grid)), :count, :count]
            wanted = (i + 1) * (j + 1) + t <= count
            steps = [torch.from_numpy(r[wanted]).to(self._anchors.device) for r in (t, i, j)]
            self._steps[count] = steps[0], steps[1], steps[2]
        return self._steps[count]


def compared_with_all(anchors: Tensor, boxes: Tensor, count: int) -> Nearest:
    """Return the result of TrackingAnchors.nearest by comparing each box with each anchor."""
    numbers = torch.arange(len(anchors), device=anchors.device).expand(len(boxes), -1)
    best = _best(boxes.double(), anchors.double(), numbers, min(count, len(anchors)))
    return Nearest(best.overlaps, best.indices)


_Grid = tuple[NDArray[np.float64], NDArray[np.float64], Ints]
"""Centres of C columns and of R rows, and the numbers (S, R, C) of the anchors of S shapes."""


def grids_of(anchors: Tensor) -> list[_Grid]:
    """Return the grids that anchors (A, 4) xyxy form; none if an anchor is in no grid."""
    corners = anchors.cpu().numpy().astype(np.float64)
    low, high = corners[:, :2], corners[:, 2:]
    side, centre = high - low, (low + high) / 2
    if not len(anchors) or not np.isfinite(centre).all() or not (side > 0).all():
        return []
    tolerance = SAME * side.min()
    shape = _clusters(side[:, 0], tolerance) * len(anchors) + _clusters(side[:, 1], tolerance)
    found: dict[bytes, tuple[NDArray[np.float64], NDArray[np.float64], list[Ints]]] = {}
    for kind in np.unique(shape):
        members = np.flatnonzero(shape == kind)
        column = _clusters(centre[members, 0], tolerance)
        row = _clusters(centre[members, 1], tolerance)
        numbers = np.full((row.max() + 1, column.max() + 1), -1)
        numbers[row, column] = members
        if len(members) != numbers.size or (numbers < 0).any():
            return []
        columns, rows = centre[numbers[0], 0], centre[numbers[:, 0], 1]
        # shapes with equal centres share one search
        key = np.rint(np.concatenate([[len(columns)], columns, rows]) / tolerance).tobytes()
        found.setdefault(key, (columns, rows, []))[2].append(numbers)
    return [(columns, rows, np.stack(numbers)) for columns, rows, numbers in found.values()]


def _clusters(values: NDArray[np.float64], tolerance: float) -> Ints:
    """Return cluster numbers of values (N,) by size; values within `tolerance` share a cluster."""
    order = np.argsort(values, kind='stable')
    numbers = np.empty(len(values), np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > tolerance)])
    return numbers


def _ranked(places: Tensor, at: Tensor, count: int) -> Tensor:
    """
    Return the indices of the sorted `places` (P,) nearest to each of `at` (N,), nearest first.

    (N, count); if there are fewer places, the first one pads.
    """
    most = min(count, len(places))
    # nearest ones are consecutive; the run starts where its successor is farther away
    middles = (places[:-most] + places[most:]) / 2
    window = torch.searchsorted(middles, at)[:, None] + torch.arange(most, device=at.device)
    distances = (places[window] - at[:, None]).abs()
    ranked = window.gather(1, distances.argsort(dim=1, stable=True))
    return torch.nn.functional.pad(ranked, (0, count - most))


@dataclass(frozen=True)
class _Best:
    """The best anchors of N boxes: IoU (N, K) in float32, indices (N, K) of the candidates."""

    overlaps: Tensor
    indices: Tensor


def _best(
        boxes: Tensor, anchors: Tensor, numbers: Tensor, count: int,
        there: Tensor | None = None) -> _Best:
    """
    Return the `count` best of the candidates `numbers` (N, M) of boxes (N, 4), both in float64.

    Order: IoU, then distance of the centres, then number of the anchor. Candidates that are not
    `there` (N, M) come last, with IoU -1. In float64 equally large anchors inside a box have equal
    IoU, so ties do not depend on the processor.
    """
    candidates = anchors[numbers]
    overlaps = _iou(boxes[:, None], candidates)
    if there is not None:
        overlaps = overlaps.masked_fill(~there, -1)
    offsets = candidates[..., :2] + candidates[..., 2:] - boxes[:, None, :2] - boxes[:, None, 2:]
    order = numbers.argsort(dim=1, stable=True)
    for keys, descending in ((offsets.square().sum(dim=-1), False), (overlaps, True)):
        again = keys.gather(1, order).argsort(dim=1, descending=descending, stable=True)
        order = order.gather(1, again)
    order = order[:, :count]
    return _Best(overlaps.gather(1, order).float(), order)


def _iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the IoU (N, M) of boxes (N, M or 1, 4) and (N or 1, M, 4)."""
    ax1, ay1, ax2, ay2 = a.unbind(dim=-1)
    bx1, by1, bx2, by2 = b.unbind(dim=-1)
    width = (torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1)).clamp_(min=0)
    height = (torch.minimum(ay2, by2) - torch.maximum(ay1, by1)).clamp_(min=0)
    shared = width.mul_(height)
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared
    return shared / union
