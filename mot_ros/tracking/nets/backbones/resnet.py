# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""ResNet-50 and 101 as maskrcnn-benchmark builds and names them (arXiv 1512.03385)."""

from __future__ import annotations

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.backbones.backbone import Backbone
from mot_ros.tracking.nets.ops.frozen_batch_norm import FrozenBatchNorm
from mot_ros.tracking.nets.ops.precision import suiting

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Blocks of the four layers, by depth."""
CHANNELS = (256, 512, 1024, 2048)


class Bottleneck(nn.Module):
    """Bottleneck of a quarter of the width: 1 x 1 with the stride, 3 x 3, 1 x 1."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = outputs // 4
        self.downsample = nn.Sequential()
        if inputs != outputs:
            self.downsample.append(nn.Conv2d(inputs, outputs, 1, stride, bias=False))
            self.downsample.append(FrozenBatchNorm(outputs))
        self.conv1 = nn.Conv2d(inputs, inner, 1, stride, bias=False)
        self.bn1 = FrozenBatchNorm(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, 1, 1, bias=False)
        self.bn2 = FrozenBatchNorm(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3 = FrozenBatchNorm(outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Compute (B, outputs, H / stride, W / stride), rounded up."""
        inplace = not torch.is_grad_enabled()
        inner = F.relu(self.bn1(self.conv1(features)), inplace)
        inner = F.relu(self.bn2(self.conv2(inner)), inplace)
        return F.relu(self.bn3(self.conv3(inner)) + self.downsample(features), inplace)


class Stem(nn.Module):
    """A 7 x 7 convolution and a max pooling, each with stride 2."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = FrozenBatchNorm(64)

    def forward(self, images: Tensor) -> Tensor:
        """Compute (B, 64, H / 4, W / 4), rounded up."""
        features = F.relu(self.bn1(self.conv1(images)), not torch.is_grad_enabled())
        return F.max_pool2d(features, 3, 2, 1)


class ResNet(Backbone):
    """
    ResNet with frozen norms, at any image size; sides are divided by the stride and rounded up.

    Raises ConfigError for a depth other than 50 and 101.
    """

    channels = CHANNELS

    def __init__(self, depth: int = 50) -> None:
        super().__init__()
        if depth not in BLOCKS:
            known = ', '.join(map(str, BLOCKS))
            raise ConfigError(f'there is no ResNet-{depth} here; the depths are {known}')
        self.stem = Stem()
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _layer(inputs, outputs, count, 1 if outputs == CHANNELS[0] else 2)
            for inputs, outputs, count in zip(
                (64, *CHANNELS[:-1]), CHANNELS, BLOCKS[depth], strict=True))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return C2..C5 of images (B, 3, H, W)."""
        features = self.stem(suiting(images, self.stem))
        levels: list[Tensor] = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = layer(features)
            levels.append(features)
        return levels


def _layer(inputs: int, outputs: int, count: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        Bottleneck(inputs, outputs, stride),
        *(Bottleneck(outputs, outputs, 1) for _ in range(count - 1)))
