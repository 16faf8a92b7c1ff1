# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Backbones of GluonCV's SSDs: ResNet-18, 34 and 50, MobileNet 1.0."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.ops.frozen_batch_norm import FrozenBatchNorm

MOBILENET_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
MOBILENET_WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
MOBILENET_TAPPED = 10
"""The last pair at stride 16, whose output feeds the first predictor."""
EXTRAS = (512, 512, 256, 256)
"""Widths of the extra levels, for an input of 512 pixels."""
EXTRAS_300 = (256, 256, 128, 128)
LAST_KERNEL = 3
"""Side of the last kernel of the network for 300 pixels, without padding."""


class GluonBasicBlock(nn.Module):
    """Two 3 x 3 convolutions (arXiv 1512.03385)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = FrozenBatchNorm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = FrozenBatchNorm(outputs)
        self.downsample = _downsample(inputs, outputs, stride)

    def forward(self, features: Tensor) -> Tensor:
        """Compute (B, outputs, H / stride, W / stride), rounded up."""
        inner = _relu(self.bn1(self.conv1(features)))
        return _relu(self.bn2(self.conv2(inner)) + self.downsample(features))


class GluonBottleneck(nn.Module):
    """1 x 1 with the stride, 3 x 3, 1 x 1; the 1 x 1 convolutions have a bias, as published."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = outputs // 4
        self.conv1 = nn.Conv2d(inputs, inner, 1, stride)
        self.bn1 = FrozenBatchNorm(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, 1, 1, bias=False)
        self.bn2 = FrozenBatchNorm(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1)
        self.bn3 = FrozenBatchNorm(outputs)
        self.downsample = _downsample(inputs, outputs, stride)

    def forward(self, features: Tensor) -> Tensor:
        """Compute (B, outputs, H / stride, W / stride), rounded up."""
        inner = _relu(self.bn1(self.conv1(features)))
        inner = _relu(self.bn2(self.conv2(inner)))
        return _relu(self.bn3(self.conv3(inner)) + self.downsample(features))


class ResNet34V1b(nn.Module):
    """
    ResNet-34 for inputs of 300 pixels: strides 8 and 16, then four levels of pairs with bias.

    Its third layer keeps the stride of the second. Tensors have the published names, except
    `gamma` and `beta`. The last kernel has no padding; for an input too small for it the features
    are padded with zeros.
    """

    channels = (128, 512, *EXTRAS_300)

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(
            *_stem(), _layer(
                GluonBasicBlock, 64, 64, 3, 1), _layer(GluonBasicBlock, 64, 128, 4, 2))
        self.stage2 = nn.Sequential(
            _layer(GluonBasicBlock, 128, 256, 6, 1), _layer(GluonBasicBlock, 256, 512, 3, 2))
        self.more_stages = nn.ModuleList()
        width = 512
        for index, outputs in enumerate(EXTRAS_300):
            padding = 0 if index == len(EXTRAS_300) - 1 else 1
            self.more_stages.append(nn.Sequential(
                nn.Conv2d(width, outputs, 1), nn.ReLU(inplace=True),
                nn.Conv2d(outputs, outputs, LAST_KERNEL, 2, padding), nn.ReLU(inplace=True)))
            width = outputs

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the six levels of images (B, 3, H, W)."""
        levels = [self.stage1(images)]
        levels.append(self.stage2(levels[0]))
        for stage in self.more_stages:
            features = levels[-1]
            if stage is self.more_stages[-1]:
                rows, columns = features.shape[-2:]
                features = F.pad(
                    features, (0, max(0, LAST_KERNEL - columns), 0, max(0, LAST_KERNEL - rows)))
            levels.append(stage(features))
        return levels

    def cells(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Return (rows, columns) of every level for an input of (width, height)."""
        cells = _halved(size, 8, 5)
        rows, columns = ((max(side, LAST_KERNEL) - LAST_KERNEL) // 2 + 1 for side in cells[-1])
        return [*cells, (rows, columns)]


class Expanded(nn.Module):
    """Shared part of the networks for 512 pixels: levels at strides 16 and 32, four extra ones."""

    channels: tuple[int, ...]

    def __init__(self, first: int, second: int) -> None:
        super().__init__()
        self.channels = (first, second, *EXTRAS)
        self.expand = nn.ModuleList()
        width = second
        for outputs in EXTRAS:
            self.expand.append(nn.Sequential(
                *_unit(width, outputs, 1, 1), *_unit(outputs, outputs, 3, 2)))
            width = outputs

    def expanded(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Return the levels and the four extra ones."""
        found = list(levels)
        for extra in self.expand:
            found.append(extra(found[-1]))
        return found

    def cells(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Return (rows, columns) of every level for an input of (width, height)."""
        return _halved(size, 16, 6)


class ResNetV1(Expanded):
    """ResNet-18 or ResNet-50."""

    def __init__(self, depth: int) -> None:
        widths = (64, 128, 256, 512) if depth == 18 else (256, 512, 1024, 2048)
        super().__init__(*widths[2:])
        block, counts = (
            GluonBasicBlock, (2, 2, 2, 2)) if depth == 18 else (GluonBottleneck, (3, 4, 6, 3))
        self.stem = nn.Sequential(*_stem())
        self.stages = nn.ModuleList(
            _layer(block, inputs, outputs, count, stride)
            for inputs, outputs, count, stride in zip(
                (64, *widths[:-1]), widths, counts, (1, 2, 2, 2), strict=True))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the six levels of images (B, 3, H, W)."""
        features = self.stem(images)
        levels: list[Tensor] = []
        for stage in self.stages:
            features = stage(features)
            levels.append(features)
        return self.expanded(levels[2:])


class MobileNetV1(Expanded):
    """MobileNet 1.0 (arXiv 1704.04861): a convolution, then pairs of depthwise and 1 x 1."""

    def __init__(self) -> None:
        super().__init__(MOBILENET_WIDTHS[MOBILENET_TAPPED], MOBILENET_WIDTHS[-1])
        self.units = nn.ModuleList([nn.Sequential(*_unit(3, 32, 3, 2))])
        width = 32
        for outputs, stride in zip(MOBILENET_WIDTHS, MOBILENET_STRIDES, strict=True):
            self.units.append(nn.Sequential(
                *_unit(width, width, 3, stride, width), *_unit(width, outputs, 1, 1)))
            width = outputs

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the six levels of images (B, 3, H, W)."""
        features = images
        levels: list[Tensor] = []
        # the stem precedes the pairs
        for index, unit in enumerate(self.units, -1):
            features = unit(features)
            if index == MOBILENET_TAPPED:
                levels.append(features)
        return self.expanded([*levels, features])


def _stem() -> list[nn.Module]:
    return [*_unit(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]


def _unit(
        inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, FrozenBatchNorm(outputs), nn.ReLU(inplace=True)]


def _layer(
        block: type[
            GluonBasicBlock] | type[GluonBottleneck], inputs: int, outputs: int, count: int,
        stride: int) -> nn.Sequential:
    return nn.Sequential(
        block(inputs, outputs, stride), *(block(outputs, outputs, 1) for _ in range(count - 1)))


def _downsample(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    if stride == 1 and inputs == outputs:
        return nn.Sequential()
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride, bias=False), FrozenBatchNorm(outputs))


def _halved(size: tuple[int, int], stride: int, levels: int) -> list[tuple[int, int]]:
    """Return (rows, columns) of levels from `stride` on, each half the last, rounded up."""
    width, height = size
    strides = [stride << level for level in range(levels)]
    return [(-(-height // step), -(-width // step)) for step in strides]


def _relu(features: Tensor) -> Tensor:
    return F.relu(features, not torch.is_grad_enabled())
