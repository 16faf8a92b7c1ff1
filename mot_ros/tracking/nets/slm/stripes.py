# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SlmStripes: textures of six stripes of a crop, as ImageNet's features tell them apart."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.backbones import efficientnet_lite as lite
from mot_ros.tracking.nets.backbones.mobilenet_v3 import ConvNormActivation, InvertedResidual
from mot_ros.tracking.nets.ops.precision import suiting

STRIPES = 6
"""Horizontal parts of a crop, one row of the last map each."""


class SlmStripes(nn.Module):
    """
    Map crops to embeddings by one linear map of pooled features, for CPUs.

    Crops are (B, 3, 96, 48) float32 BGR from 0 to 255; embeddings (B, 512) are of unit length.
    The backbone is EfficientNet-Lite0 up to the expansion that begins its sixth stage, stride 16;
    the means of its 672 channels in each stripe are projected. The projection needs no people
    with identities, see training/projection.py: with few of them, training the backbone makes it
    forget more than it learns.
    """

    crop = (48, 96)
    batch = 64
    dimension = 512

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Module()
        self.trunk.stem = ConvNormActivation(3, lite.STEM, 3, 2, activation='relu6')
        widths = (lite.STEM, *(block.out for block in lite.BLOCKS))
        self.trunk.blocks = nn.ModuleList(
            InvertedResidual(width, block)
            for width, block in zip(widths[:-1], lite.BLOCKS, strict=True))
        self.trunk.wide = ConvNormActivation(widths[-1], lite.WIDE, activation='relu6')
        self.embed = nn.Linear(STRIPES * lite.WIDE, self.dimension)
        # without BatchNorm only the initial weights keep activations in range
        for module in self.trunk.modules():
            if isinstance(module, ConvNormActivation):
                nn.init.kaiming_normal_(module.weight, nonlinearity='relu')
                nn.init.zeros_(cast(Tensor, module.bias))

    def forward(self, crops: Tensor) -> Tensor:
        """Embed crops (B, 3, 96, 48), (B, 512)."""
        return F.normalize(self.embed(self.pooled(crops)).float())

    def pooled(self, crops: Tensor) -> Tensor:
        """Return the means of the channels in each stripe of crops (B, 3, 96, 48), (B, 4032)."""
        stem, wide = (cast(ConvNormActivation, part) for part in (
            self.trunk.stem, self.trunk.wide))
        images = crops.flip(1).sub_(127.5).div_(128)
        features: Tensor = stem(suiting(images, self.embed))
        for block in cast(nn.ModuleList, self.trunk.blocks):
            features, _ = block(features)
        return torch.flatten(wide(features).mean(-1), 1)

    def fold(self) -> None:
        """Do nothing: BatchNorm is folded at import."""
