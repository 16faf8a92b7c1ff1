# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Non-maximum suppression in plain torch: the greedy result, found without a loop over boxes.

`nms` is the reference. `fixed_nms` gives the same in fixed shapes: every row stays in its place
and a mask says which ones are kept, so that nothing synchronises with a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 512
"""Boxes compared at a time; bounds the memory and skips what earlier blocks have dropped."""

VOTER_FLOOR = 0.1
"""Boxes with a lower score have no vote, so that no result depends on how many are kept."""

ROUNDS = 32
"""
Passes of the rule of greedy suppression in `fixed_nms`.

Each pass decides the boxes at the end of a chain one box longer, in which each box suppresses
the next. The thousand proposals of a level needed 15 passes in street scenes; this is twice as
many.
"""


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


def fixed_nms(
        boxes: Tensor, valid: Tensor, threshold: float, labels: Tensor | None = None,
        rounds: int | None = None) -> tuple[Tensor, Tensor]:
    """
    Return which boxes greedy suppression keeps (B, K), and whether that is the final answer ().

    `boxes` (B, K, 4) xyxy are the best first of each of B groups that leave each other alone,
    `valid` (B, K) says which there are, `labels` (B, K) parts a group further. A box goes if a
    better kept one of its group and label overlaps it by an IoU above `threshold`. For
    rare heaps of boxes `rounds`, ROUNDS if not given, are too few; then the second result is
    false, the first means nothing, and the caller runs `nms` instead.
    """
    over = _overlapping_in_groups(boxes, threshold)
    if labels is not None:
        over &= labels[:, :, None] == labels[:, None, :]
    over &= valid[:, :, None]
    # whole numbers, of which a half is read in half the time
    number = torch.float16 if boxes.device.type != 'cpu' else torch.float32
    weights = -over.triu(1).to(number)
    stays = before = one = torch.ones_like(valid[:, None], dtype=number)
    for _ in range(rounds or ROUNDS):
        before = stays
        # the rule of nms: a box stays that no staying better box overlaps
        stays = torch.baddbmm(one, stays, weights).clamp_(min=0)
    return valid & (stays[:, 0] > 0), (stays == before).all()


def first_rows(kept: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """
    Return the numbers of the first `count` kept rows (B, count), and which there are (B, count).

    `kept` is (B, K). Where a group has fewer, the numbers of the others are 0.
    """
    place = kept.cumsum(dim=1)
    taken = kept & (place <= count)
    rows = torch.arange(kept.shape[1], device=kept.device).expand_as(place)
    # what is not taken ends in a column of its own, which is cut off
    table = place.new_zeros(len(kept), count + 1).scatter_(
        1, (place - 1).masked_fill(~taken, count), rows)
    there = torch.arange(count, device=kept.device) < taken.sum(dim=1, keepdim=True)
    return table[:, :count], there


def gather_rows(values: Tensor, rows: Tensor, there: Tensor) -> Tensor:
    """Return rows (B, N) of values (B, K, ...), zeros where there are none (B, N)."""
    index = rows.reshape(*rows.shape, *[1] * (values.dim() - 2))
    taken = values.gather(1, index.expand(*rows.shape, *values.shape[2:]))
    return taken.masked_fill(~there.reshape(index.shape), 0)


def vote(
        boxes: Tensor, scores: Tensor, labels: Tensor, kept: Tensor, threshold: float) -> Tensor:
    """
    Return for each kept box the mean of the boxes that it suppressed and itself, (K, 4).

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
    that rule to all boxes at once decides with each pass every box that depends on a chain of
    fewer others than passes were made, so it converges, to the same result. A few passes are
    made between two comparisons, since each comparison synchronises with a GPU.
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


def _overlapping_in_groups(boxes: Tensor, threshold: float) -> Tensor:
    """Return (B, K, K): two boxes of a group overlap enough."""
    x1, y1, x2, y2 = boxes.unbind(-1)
    width, height = (
        (torch.minimum(end[:, :, None], end[:, None])
         - torch.maximum(start[:, :, None], start[:, None])).clamp_(min=0)
        for start, end in ((x1, x2), (y1, y2)))
    shared, area = width.mul_(height), areas(boxes)
    return shared > threshold * (area[:, :, None] + area[:, None] - shared)


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
