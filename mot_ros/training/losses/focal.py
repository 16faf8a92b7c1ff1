# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The focal loss (arXiv 1708.02002): what is already known counts little."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

ALPHA = 0.25
GAMMA = 2.0


def focal_loss(
        logits: Tensor, positive: Tensor, alpha: float = ALPHA, gamma: float = GAMMA) -> Tensor:
    """
    Return the focal loss of logits (...) summed up, per positive one.

    `positive` (...) says which should be high. Positive ones weigh `alpha`, others the rest.
    """
    logits = logits.float()
    wanted = positive.to(logits.dtype)
    error = F.binary_cross_entropy_with_logits(logits, wanted, reduction='none')
    # the probability that was given to the wrong answer
    wrong = (logits.sigmoid() - wanted).abs()
    weight = alpha * wanted + (1 - alpha) * (1 - wanted)
    return (weight * wrong ** gamma * error).sum() / wanted.sum().clamp(min=1)
