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
