# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""ROIAlign as maskrcnn-benchmark computes it: boxes of all levels of a pyramid at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.rcnn.boxes_inclusive import area

FIRST_STRIDE = 4
"""Pixels per cell of the finest level; each further level has twice as many."""

LEVELS = 4
"""P2 to P5 are pooled from; P6 is for proposals only."""


Outside = Literal['clamp', 'zeros']
"""What lies beyond a map: its border again, for one cell, or zeros."""


class CellTable(NamedTuple):
    """
    P2 to P5 one below the other in one table: what is pooled from in fixed shapes.

    `cells` (N, C) are those of all levels, row by row, `places` (4, 3) for each level the number
    of its first cell and how many rows and columns it has, of which `sizes` is a copy on the host.
    """

    cells: Tensor
    places: Tensor
    sizes: tuple[tuple[int, int, int], ...]

    @staticmethod
    def empty(sizes: Sequence[tuple[int, int, int]], like: Tensor) -> CellTable:
        """Return room for levels of (images, rows, columns), in numbers like those of a map."""
        counts = [images * rows * columns for images, rows, columns in sizes]
        places = torch.tensor([
            [sum(counts[:level]), rows, columns]
            for level, (_, rows, columns) in enumerate(sizes)])
        cells = like.new_empty(sum(counts), like.shape[1])
        return CellTable(cells, places.to(like.device), tuple(sizes))

    @staticmethod
    def of(maps: Sequence[Tensor]) -> CellTable:
        """Return a copy of P2 to P5, each (B, C, H, W); what follows them is left out."""
        maps = maps[:LEVELS]
        table = CellTable.empty(
            [(len(level), *level.shape[-2:]) for level in maps], maps[0])
        table.fill(maps)
        return table

    def fill(self, maps: Sequence[Tensor]) -> None:
        """Take P2 to P5 of the sizes that there is room for."""
        rows = [level.permute(0, 2, 3, 1).flatten(0, 2) for level in maps[:LEVELS]]
        torch.cat(rows, out=self.cells)

    def maps(self) -> list[Tensor]:
        """Return P2 to P5 (B, C, H, W), which are parts of the table."""
        counts = [images * rows * columns for images, rows, columns in self.sizes]
        return [
            part.reshape(*size, -1).permute(0, 3, 1, 2)
            for part, size in zip(torch.split(self.cells, counts), self.sizes, strict=True)]


def levels_of(boxes: Tensor) -> Tensor:
    """
    Return the level (K,) that each box (K, 4) is pooled from, 0 for P2 up to 3 for P5.

    The larger the box the coarser: a square of 224 pixels belongs to P4 (arXiv 1612.03144
    equation 1).
    """
    size = area(boxes).clamp(min=0).sqrt()
    level = torch.floor(4 + torch.log2(size / 224 + 1e-6)).clamp(2, LEVELS + 1)
    # NaN, out of a damaged image, has no level of its own
    return level.nan_to_num(2).long() - 2


def roi_align(
        maps: Sequence[Tensor] | CellTable, boxes: Tensor, batch: Tensor, levels: Tensor,
        size: int, sampling: int = 2, outside: Outside = 'clamp') -> Tensor:
    """
    Return the features (K, C, size, size) inside boxes (K, 4) xyxy, pixels of the input.

    `maps` are P2 to P5, each (B, C, H, W), and what follows them is not looked at; box k lies
    in image `batch[k]` and is pooled from `maps[levels[k]]`. A bin is the mean of `sampling` by
    `sampling` bilinear samples; there is no shift by half a cell, and a side is at least one
    cell long (arXiv 1703.06870 as first published, torchvision's aligned=False). Samples more
    than one cell outside are zero, nearer ones take the border's value ('clamp'); with `outside`
    'zeros' the map goes on with zeros instead, as if it were padded. Coordinates that are not
    finite give zeros. Maps with the channels last in memory, as the result has them, are not
    copied. From a table of them no shape hangs on more than K, and a GPU is not waited for.
    """
    # to wait for a GPU that counts takes longer than what is spared, gradients apart
    if not isinstance(maps, CellTable) and boxes.device.type != 'cpu' and not (
            torch.is_grad_enabled() and maps[0].requires_grad):
        maps = CellTable.of(maps)
    # the sides in cells of the box's own level
    scaled = boxes.detach().float() / (FIRST_STRIDE * 2.0 ** levels)[:, None]
    start, side = scaled[:, :2], (scaled[:, 2:] - scaled[:, :2]).clamp(min=1)
    if isinstance(maps, CellTable):
        first, rows, columns = maps.places[levels].unbind(1)
    else:
        maps = maps[:LEVELS]
        counts = torch.tensor([level.shape[-2:] for level in maps], device=boxes.device)
        rows, columns = counts[levels].unbind(1)
        # each level is a table for itself
        first = torch.zeros_like(rows)
    # both axes in one go, x before y
    cells, weights = _samples(
        start.T.flatten(), side.T.flatten(), torch.cat([columns, rows]), size, sampling, outside)
    (xs, ys), (column_weights, row_weights) = cells.chunk(2), weights.chunk(2)
    if not isinstance(maps, CellTable):
        ys, row_weights = _merged(ys, row_weights, side[:, 1], rows)
        xs, column_weights = _merged(xs, column_weights, side[:, 0], columns)
    # a level has the cells of all images one after the other
    taken = _Taken(
        (first + batch * rows * columns)[:, None, None] + ys * columns[:, None, None],
        row_weights, xs, column_weights)
    if isinstance(maps, CellTable):
        pooled = _weighed_sums(maps.cells, *taken.bins()).reshape(
            len(boxes), size, size, maps.cells.shape[1])
    else:
        pooled = _by_level(maps, taken, levels).reshape(
            len(boxes), size, size, maps[0].shape[1])
    return pooled.permute(0, 3, 1, 2)


class _Taken(NamedTuple):
    """
    Of which cells each bin of K boxes is made, along each axis, and what they weigh.

    `rows` are numbers of the first cells of rows, to which those in `columns` are added; all are
    (K, size, cells of a bin along this axis).
    """

    rows: Tensor
    row_weights: Tensor
    columns: Tensor
    column_weights: Tensor

    def of(self, own: Tensor) -> _Taken:
        """Return this of some of the boxes."""
        return _Taken(*(part.index_select(0, own) for part in self))

    def bins(self) -> tuple[Tensor, Tensor]:
        """Return cells and weights of all bins (K * size * size, n)."""
        cells = self.rows[:, :, None, :, None] + self.columns[:, None, :, None, :]
        weights = self.row_weights[:, :, None, :, None] * self.column_weights[:, None, :, None, :]
        return cells.flatten(3).flatten(0, 2), weights.flatten(3).flatten(0, 2)


def _by_level(maps: Sequence[Tensor], taken: _Taken, levels: Tensor) -> Tensor:
    """Return the weighed sums of the cells of all bins, each level for its own boxes (K,)."""
    length = taken.rows.shape[1] ** 2 * maps[0].shape[1]
    if len(levels) and not maps[0].requires_grad and bool((levels == levels[0]).all()):
        return _weighed_sums(_table(maps[int(levels[0])]), *taken.bins())
    pooled = maps[0].new_zeros(len(levels), length)
    for level, features in enumerate(maps):
        own = torch.nonzero(levels == level)[:, 0]
        of_level = _weighed_sums(_table(features), *taken.of(own).bins()).reshape(
            len(own), length)
        pooled.index_copy_(0, own, of_level)
    return pooled


def _table(features: Tensor) -> Tensor:
    """Return the cells (B * H * W, C) of a map (B, C, H, W)."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1]).contiguous()


def _weighed_sums(table: Tensor, cells: Tensor, weights: Tensor) -> Tensor:
    """
    Return weighed sums (N, C) of cells (N, n) of a table of them.

    Adding up rows of a table by their numbers is what embedding_bag is for: one pass, and
    nothing is kept of the rows.
    """
    return F.embedding_bag(
        cells, table, mode='sum', per_sample_weights=weights.to(table.dtype))


def _samples(
        start: Tensor, side: Tensor, count: Tensor, size: int, sampling: int,
        outside: Outside) -> tuple[Tensor, Tensor]:
    """
    Return which cells (K, size, 2 * sampling) each bin is made of along one axis, and weights.

    A bilinear sample is the product of one along each axis, and so is a mean of them.
    """
    steps = torch.arange(size * sampling, device=start.device) + 0.5
    at = start[:, None] + steps * (side / (size * sampling))[:, None]
    last = (count - 1)[:, None]
    if outside == 'clamp':
        near = (at >= -1) & (at <= count[:, None])
        at = torch.minimum(at.clamp(min=0), last)
        low = at.floor()
        high = torch.minimum(low + 1, last)
        within = torch.stack([near, near], dim=-1)
    else:
        low = at.floor()
        high = low + 1
        within = torch.stack([(low >= 0) & (low <= last), (high >= 0) & (high <= last)], dim=-1)
    share = at - low
    weights = torch.stack([1 - share, share], dim=-1).masked_fill(~within, 0) / sampling
    cells = torch.stack([low, high], dim=-1).masked_fill(~within, 0).long()
    shape = (len(start), size, 2 * sampling)
    return cells.reshape(shape), weights.reshape(shape)


def _merged(
        cells: Tensor, weights: Tensor, side: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """
    Return the same of bins (K, size, n) with fewer cells, where their samples share some.

    That is so if no sample is more than a cell from the next: then all of a bin's n / 2 samples
    lie within n / 2 + 1 cells one after the other. A cell without weight may be any.
    """
    size, several = cells.shape[1:]
    if several < 4 or not bool((side * 2 <= size * several).all()):
        return cells, weights
    # what weighs nothing must not say where the bin begins
    beyond = count[:, None, None].expand_as(cells)
    first = torch.where(weights != 0, cells, beyond).amin(dim=-1, keepdim=True)
    fewer = first + torch.arange(several // 2 + 1, device=cells.device)
    together = (weights[..., None] * (cells[..., None] == fewer[..., None, :])).sum(dim=-2)
    return torch.minimum(fewer, (count - 1)[:, None, None]), together
