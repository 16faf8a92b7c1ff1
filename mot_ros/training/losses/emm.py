# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What EMM learns from: whether, where and how well each position sees the target."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.siammot.emm_decode import EmmOptions, position, Response
from mot_ros.training.losses.focal import focal_loss

CENTRE = 0.8
"""Share of a half side, from the border inwards, that the published code counts as negative."""


def emm_losses(
        response: Response, search: Tensor, targets: Tensor, options: EmmOptions,
        margin: float = CENTRE, *, focal: bool = False) -> dict[str, Tensor]:
    """
    Return the losses `classes`, `sides` and `centerness` of responses to regions (K, 4).

    `targets` (K, 4) are the true boxes in network pixels; one without an inside is absent, and
    every cell of its response negative. A cell is positive if it is further inside the target
    than `margin` of its half sides: 0.8 as published, 0 for the whole box as in the paper.
    Classes are a cross-entropy, half for the mean of positive and half for that of negative
    cells, or with `focal` the paper's focal loss per positive cell. Sides are judged by IoU, a
    cell's weight being its true centerness, and centerness by cross-entropy, both on positive
    cells only: without any they are zero, but still part of the graph.
    """
    inside = sides_at_cells(search, targets, options)
    positive = positives(inside, targets, margin)
    logits = response.classes.float()
    if focal:
        classes = focal_loss(logits[:, 1] - logits[:, 0], positive)
    else:
        chosen = F.log_softmax(logits, dim=1)
        classes = -(_mean(chosen[:, 1], positive) + _mean(chosen[:, 0], ~positive)) / 2
    # cells outside have no say, but what is computed of them must be finite
    inside = inside.clamp(min=0)
    centred = torch.where(positive, centerness(inside), 0.0)
    off = iou_loss(response.sides.float().movedim(1, -1), inside)
    sides = (off * centred).sum() / centred.sum().clamp(min=torch.finfo(centred.dtype).tiny)
    central = F.binary_cross_entropy_with_logits(
        response.centerness[:, 0].float(), centred, reduction='none')
    return {'classes': classes, 'sides': sides, 'centerness': _mean(central, positive)}


def sides_at_cells(search: Tensor, targets: Tensor, options: EmmOptions) -> Tensor:
    """Return how far each cell is inside each side of its target, (K, n, n, 4): l, t, r, b."""
    cells = torch.arange(options.response_cells, device=search.device)
    x, y = position(search[:, :, None], cells, cells, options)
    left, top, right, bottom = targets[:, :, None].unbind(1)
    shape = (len(search), len(cells), len(cells))
    return torch.stack([
        (x - left)[:, None].expand(shape), (y - top)[:, :, None].expand(shape),
        (right - x)[:, None].expand(shape), (bottom - y)[:, :, None].expand(shape)], dim=-1)


def positives(inside: Tensor, targets: Tensor, margin: float = CENTRE) -> Tensor:
    """Say which cells (K, n, n) of sides_at_cells see their target at its centre."""
    half = (targets[:, 2:] - targets[:, :2]) / 2
    return (inside > margin * half.repeat(1, 2)[:, None, None]).all(dim=-1)


def iou_loss(sides: Tensor, targets: Tensor) -> Tensor:
    """Return -ln((I + 1) / (U + 1)) of boxes about the same point, (..., 4) sides in pixels."""
    least = torch.minimum(sides, targets)
    shared = _area(least)
    union = _area(sides) + _area(targets) - shared
    return torch.log((union + 1) / (shared + 1))


def centerness(sides: Tensor) -> Tensor:
    """Return 1 in the middle of a box and 0 at its border, of sides (..., 4), none negative."""
    shorter = torch.minimum(sides[..., :2], sides[..., 2:])
    longer = torch.maximum(sides[..., :2], sides[..., 2:]).clamp(min=1e-6)
    return (shorter / longer).prod(dim=-1).sqrt()


def _area(sides: Tensor) -> Tensor:
    return (sides[..., 0] + sides[..., 2]) * (sides[..., 1] + sides[..., 3])


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean of some values, zero without any."""
    return (values * chosen).sum() / chosen.sum().clamp(min=1)
