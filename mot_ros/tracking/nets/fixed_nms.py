# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Non-maximum suppression in fixed shapes: as nms.nms, but no one waits for the result.

How many boxes are left is not known before they are counted, and a GPU that counts is waited
for. Here every row stays in its place, and a mask says which ones are kept.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mot_ros.tracking.nets.ops.nms import areas

ROUNDS = 32
"""
Passes of the rule of greedy suppression.

Each settles what hangs on a chain one box longer, of which each suppresses the next. The
thousand proposals of a level needed 15 of them in street scenes; this is twice as many.
"""


def fixed_nms(
        boxes: Tensor, valid: Tensor, threshold: float, labels: Tensor | None = None,
        rounds: int | None = None) -> tuple[Tensor, Tensor]:
    """
    Return which boxes greedy suppression keeps (B, K), and whether that is the final answer ().

    `boxes` (B, K, 4) xyxy are the best first of each of B groups that leave each other alone,
    `valid` (B, K) says which there are, `labels` (B, K) parts a group further. A box goes if a
    better kept one of its group and label overlaps it by an IoU above `threshold`. In rare
    heaps of boxes `rounds`, ROUNDS if not given, are too few; then the second result is false
    and the first means nothing: whoever downloads it asks nms.nms instead.
    """
    over = _overlapping(boxes, threshold)
    if labels is not None:
        over &= labels[:, :, None] == labels[:, None, :]
    over &= valid[:, :, None]
    # whole numbers, of which a half is read in half the time
    number = torch.float16 if boxes.is_cuda else torch.float32
    weights = -over.triu(1).to(number)
    stays = before = one = torch.ones_like(valid[:, None], dtype=number)
    for _ in range(rounds or ROUNDS):
        before = stays
        # the rule of nms: stays what no staying better box overlaps. In two steps, since so
        # short ones are as many as there is time for
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


def picked(values: Tensor, rows: Tensor, there: Tensor) -> Tensor:
    """Return rows (B, N) of values (B, K, ...), zeros where there are none (B, N)."""
    index = rows.reshape(*rows.shape, *[1] * (values.dim() - 2))
    taken = values.gather(1, index.expand(*rows.shape, *values.shape[2:]))
    return taken.masked_fill(~there.reshape(index.shape), 0)


def _overlapping(boxes: Tensor, threshold: float) -> Tensor:
    """Return (B, K, K): two boxes of a group overlap enough."""
    x1, y1, x2, y2 = boxes.unbind(-1)
    width, height = (
        (torch.minimum(end[:, :, None], end[:, None])
         - torch.maximum(start[:, :, None], start[:, None])).clamp_(min=0)
        for start, end in ((x1, x2), (y1, y2)))
    shared, area = width.mul_(height), areas(boxes)
    return shared > threshold * (area[:, :, None] + area[:, None] - shared)
