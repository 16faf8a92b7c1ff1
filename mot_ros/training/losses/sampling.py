# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Drawing training samples by chance: which rows of many a loss is made of."""

from __future__ import annotations

import torch
from torch import Tensor

BACKGROUND = -1
IGNORED = -2


def match(
        overlaps: Tensor, high: float, low: float, *, force_best: bool = False) -> Tensor:
    """
    Return for each of N boxes the object (N,) it stands for, by overlaps (N, G) with all.

    That is the one it overlaps most, if by `high` or more; below `low` it is BACKGROUND and
    in between IGNORED. With `force_best` a box that no other surpasses in overlap with some
    object stands for the one it overlaps most, however little that is, unless it is nothing.
    """
    if overlaps.shape[1] == 0:
        return overlaps.new_full((len(overlaps),), BACKGROUND, dtype=torch.long)
    best, which = overlaps.max(dim=1)
    matched = torch.where(best < low, BACKGROUND, IGNORED)
    positive = best >= high
    if force_best:
        most = overlaps.amax(dim=0)
        positive |= ((overlaps == most) & (most > 0)).any(dim=1)
    return torch.where(positive, which, matched)


def draw(rows: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Return at most `count` of rows (N,), every choice being as likely."""
    # drawn on the CPU, so that a training does not hang on the device
    order = torch.randperm(len(rows), generator=generator)[:max(count, 0)]
    return rows[order.to(rows.device)]


def balanced(
        matched: Tensor, count: int, share: float, generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """
    Draw `count` rows of `matched` (N,), see match, at most a share of them objects.

    Returns the rows of objects and of background. Where there is too little background it
    is fewer rows in all.
    """
    objects = draw((matched >= 0).nonzero()[:, 0], int(count * share), generator)
    background = (matched == BACKGROUND).nonzero()[:, 0]
    return objects, draw(background, count - len(objects), generator)
