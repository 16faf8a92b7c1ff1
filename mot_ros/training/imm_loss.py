# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""What IMM learns from: whether its target is there, and how it moved."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.imm import DELTA_WEIGHTS
from mot_ros.tracking.nets.legacy_boxes import encode
from mot_ros.training.focal import focal_loss
from mot_ros.training.triplets import present


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
