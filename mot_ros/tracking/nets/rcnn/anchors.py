# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The anchors of a region proposal network on a feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn, Tensor

STRIDES = (4, 8, 16, 32, 64)
"""Pixels per cell of P2 to P6."""

ANCHOR_SIZES = (32, 64, 128, 256, 512)
"""Side in pixels of the square anchor of each level; other shapes have about its area."""

RATIOS = (0.5, 1.0, 2.0)
"""Height by width of the anchors of a cell, in their order."""


def cell_anchors(size: float, stride: int) -> Tensor:
    """
    Return the anchors (3, 4) of the cell whose first pixel is (0, 0), inclusive pixels.

    As the published networks were trained: the sides of a box of one cell's area are rounded
    to whole pixels for each ratio, and what comes out is scaled, so ratios are not exact.
    """
    middle = (stride - 1) / 2
    rows = []
    for ratio in RATIOS:
        width = round((stride * stride / ratio) ** 0.5)
        height = round(width * ratio)
        half = [(side * size / stride - 1) / 2 for side in (width, height)]
        rows.append(
            [middle - half[0], middle - half[1], middle + half[0], middle + half[1]])
    return torch.tensor(rows)


class AnchorGenerator(nn.Module):
    """The anchors of every cell; those of one cell are stored with the weights, per level."""

    def __init__(self, sizes: Sequence[float] = ANCHOR_SIZES) -> None:
        super().__init__()
        self.cell_anchors = nn.Module()
        for level, (size, stride) in enumerate(zip(sizes, STRIDES, strict=True)):
            self.cell_anchors.register_buffer(str(level), cell_anchors(size, stride))

    def at(self, level: int, index: Tensor, columns: int) -> Tensor:
        """
        Return the anchors (..., 4) of numbers (...) of a level with so many columns of cells.

        Anchors are numbered row by row, cell by cell, those of a cell together. A picked anchor
        follows from its number, so no table of all of them is kept.
        """
        of_cell = self.cell_anchors.get_buffer(str(level))
        cell = index.div(len(RATIOS), rounding_mode='floor')
        x, y = cell % columns, cell.div(columns, rounding_mode='floor')
        return of_cell[index % len(RATIOS)] + STRIDES[level] * torch.stack([x, y, x, y], dim=-1)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return all anchors (A, 4) of every level of features (B, C, rows, columns)."""
        return [
            self.at(
                level, torch.arange(
                    len(RATIOS) * cells.shape[-2] * cells.shape[-1], device=cells.device),
                cells.shape[-1])
            for level, cells in enumerate(features)]
