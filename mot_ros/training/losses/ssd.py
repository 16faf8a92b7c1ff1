# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What an SSD learns from: which anchors are whom, and how wrong their scores and boxes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.ops.nms import shared_and_union
from mot_ros.tracking.nets.ssd.anchors import encode
from mot_ros.training.losses.focal import focal_loss, GAMMA
from mot_ros.training.losses.sampling import BACKGROUND, IGNORED, match

WITHIN = 0.5
"""An anchor with this much of its area in a region to be ignored is neither one nor the other."""


@dataclass(frozen=True)
class SsdLoss:
    """
    How scores and boxes are judged.

    An anchor is an object that it overlaps by `overlap`. Scores are judged by the `focal` loss
    with `alpha` and `gamma`, as the default detector was trained (alpha .75): its scores stay
    what thresholds were chosen for. `mined` is that of the article: cross entropy of the objects
    and of the `negatives` times as many background anchors that look most like one, which makes
    all scores higher. `boxes` is what the boxes weigh beside the scores.
    """

    scores: Literal['focal', 'mined'] = 'focal'
    overlap: float = 0.5
    alpha: float = 0.75
    gamma: float = GAMMA
    negatives: float = 3.0
    boxes: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.overlap <= 1 and 0 < self.alpha < 1 and self.gamma >= 0 and
                self.negatives > 0 and self.boxes >= 0):
            raise ConfigError(
                f'{self} cannot be; overlap lies in (0, 1], alpha in (0, 1), negatives is above '
                '0, gamma and boxes are not negative')


@dataclass(frozen=True, eq=False)
class ImageTruth:
    """
    What is on one image, xyxy pixels: `boxes` (G, 4) of objects, and `ignored` ones (K, 4).

    In an ignored region there may be objects; what the network says of it is not judged.
    """

    boxes: Tensor
    ignored: Tensor


def ssd_losses(
        logits: Tensor, deltas: Tensor, anchors: Tensor, seen: Sequence[ImageTruth],
        options: SsdLoss | None = None) -> dict[str, Tensor]:
    """
    Return the losses of scores and boxes of a batch, both per anchor on an object.

    `logits` (B, A) say that there is an object, `deltas` (B, A, 4) where; `anchors` (A, 4) are
    centre and size. Equations 1 and 2 of SSD (Liu et al., arXiv 1512.02325 section 2.2), with
    sigmoids in the place of a softmax.
    """
    options = options or SsdLoss()
    matched = torch.stack([assign(anchors, each, options.overlap) for each in seen])
    objects = matched >= 0
    count = objects.sum().clamp(min=1)
    logits = logits.float()
    if options.scores == 'focal':
        judged = matched != IGNORED
        scores = focal_loss(logits[judged], objects[judged], options.alpha, options.gamma)
    else:
        error = F.binary_cross_entropy_with_logits(logits, objects.float(), reduction='none')
        judged = objects | hardest(error.detach(), matched, options.negatives)
        scores = error[judged].sum() / count
    wanted = torch.cat([
        encode(each.boxes[row[row >= 0]], anchors[row >= 0])
        for each, row in zip(seen, matched, strict=True)])
    moves = F.smooth_l1_loss(deltas[objects].float(), wanted, reduction='sum') / count
    return {'scores': scores, 'boxes': options.boxes * moves}


def assign(anchors: Tensor, seen: ImageTruth, overlap: float) -> Tensor:
    """
    Return for each anchor (A,) the object it stands for, else BACKGROUND or IGNORED.

    It is the one it overlaps most, if by `overlap`; and every object has the anchor that
    overlaps it most, whatever that is, those with the better one choosing first.
    """
    half = anchors[:, 2:] / 2
    edges = torch.cat([anchors[:, :2] - half, anchors[:, :2] + half], dim=1)
    shared, union = shared_and_union(edges, seen.boxes)
    overlaps = shared / union
    matched = match(overlaps, overlap, overlap)
    hidden, _ = shared_and_union(edges, seen.ignored)
    inside = (hidden >= WITHIN * anchors[:, 2:].prod(dim=1, keepdim=True)).any(dim=1)
    matched[inside & (matched == BACKGROUND)] = IGNORED
    if not len(seen.boxes):
        return matched
    for number in overlaps.amax(dim=0).argsort(descending=True, stable=True).tolist():
        best, anchor = overlaps[:, number].max(dim=0)
        if best > 0:
            matched[anchor] = number
            # nobody else's
            overlaps[anchor] = 0
    return matched


def hardest(error: Tensor, matched: Tensor, ratio: float) -> Tensor:
    """
    Return which background anchors (B, A) are most wrong, so many per object of their image.

    An image with nobody gives as many as one with a single object.
    """
    background = matched == BACKGROUND
    found = torch.zeros_like(background)
    for row, (errors, free, of_image) in enumerate(zip(error, background, matched, strict=True)):
        count = round(ratio * max(1, int((of_image >= 0).sum())))
        worst = errors.masked_fill(~free, -1).topk(min(count, int(free.sum()))).indices
        found[row, worst] = True
    return found
