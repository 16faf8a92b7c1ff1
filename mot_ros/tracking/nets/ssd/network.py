# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SSD-MobileNetV3-Large as the TensorFlow detection zoo trained it on COCO (2020-01-14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn, Tensor

from mot_ros.tracking.nets.backbones.mobilenet_v3 import CHANNELS, ConvNormActivation, MobileNetV3
from mot_ros.tracking.nets.ssd.anchors import anchor_shapes

BACKGROUND_AND_CLASSES = 91
"""Columns of the class scores: 0 is the background, k is COCO's category id k."""


TAIL = 480
EXTRAS = ((256, 512), (128, 256), (128, 256), (64, 128))
"""Inner and outer channels of the extra levels, each half the size of the last."""


class SsdPredictor(nn.Sequential):
    """Depthwise and pointwise convolution with `outputs` channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = ConvNormActivation(inputs, inputs, 3, groups=inputs, activation='relu6')
        self.pointwise = ConvNormActivation(inputs, outputs)


class SsdMobileNetV3(MobileNetV3):
    """
    Map images to class logits and box deltas of every anchor, at any input size.

    Images are (B, 3, H, W) float32 RGB, (x - 127.5) / 127.5. Scores are independent sigmoids of
    the logits, not a softmax: removing a class does not change the others.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shapes = anchor_shapes()
        self.columns = BACKGROUND_AND_CLASSES
        self.tail = ConvNormActivation(CHANNELS[-1], TAIL, activation='hardswish')
        extras, width = [], TAIL
        for inner, outer in EXTRAS:
            extras.append(nn.Sequential(
                ConvNormActivation(width, inner, activation='relu6'),
                ConvNormActivation(inner, inner, 3, 2, inner, 'relu6'),
                ConvNormActivation(inner, outer, activation='relu6')))
            width = outer
        self.extras = nn.ModuleList(extras)
        levels = (CHANNELS[-2], TAIL, *(outer for _, outer in EXTRAS))
        counts = [len(shapes) for shapes in self.shapes]
        self.class_heads = nn.ModuleList(
            SsdPredictor(width, count * self.columns)
            for width, count in zip(levels, counts, strict=True))
        self.box_heads = nn.ModuleList(
            SsdPredictor(width, count * 4) for width, count in zip(levels, counts, strict=True))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, A, columns) and deltas (B, A, 4) of (B, 3, H, W) images."""
        *_, wide, features = self.levels(images)
        levels = [wide, self.tail(features)]
        for extra in self.extras:
            levels.append(extra(levels[-1]))
        return (
            _per_anchor(self.class_heads, levels, self.columns),
            _per_anchor(self.box_heads, levels, 4))

    def cells(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Return (rows, columns) of every level for an input of (width, height)."""
        width, height = size
        strides = [16 << level for level in range(len(self.shapes))]
        # repeated halving with rounding up equals one division with rounding up
        return [(-(-height // stride), -(-width // stride)) for stride in strides]

    def keep_columns(self, columns: Sequence[int]) -> None:
        """
        Compute only these columns of the logits from now on, in this order.

        Exact, since each score is a sigmoid of its own; one class of 91 saves a fifth of the work.
        """
        for head, shapes in zip(self.class_heads, self.shapes, strict=True):
            cast(SsdPredictor, head).pointwise.keep_outputs([
                anchor * self.columns + column
                for anchor in range(len(shapes)) for column in columns])
        self.columns = len(columns)


def _per_anchor(heads: nn.ModuleList, levels: Sequence[Tensor], width: int) -> Tensor:
    """Run one head per level and arrange its outputs as (B, A, width)."""
    return torch.cat([
        head(level).permute(0, 2, 3, 1).reshape(level.shape[0], -1, width)
        for head, level in zip(heads, levels, strict=True)], dim=1).float()
