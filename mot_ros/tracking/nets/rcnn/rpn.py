# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The region proposal network of Faster R-CNN (arXiv 1506.01497) on a feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.rcnn.boxes_inclusive import clip, decode, nms, RPN_WEIGHTS

STRIDES = (4, 8, 16, 32, 64)
"""Pixels per cell of P2 to P6."""

ANCHOR_SIZES = (32, 64, 128, 256, 512)
"""Side in pixels of the square anchor of each level; other shapes have about its area."""

RATIOS = (0.5, 1.0, 2.0)
"""Height by width of the anchors of a cell, in their order."""

PREFIX = 4
"""Suppression first looks at so many of the best boxes per wanted one; they nearly always do."""


@dataclass(frozen=True)
class Selection:
    """How many proposals are chosen, and how."""

    per_level: int = 1000
    """Best anchors of each level that are decoded."""
    keep: int = 300
    """Proposals per image that are left."""
    overlap: float = 0.7
    """Of two of a level that overlap more than this the weaker goes."""
    amodal: bool = False
    """Whether proposals may reach over the border of the image."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """
    Where there may be objects in each of B images, always the same number of rows.

    `boxes` (B, K, 4) inclusive pixels of the input and `scores` (B, K) in [0, 1], best first;
    `mask` (B, K) says which rows mean something, the others are zero.
    """

    boxes: Tensor
    scores: Tensor
    mask: Tensor


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


def scatter(weight: Tensor, spread: float) -> None:
    """Fill a weight with normal random numbers of this standard deviation."""
    # on the 'meta' device, where networks are made for their shapes alone, this would do
    # nothing, but import a compiler for it, which takes seconds
    if not weight.is_meta:
        nn.init.normal_(weight, std=spread)


class RpnHead(nn.Module):
    """Objectness and deltas of every anchor, the same weights on every level."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.cls_logits = nn.Conv2d(width, len(RATIOS), 1)
        self.bbox_pred = nn.Conv2d(width, 4 * len(RATIOS), 1)
        for layer in (self.conv, self.cls_logits, self.bbox_pred):
            # as Faster R-CNN begins (arXiv 1506.01497 section 3.1.3)
            scatter(layer.weight, 0.01)
            nn.init.zeros_(layer.get_parameter('bias'))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, A) and deltas (B, A, 4) of one level (B, width, H, W)."""
        hidden = F.relu(self.conv(features))
        images = len(features)
        logits = self.cls_logits(hidden).permute(0, 2, 3, 1).reshape(images, -1)
        deltas = self.bbox_pred(hidden).permute(0, 2, 3, 1).reshape(images, -1, 4)
        return logits.float(), deltas.float()


class Rpn(nn.Module):
    """Features of P2 to P6 to proposals."""

    def __init__(self, width: int = 128, sizes: Sequence[float] = ANCHOR_SIZES) -> None:
        super().__init__()
        self.anchor_generator = AnchorGenerator(sizes)
        self.head = RpnHead(width)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return logits (B, A) and deltas (B, A, 4) per level, what a loss is made of."""
        levels = [self.head(level) for level in features]
        return [logits for logits, _ in levels], [deltas for _, deltas in levels]

    def propose(
            self, features: Sequence[Tensor], size: tuple[int, int],
            selection: Selection) -> Proposals:
        """
        Return the proposals for input images of (width, height).

        The best anchors of each level by objectness are decoded and cut to the image, unless
        amodal; after suppression within each level the best of all are left.
        """
        logits, deltas = self(features)
        return self.select(
            logits, deltas, [level.shape[-1] for level in features], size, selection)

    def select(
            self, logits: Sequence[Tensor], deltas: Sequence[Tensor], columns: Sequence[int],
            size: tuple[int, int], selection: Selection) -> Proposals:
        """Choose among what the head says of levels with so many columns, see propose."""
        boxes, scores, levels = self.candidates(logits, deltas, columns, size, selection)
        ranked, order = scores.sort(dim=1, descending=True, stable=True)
        found = boxes.gather(1, order[..., None].expand(-1, -1, 4))
        labels = levels[order]
        rows = [
            _survivors(*image, selection)
            for image in zip(found, ranked, labels, strict=True)]
        mask = torch.stack([
            torch.arange(selection.keep, device=found.device) < len(row) for row in rows])
        filled = torch.stack([F.pad(row, (0, selection.keep - len(row))) for row in rows])
        return Proposals(
            found.gather(1, filled[..., None].expand(-1, -1, 4)).masked_fill(~mask[..., None], 0),
            ranked.gather(1, filled).sigmoid().masked_fill(~mask, 0), mask)

    def candidates(
            self, logits: Sequence[Tensor], deltas: Sequence[Tensor], columns: Sequence[int],
            size: tuple[int, int], selection: Selection,
            every: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """
        Return what suppression has to choose from, the best of each level.

        That is boxes (B, N, 4), their logits (B, N) and levels (N,). The anchors of `every`
        level may be given, to be looked up rather than reckoned.
        """
        picked, moves, anchors, of_level = [], [], [], []
        for level, (scores, deltas_of) in enumerate(zip(logits, deltas, strict=True)):
            best, index = scores.topk(min(selection.per_level, scores.shape[1]), dim=1)
            anchors.append(
                self.anchor_generator.at(level, index, columns[level]) if every is None
                else every[level][index])
            moves.append(deltas_of.gather(1, index[..., None].expand(-1, -1, 4)))
            picked.append(best)
            of_level.append(torch.full_like(index[0], level))
        found = decode(torch.cat(moves, dim=1), torch.cat(anchors, dim=1), RPN_WEIGHTS)
        found = found if selection.amodal else clip(found, size)
        return found, torch.cat(picked, dim=1), torch.cat(of_level)


def _survivors(boxes: Tensor, scores: Tensor, levels: Tensor, selection: Selection) -> Tensor:
    """Return the indices of at most `keep` boxes that suppression leaves, of boxes best first."""
    # only better boxes suppress a box: the first survivors do not hang on what comes after
    some = PREFIX * selection.keep
    kept = nms(boxes[:some], scores[:some], levels[:some], selection.overlap)
    if len(kept) < selection.keep and some < len(boxes):
        kept = nms(boxes, scores, levels, selection.overlap)
    return kept[:selection.keep]
