# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""ROIAlign as maskrcnn-benchmark computes it: boxes of all levels of a pyramid at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.legacy_boxes import area

FIRST_STRIDE = 4
"""Pixels per cell of the finest level; each further level has twice as many."""

LEVELS = 4
"""P2 to P5 are pooled from; P6 is for proposals only."""


Outside = Literal['clamp', 'zeros']
"""What lies beyond a map: its border again, for one cell, or zeros."""


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
        maps: Sequence[Tensor], boxes: Tensor, batch: Tensor, levels: Tensor, size: int,
        sampling: int = 2, outside: Outside = 'clamp') -> Tensor:
    """
    Return the features (K, C, size, size) inside boxes (K, 4) xyxy, pixels of the input.

    `maps` are P2 to P5, each (B, C, H, W), and what follows them is not looked at; box k lies
    in image `batch[k]` and is pooled from `maps[levels[k]]`. A bin is the mean of `sampling` by
    `sampling` bilinear samples; there is no shift by half a cell, and a side is at least one
    cell long (arXiv 1703.06870 as first published, torchvision's aligned=False). Samples more
    than one cell outside are zero, nearer ones take the border's value ('clamp'); with `outside`
    'zeros' the map goes on with zeros instead, as if it were padded. Coordinates that are not
    finite give zeros. Maps with the channels last in memory, as the result has them, are not
    copied. On a GPU, without gradients, no shape hangs on more than K.
    """
    maps = maps[:LEVELS]
    # the sides in cells of the box's own level
    scaled = boxes.detach().float() / (FIRST_STRIDE * 2.0 ** levels)[:, None]
    start, side = scaled[:, :2], (scaled[:, 2:] - scaled[:, :2]).clamp(min=1)
    counts = torch.tensor([level.shape[-2:] for level in maps], device=boxes.device)[levels]
    rows, columns = counts.T
    ys, row_weights = _samples(start[:, 1], side[:, 1], rows, size, sampling, outside)
    xs, column_weights = _samples(start[:, 0], side[:, 0], columns, size, sampling, outside)
    first = batch * rows * columns
    cells = (
        first[:, None, None, None, None]
        + (ys * columns[:, None, None])[:, :, None, :, None] + xs[:, None, :, None, :])
    weights = row_weights[:, :, None, :, None] * column_weights[:, None, :, None, :]
    cells, weights = cells.flatten(3).flatten(0, 2), weights.flatten(3).flatten(0, 2)
    of_bin = levels.repeat_interleave(size * size)
    # waiting for a GPU to count costs more there than what is spared, gradients apart
    still = boxes.device.type == 'cuda' and not (torch.is_grad_enabled() and maps[0].requires_grad)
    pooled = (_at_once if still else _by_level)(maps, cells, weights, of_bin)
    return pooled.reshape(len(boxes), size, size, maps[0].shape[1]).permute(0, 3, 1, 2)


def _at_once(maps: Sequence[Tensor], cells: Tensor, weights: Tensor, levels: Tensor) -> Tensor:
    """
    Return the weighed sums (N, C) of cells (N, n) of the maps of levels (N,), in fixed shapes.

    Every level is read for all rows; those of other levels weigh nothing.
    """
    of_level = levels[:, None]
    pooled = _weighed_sums(maps[0], cells * (of_level == 0), weights * (of_level == 0))
    for level, features in enumerate(maps[1:], 1):
        own = of_level == level
        pooled += _weighed_sums(features, cells * own, weights * own)
    return pooled


def _by_level(maps: Sequence[Tensor], cells: Tensor, weights: Tensor, levels: Tensor) -> Tensor:
    """Do what _at_once does, reading each level for its own rows only."""
    pooled = maps[0].new_zeros(len(cells), maps[0].shape[1])
    for level, features in enumerate(maps):
        rows = torch.nonzero(levels == level)[:, 0]
        pooled.index_copy_(
            0, rows, _weighed_sums(features, cells[rows], weights[rows]))
    return pooled


def _weighed_sums(features: Tensor, cells: Tensor, weights: Tensor) -> Tensor:
    """
    Return weighed sums (N, C) of cells (N, n) of a map (B, C, H, W).

    Adding up rows of a table by their numbers is what embedding_bag is for: one pass, and
    nothing is kept of the rows.
    """
    table = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1]).contiguous()
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
    weights = torch.where(within, torch.stack([1 - share, share], dim=-1), 0.0) / sampling
    cells = torch.where(within, torch.stack([low, high], dim=-1), 0.0).long()
    shape = (len(start), size, 2 * sampling)
    return cells.reshape(shape), weights.reshape(shape)
