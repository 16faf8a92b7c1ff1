# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What Faster R-CNN learns from: samples and losses of its RPN and its box head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.rcnn.boxes_inclusive import encode, HEAD_WEIGHTS, iou, RPN_WEIGHTS
from mot_ros.training.losses.sampling import balanced, IGNORED, match

RPN_BETA = 1 / 9
"""Deviation at which the smooth L1 loss of proposals turns from square to linear."""


@dataclass(frozen=True)
class RcnnSampling:
    """How many samples an image gives, and of what (arXiv 1506.01497 section 3.1.3)."""

    anchors: int = 256
    anchor_share: float = 0.5
    """At most so many of the anchors are objects."""
    anchor_high: float = 0.7
    anchor_low: float = 0.3
    rois: int = 256
    roi_share: float = 0.25
    roi_overlap: float = 0.5


@dataclass(frozen=True, eq=False)
class Rois:
    """Boxes (R, 4) for the box head, their labels (R,), 0 background, and true deltas (R, 4)."""

    boxes: Tensor
    labels: Tensor
    deltas: Tensor


def rpn_losses(
        logits: Sequence[Tensor], deltas: Sequence[Tensor], anchors: Sequence[Tensor],
        truth: Sequence[Tensor], size: tuple[int, int], sampling: RcnnSampling,
        generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """
    Return the losses of objectness and of deltas, both per sampled anchor.

    Per level `logits` (B, A), `deltas` (B, A, 4) and `anchors` (A, 4); `truth` are the boxes
    (G, 4) of each image, all images being of (width, height) `size`. Anchors that cross the
    border are not sampled, and the best anchor of each box always stands for it.
    """
    all_anchors = torch.cat(list(anchors))
    all_logits, all_deltas = torch.cat(list(logits), dim=1), torch.cat(list(deltas), dim=1)
    crossing = ~_inside(all_anchors, size)
    objectness, moves, count = [], [], 0
    for image, boxes in enumerate(truth):
        matched = match(
            iou(all_anchors, boxes), sampling.anchor_high, sampling.anchor_low, force_best=True)
        matched[crossing] = IGNORED
        objects, background = balanced(
            matched, sampling.anchors, sampling.anchor_share, generator)
        rows = torch.cat([objects, background])
        wanted = (torch.arange(len(rows), device=rows.device) < len(objects)).float()
        objectness.append(F.binary_cross_entropy_with_logits(
            all_logits[image, rows].float(), wanted, reduction='sum'))
        target = encode(boxes[matched[objects]], all_anchors[objects], RPN_WEIGHTS)
        moves.append(F.smooth_l1_loss(
            all_deltas[image, objects].float(), target, reduction='sum', beta=RPN_BETA))
        count += len(rows)
    return torch.stack(objectness).sum() / max(count, 1), torch.stack(moves).sum() / max(count, 1)


def sample_rois(
        proposals: Tensor, boxes: Tensor, labels: Tensor, sampling: RcnnSampling,
        generator: torch.Generator | None = None) -> Rois:
    """
    Draw what the box head learns from, of proposals (P, 4) of one image and its true boxes.

    `boxes` (G, 4) have `labels` (G,), from 1 on.
    """
    overlap = sampling.roi_overlap
    matched = match(iou(proposals, boxes), overlap, overlap)
    objects, background = balanced(matched, sampling.rois, sampling.roi_share, generator)
    rows = torch.cat([objects, background])
    target = proposals[rows].clone()
    target[:len(objects)] = boxes[matched[objects]]
    wanted = labels.new_zeros(len(rows))
    wanted[:len(objects)] = labels[matched[objects]]
    return Rois(proposals[rows], wanted, encode(target, proposals[rows], HEAD_WEIGHTS))


def box_losses(
        logits: Tensor, deltas: Tensor, labels: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """
    Return the losses of classes and of deltas, both per sampled box.

    `logits` (R, C) and `deltas` (R, C, 4) are what the head says, `labels` (R,) and `targets`
    (R, 4) what is true. Only the deltas of the true class count, and none of the background.
    """
    count = max(len(labels), 1)
    classes = F.cross_entropy(logits.float(), labels, reduction='sum') / count
    objects = (labels > 0).nonzero()[:, 0]
    moves = F.smooth_l1_loss(
        deltas[objects, labels[objects]].float(), targets[objects], reduction='sum')
    return classes, moves / count


def _inside(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    width, height = size
    return (boxes[:, :2] >= 0).all(dim=1) & (boxes[:, 2] < width) & (boxes[:, 3] < height)
