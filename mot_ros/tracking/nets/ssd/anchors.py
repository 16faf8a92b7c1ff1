# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SSD anchors in pixels of the network's input, and decoding of deltas."""

from __future__ import annotations

from collections.abc import Sequence
import math

import torch
from torch import Tensor

CENTRE_VARIANCE = 0.1
SIZE_VARIANCE = 0.2


def anchor_shapes(
        base: int = 320, least: float = 0.2, largest: float = 0.95, levels: int = 6,
) -> list[list[tuple[float, float]]]:
    """
    Return the (width, height) in pixels of each level's anchors, in the network's order.

    As the TensorFlow detection zoo's multi-scale generator: evenly spaced scales, five aspect
    ratios and one square between two scales; the first level has only three anchors, with a square
    of scale 0.1. The third ratio's inverse is 0.3333 there, not 1/3.
    """
    step = (largest - least) / (levels - 1)
    scales = [least + step * level for level in range(levels)] + [1.0]
    shapes = []
    for level in range(levels):
        scale, following = scales[level], scales[level + 1]
        if level == 0:
            kinds = [(0.1, 1.0), (scale, 2.0), (scale, 0.5)]
        else:
            kinds = [(scale, ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 0.3333)]
            kinds.append((math.sqrt(scale * following), 1.0))
        shapes.append([
            (base * size * math.sqrt(ratio), base * size / math.sqrt(ratio))
            for size, ratio in kinds])
    return shapes


def make_anchors(
        shapes: Sequence[Sequence[tuple[float, float]]],
        cells: Sequence[tuple[int, int]], size: tuple[int, int]) -> Tensor:
    """
    Return the anchors of all levels as centre and size (A, 4), pixels of the network's input.

    `cells` is (rows, columns) of each level's feature map, `size` the (width, height) of the
    input. Row by row, cell by cell, the anchors of a cell together; not clipped. Sizes are
    absolute: a larger input has more anchors, not larger ones.
    """
    width, height = size
    levels = []
    for level_shapes, (rows, columns) in zip(shapes, cells, strict=True):
        grid = torch.empty(rows, columns, len(level_shapes), 4)
        grid[..., 0] = ((torch.arange(columns) + 0.5) * (width / columns))[None, :, None]
        grid[..., 1] = ((torch.arange(rows) + 0.5) * (height / rows))[:, None, None]
        grid[..., 2:] = torch.tensor(level_shapes)
        levels.append(grid.reshape(-1, 4))
    return torch.cat(levels)


def decode(deltas: Tensor, anchors: Tensor) -> Tensor:
    """
    Decode deltas (..., 4) on anchors (..., 4), centre and size, to boxes xyxy (..., 4).

    Centre shifts are in tenths of the anchor's size, sizes in fifths of a natural logarithm;
    nothing is clipped.
    """
    centre = anchors[..., :2] + deltas[..., :2] * CENTRE_VARIANCE * anchors[..., 2:]
    half = torch.exp(deltas[..., 2:] * SIZE_VARIANCE) * anchors[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Return the deltas (..., 4) that move anchors onto boxes xyxy: the inverse of decode."""
    corner, other = boxes[..., :2], boxes[..., 2:]
    shift = ((corner + other) / 2 - anchors[..., :2]) / anchors[..., 2:]
    growth = torch.log((other - corner) / anchors[..., 2:])
    return torch.cat([shift / CENTRE_VARIANCE, growth / SIZE_VARIANCE], dim=-1)
