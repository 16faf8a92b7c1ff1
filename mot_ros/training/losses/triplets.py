# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Triplets, what SiamMOT's motion models learn from: a template, where to look, and the truth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mot_ros.tracking.nets.rcnn.boxes_inclusive import iou
from mot_ros.training.losses.sampling import BACKGROUND, draw, match

POSITIVE, HARD, NEGATIVE = 0, 1, 2
"""
Kinds of triplets: the region is around the template; around another object; around nothing.

The region of the first kind holds no target where the object is absent from the other frame.
"""
ABSENT = (-1.0, -1.0, -1.0, -1.0)
"""Stands for the box of an object that is not there."""


@dataclass(frozen=True)
class TripletSampling:
    """How many triplets a frame gives, and of what, as in SiamMOT's published code."""

    count: int = 256
    positive_share: float = 0.25
    hard_share: float = 0.25
    negative_share: float = 1.0
    """At most so much is background; 1: all that is left."""
    high: float = 0.65
    """A proposal that overlaps an object by so much stands for it."""
    low: float = 0.35
    """One that overlaps none by so much is background."""
    similar_height: float = 2.0
    """Largest factor between the heights of two objects one of which may pass for the other."""
    least_objectness: float = 0.3
    least_side: float = 5.0
    """Background proposals that are less sure, or smaller in pixels, teach nothing."""


@dataclass(frozen=True, eq=False)
class Triplets:
    """
    K triplets of one frame, boxes being xyxy in network pixels.

    `template` (K, 4) is seen in this frame; the region `around` (K, 4) is looked at in the
    other one, where the object is at `target` (K, 4) or ABSENT. `kind` (K,) says which of the
    three it is.
    """

    template: Tensor
    around: Tensor
    target: Tensor
    kind: Tensor


def sample_triplets(
        proposals: Tensor, objectness: Tensor, boxes: Tensor, ids: Tensor, other_boxes: Tensor,
        other_ids: Tensor, sampling: TripletSampling,
        generator: torch.Generator | None = None) -> Triplets:
    """
    Draw triplets of a frame from its proposals (P, 4), which hold its true boxes too.

    `objectness` (P,) in [0, 1]; `boxes` (G, 4) with `ids` (G,), each there once, are what is in
    this frame, `other_boxes` and `other_ids` what is in the other one of the pair. Positive
    triplets have proposals of an object as template. Hard negative ones have its true box, and
    a region around a proposal of another object of similar height; per object at most as many
    as other objects have proposals. Background fills up to `count`, as far as its share goes.
    """
    targets = _in_other_frame(boxes, ids, other_boxes, other_ids)
    matched = match(iou(proposals, boxes), sampling.high, sampling.low)
    of_objects = (matched >= 0).nonzero()[:, 0]
    positive = draw(of_objects, int(sampling.count * sampling.positive_share), generator)

    source, region = _hard(proposals, boxes, matched, of_objects, sampling, generator)
    chosen = draw(
        torch.arange(len(source), device=source.device),
        int(sampling.count * sampling.hard_share), generator)
    source, region = source[chosen], region[chosen]

    sides = proposals[:, 2:] - proposals[:, :2] + 1
    usable = (matched == BACKGROUND) & (objectness >= sampling.least_objectness) \
        & (sides >= sampling.least_side).all(dim=1)
    negative = draw(usable.nonzero()[:, 0], min(
        sampling.count - len(positive) - len(source),
        int(sampling.count * sampling.negative_share)), generator)

    absent = proposals.new_tensor(ABSENT).expand(len(negative), 4)
    counts = torch.tensor([len(positive), len(source), len(negative)], device=boxes.device)
    kinds = torch.tensor([POSITIVE, HARD, NEGATIVE], device=boxes.device)
    return Triplets(
        torch.cat([proposals[positive], boxes[source], proposals[negative]]),
        torch.cat([proposals[positive], proposals[region], proposals[negative]]),
        torch.cat([targets[matched[positive]], targets[source], absent]),
        kinds.repeat_interleave(counts))


def present(targets: Tensor) -> Tensor:
    """Say of targets (K, 4) which are boxes, and not ABSENT."""
    return (targets[:, 2:] > targets[:, :2]).all(dim=1)


def _in_other_frame(
        boxes: Tensor, ids: Tensor, other_boxes: Tensor, other_ids: Tensor) -> Tensor:
    """Return where each object (G,) is in the other frame, (G, 4)."""
    targets = boxes.new_tensor(ABSENT).repeat(len(boxes), 1)
    here, there = (ids[:, None] == other_ids).nonzero().unbind(1)
    targets[here] = other_boxes[there]
    return targets


def _hard(
        proposals: Tensor, boxes: Tensor, matched: Tensor, of_objects: Tensor,
        sampling: TripletSampling, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Return pairs of an object and a proposal that could be mistaken for it, both (H,)."""
    objects = torch.arange(len(boxes), device=boxes.device)
    owner = matched[of_objects]
    ratio = _heights(boxes)[:, None] / _heights(proposals[of_objects])
    similar = (ratio >= 1 / sampling.similar_height) & (ratio <= sampling.similar_height)
    similar &= objects[:, None] != owner
    # of those of each object as many as there are other objects with proposals, by chance
    seen = torch.zeros_like(objects, dtype=torch.bool)
    seen[owner] = True
    most = seen.sum() - seen.long()
    chance = torch.rand(similar.shape, generator=generator).to(boxes.device)
    order = chance.masked_fill(~similar, 2.0).argsort(dim=1).argsort(dim=1)
    source, column = (similar & (order < most[:, None])).nonzero().unbind(1)
    return source, of_objects[column]


def _heights(boxes: Tensor) -> Tensor:
    return boxes[:, 3] - boxes[:, 1] + 1
