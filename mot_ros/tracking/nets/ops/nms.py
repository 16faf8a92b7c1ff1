# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Non-maximum suppression in plain torch: the greedy result, found without a loop over boxes."""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 512
"""Boxes compared at a time; bounds the memory and skips what earlier blocks have dropped."""

VOTER_FLOOR = 0.1
"""Boxes with a lower score have no vote, so that no box depends on how many of them are kept."""


def nms(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """
    Return the indices (K,) of the boxes that greedy suppression keeps, best score first.

    `boxes` (N, 4) xyxy, `scores` (N,), `labels` (N,). A box goes if a better kept one with its
    label overlaps it by an IoU above `threshold`. Of equal scores the first is the better one.
    """
    order = torch.sort(scores, descending=True, stable=True).indices
    boxes, labels = boxes[order], labels[order]
    kept = order[:0]
    for start in range(0, len(order), BLOCK):
        block = torch.arange(start, min(start + BLOCK, len(order)), device=order.device)
        if start:
            block = block[~_overlapping(boxes, labels, kept, block, threshold).any(dim=0)]
        over = _overlapping(boxes, labels, block, block, threshold)
        kept = torch.cat([kept, block[_greedy(over.triu(1))]])
    return order[kept]


def vote(
        boxes: Tensor, scores: Tensor, labels: Tensor, kept: Tensor, threshold: float) -> Tensor:
    """
    Return for each kept box the mean of the boxes that it stands for, (K, 4).

    These are the boxes (N, 4) with its label that overlap it by an IoU above `threshold` and
    reach VOTER_FLOOR, itself among them, weighed by score and overlap: the best of the many
    anchors that see an object is at times badly placed, their mean seldom (box voting, arXiv
    1505.01749 section 5).
    """
    shared, union = shared_and_union(boxes[kept], boxes)
    together = (shared > threshold * union) & (labels[kept][:, None] == labels)
    together &= scores >= VOTER_FLOOR
    # a weak box, or one of no area, still stands for itself
    together |= kept[:, None] == torch.arange(len(boxes), device=kept.device)
    weights = (shared / union).masked_fill(~(union > 0), 1.0) * scores * together
    return weights @ boxes / weights.sum(dim=1, keepdim=True).clamp(min=1e-12)


def _greedy(over: Tensor) -> Tensor:
    """
    Return which of n boxes stay (n,); `over` (n, n) says that row overlaps a worse column.

    Greedy suppression is the one mask with `stays = no box above stays and overlaps`. Applying
    that rule to all boxes at once settles after each pass every box whose fate hangs on fewer
    others than passes were made, so it ends, with the same answer. A few passes are made
    between two looks at the result, since on a GPU each look waits for it.
    """
    weights = over.float()
    stays = torch.ones(len(over), dtype=torch.bool, device=over.device)
    while True:
        before = stays
        for _ in range(3):
            before = stays
            stays = stays.to(weights.dtype) @ weights == 0
        if torch.equal(stays, before):
            return stays


def _overlapping(
        boxes: Tensor, labels: Tensor, rows: Tensor, columns: Tensor, threshold: float) -> Tensor:
    """Return (R, C): box `rows[i]` and box `columns[j]` have one label and overlap enough."""
    shared, union = shared_and_union(boxes[rows], boxes[columns])
    return (shared > threshold * union) & (labels[rows][:, None] == labels[columns])


def shared_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return the areas (R, C) that boxes (R, 4) and (C, 4) share, and cover together."""
    ax1, ay1, ax2, ay2 = a.T.unsqueeze(2)
    bx1, by1, bx2, by2 = b.T
    width = (torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1)).clamp_(min=0)
    height = (torch.minimum(ay2, by2) - torch.maximum(ay1, by1)).clamp_(min=0)
    shared = width.mul_(height)
    return shared, areas(a)[:, None] + areas(b) - shared


def areas(boxes: Tensor) -> Tensor:
    """Return the areas (...,) of boxes (..., 4), nothing of those turned inside out."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)
