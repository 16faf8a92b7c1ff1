# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What IMM learns from: whether its target is there, and how it moved."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.rcnn.boxes_inclusive import encode
from mot_ros.tracking.nets.siammot.imm import DELTA_WEIGHTS
from mot_ros.training.losses.focal import focal_loss
from mot_ros.training.losses.triplets import present


def imm_losses(
        visibility: Tensor, deltas: Tensor, template: Tensor, targets: Tensor,
) -> dict[str, Tensor]:
    """
    Return the losses `visibility` and `deltas`, both per target that is there.

    Logits `visibility` (K,) and `deltas` (K, 4) are what the model says of boxes `template`
    (K, 4), which went to `targets` (K, 4); one without an inside is absent, and its deltas do
    not count. Visibility is a focal loss, deltas a smooth L1 loss summed over all four.
    """
    there = present(targets)
    # where there is nothing any finite box will do, it weighs nothing
    wanted = encode(torch.where(there[:, None], targets, template), template, DELTA_WEIGHTS)
    error = F.smooth_l1_loss(deltas.float(), wanted, reduction='none').sum(dim=1)
    return {
        'visibility': focal_loss(visibility, there),
        'deltas': (error * there).sum() / there.sum().clamp(min=1)}
