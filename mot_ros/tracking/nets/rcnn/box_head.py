# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The box head of Faster R-CNN: the class of a box, and its refined corners."""

from __future__ import annotations

from typing import cast

from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.rcnn.boxes_inclusive import decode, HEAD_WEIGHTS
from mot_ros.tracking.nets.rcnn.rpn import scatter

POOLED = 7
"""Bins along each side of the features of a box."""


class FeatureExtractor(nn.Module):
    """Two fully connected layers."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.fc6 = nn.Linear(inputs, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        for layer in (self.fc6, self.fc7):
            nn.init.kaiming_uniform_(layer.weight, a=1)
            nn.init.zeros_(layer.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return (K, hidden) of pooled features (K, C, 7, 7), flattened in this order."""
        return F.relu(self.fc7(F.relu(self.fc6(pooled.flatten(1)))))


class BoxPredictor(nn.Module):
    """Logits of every class, background first, and deltas of every class."""

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(hidden, classes)
        self.bbox_pred = nn.Linear(hidden, 4 * classes)
        # as Fast R-CNN begins (arXiv 1504.08083 section 2.3)
        scatter(self.cls_score.weight, 0.01)
        scatter(self.bbox_pred.weight, 0.001)
        nn.init.zeros_(self.cls_score.bias)
        nn.init.zeros_(self.bbox_pred.bias)

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (K, classes) and deltas (K, classes, 4) of (K, hidden)."""
        deltas = cast(Tensor, self.bbox_pred(hidden))
        return self.cls_score(hidden), deltas.reshape(
            hidden.shape[0], self.cls_score.out_features, 4)


class BoxHead(nn.Module):
    """
    Features of boxes to class probabilities and refined boxes.

    `classes` counts the background, which is class 0; `width` is that of the pyramid.
    """

    def __init__(self, classes: int, width: int = 128, hidden: int = 1024) -> None:
        super().__init__()
        self.feature_extractor = FeatureExtractor(width * POOLED * POOLED, hidden)
        self.predictor = BoxPredictor(hidden, classes)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (K, classes) and deltas (K, classes, 4) of (K, width, 7, 7)."""
        logits, deltas = self.predictor(self.feature_extractor(pooled))
        return logits.float(), deltas.float()

    def refine(self, pooled: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return probabilities (K, classes) and each class's box (K, classes, 4), not clipped."""
        logits, deltas = self(pooled)
        return logits.softmax(dim=1), decode(deltas, boxes[:, None], HEAD_WEIGHTS)
