# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The region proposal network of Faster R-CNN (arXiv 1506.01497) on a feature pyramid.

`Rpn.propose` is the reference. `Rpn.propose_fixed` gives the same in fixed shapes, without
synchronising with a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.ops.nms import first_rows, fixed_nms, gather_rows
from mot_ros.tracking.nets.rcnn.anchors import ANCHOR_SIZES, AnchorGenerator, RATIOS
from mot_ros.tracking.nets.rcnn.boxes_inclusive import (
    clip,
    decode,
    nms,
    RPN_WEIGHTS,
    to_exclusive,
)

PREFIX = 4
"""Best boxes per wanted one that enter suppression first; they nearly always suffice."""


@dataclass(frozen=True)
class Selection:
    """How many proposals are chosen, and how."""

    per_level: int = 1000
    """Best anchors of each level that are decoded."""
    keep: int = 300
    """Proposals per image that are left."""
    overlap: float = 0.7
    """Largest IoU of two proposals of a level; above it the weaker is suppressed."""
    amodal: bool = False
    """Whether proposals may reach over the border of the image."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """
    Proposals of each of B images, always the same number of rows.

    `boxes` (B, K, 4) inclusive pixels of the input and `scores` (B, K) in [0, 1], best first;
    `mask` (B, K) are the valid rows, the others are zero.
    """

    boxes: Tensor
    scores: Tensor
    mask: Tensor


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
        """Return logits (B, A) and deltas (B, A, 4) per level, the inputs of the losses."""
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
        """Choose among logits and deltas of levels with so many columns, see propose."""
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

    def propose_fixed(
            self, features: Sequence[Tensor], size: tuple[int, int], selection: Selection,
            anchors: Sequence[Tensor] | None = None) -> tuple[Proposals, Tensor]:
        """
        Return what `propose` does in fixed shapes, and whether suppression converged, ().

        All `anchors` of each level may be given, see AnchorGenerator.
        """
        logits, deltas = self(features)
        return self.select_fixed(
            logits, deltas, [level.shape[-1] for level in features], size, selection, anchors)

    def select_fixed(
            self, logits: Sequence[Tensor], deltas: Sequence[Tensor], columns: Sequence[int],
            size: tuple[int, int], selection: Selection,
            anchors: Sequence[Tensor] | None = None) -> tuple[Proposals, Tensor]:
        """Return what `select` does in fixed shapes, and whether suppression converged, ()."""
        boxes, scores, _ = self.candidates(logits, deltas, columns, size, selection, anchors)
        counts = [min(selection.per_level, level.shape[1]) for level in logits]
        kept, converged = _kept_of_levels(boxes, counts, selection.overlap)
        ranked, order = scores.sort(dim=1, descending=True, stable=True)
        rows, mask = first_rows(kept.gather(1, order), selection.keep)
        found = gather_rows(boxes, order.gather(1, rows), mask)
        return Proposals(
            found, gather_rows(ranked, rows, mask).sigmoid() * mask, mask), converged

    def candidates(
            self, logits: Sequence[Tensor], deltas: Sequence[Tensor], columns: Sequence[int],
            size: tuple[int, int], selection: Selection,
            every: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """
        Return the candidates of suppression, the best of each level.

        They are boxes (B, N, 4), their logits (B, N) and levels (N,). The anchors of `every`
        level may be given, to be indexed rather than computed.
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
    # only better boxes suppress a box, so the first survivors do not depend on later boxes
    some = PREFIX * selection.keep
    kept = nms(boxes[:some], scores[:some], levels[:some], selection.overlap)
    if len(kept) < selection.keep and some < len(boxes):
        kept = nms(boxes, scores, levels, selection.overlap)
    return kept[:selection.keep]


def _kept_of_levels(
        boxes: Tensor, counts: Sequence[int], overlap: float) -> tuple[Tensor, Tensor]:
    """
    Suppress boxes (B, N) of levels of so many, one after the other, within each level.

    Return which are kept (B, N), and whether that converged, (). Each level is a group of its
    own: five times a thousand boxes are compared among each other, not five thousand.
    """
    most = max(counts)
    levels = [
        F.pad(level, (0, 0, 0, most - level.shape[1]))
        for level in torch.split(to_exclusive(boxes), list(counts), dim=1)]
    row = torch.arange(most, device=boxes.device)
    valid = torch.stack([row < count for count in counts]).expand(len(boxes), -1, -1)
    kept, converged = fixed_nms(
        torch.stack(levels, dim=1).flatten(0, 1), valid.flatten(0, 1), overlap)
    of_level = kept.reshape(valid.shape).unbind(1)
    return torch.cat([
        kept[:, :count] for kept, count in zip(of_level, counts, strict=True)], dim=1), converged
