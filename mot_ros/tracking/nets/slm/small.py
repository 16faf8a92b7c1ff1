# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SlmSmall and SlmLite: SLM's slices and attention on small backbones, for CPUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast, ClassVar

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.backbones import efficientnet_lite as lite
from mot_ros.tracking.nets.backbones.mobilenet_v3 import (
    Block,
    BLOCKS,
    ConvNormActivation,
    InvertedResidual,
    STEM,
)
from mot_ros.tracking.nets.ops.precision import suiting
from mot_ros.tracking.nets.slm.network import DIMENSION, slices, SoftmaxAttention

CROP = (64, 128)
"""Width and height of the network's crops."""
MIXED = 64
SLICE = (8, 4)
"""Rows and columns of cells of a slice, of 8 pixels of the crop each."""
SHADES = 32
"""Number of learned colour bins."""


class SlmSmall(nn.Module):
    """
    Map crops to embeddings, at a twenty-fifth of the cost of ResNet-18.

    Crops are (B, 3, 128, 64) float32 BGR from 0 to 255, as Slm's but smaller; embeddings (B, 128)
    are of unit length. The backbone is MobileNetV3 up to stride 16, as in the default detector,
    whose weights can initialise it (trunk_from_ssd). Two of its maps are added, and a soft colour
    histogram to them: a detector is trained to ignore the clothes that distinguish people. The sum
    is cut into slices as in the article, and each slice attends to all. Unlike there attention has
    a residual, and the mean of a slice counts beside its maximum.
    """

    crop = CROP
    dimension = DIMENSION
    batch = 64
    slice: ClassVar[tuple[int, int]] = SLICE
    stem: ClassVar[tuple[int, str]] = (STEM, 'hardswish')
    """Channels and activation of the backbone's first convolution."""
    blocks: ClassVar[Sequence[Block]] = BLOCKS[:12]
    fine_block: ClassVar[int] = 5
    """Block whose map of stride 8 is used, beside that of the last block, of stride 16."""
    spread: ClassVar[float] = 127.5
    """Grey levels that count as 1 for the backbone."""

    def __init__(self) -> None:
        super().__init__()
        channels, activation = self.stem
        self.trunk = nn.Module()
        self.trunk.stem = ConvNormActivation(3, channels, 3, 2, activation=activation)
        blocks = self.blocks
        widths = (channels, *(block.out for block in blocks))
        self.trunk.blocks = nn.ModuleList(
            InvertedResidual(width, block)
            for width, block in zip(widths[:-1], blocks, strict=True))
        self.fine = ConvNormActivation(blocks[self.fine_block].out, MIXED)
        self.coarse = ConvNormActivation(blocks[-1].out, MIXED)
        # activations are inside the convolutions; tensors keep the names of their positions
        self.shades = nn.Sequential(
            ConvNormActivation(3, SHADES, activation='relu'), nn.Identity(),
            ConvNormActivation(SHADES, SHADES, activation='relu'))
        self.colours = ConvNormActivation(SHADES, MIXED)
        self.mix = ConvNormActivation(MIXED, MIXED, 3)
        self.attention = SoftmaxAttention(MIXED, self.slice)
        self.norm = nn.LayerNorm(8 * MIXED)
        self.embed = nn.Linear(8 * MIXED, DIMENSION)
        # without BatchNorm only the initial weights keep activations in range
        for module in self.trunk.modules():
            if isinstance(module, ConvNormActivation):
                nn.init.kaiming_normal_(module.weight, nonlinearity='relu')
                nn.init.zeros_(cast(Tensor, module.bias))

    def forward(self, crops: Tensor) -> Tensor:
        """Embed crops (B, 3, *crop), (B, 128)."""
        features = self.mix(F.hardswish(self._mixed(crops.flip(1).sub_(127.5).div_(self.spread))))
        parts = self.attention(features) + slices(features)
        pooled = torch.cat([parts.amax(-1), parts.mean(-1)], 1).flatten(1)
        return F.normalize(self.embed(self.norm(pooled)).float())

    def fold(self) -> None:
        """Do nothing: the backbone's BatchNorm is folded at import."""

    def _mixed(self, images: Tensor) -> Tensor:
        """Return features (B, 64, H / 8, W / 8) of normalised images (B, 3, H, W)."""
        images = suiting(images, self.fine)
        features, fine = cast(ConvNormActivation, self.trunk.stem)(images), images
        for index, block in enumerate(cast(nn.ModuleList, self.trunk.blocks)):
            features, _ = block(features)
            if index == self.fine_block:
                fine = self.fine(features)
        coarse = F.interpolate(self.coarse(features), scale_factor=2.0, mode='nearest')
        # as a histogram: first the bins, then their share in a cell
        shades = self.shades(F.avg_pool2d(images, 2))
        colours: Tensor = self.colours(F.avg_pool2d(shades, 4))
        return fine + coarse + colours


class SlmLite(SlmSmall):
    """
    SlmSmall on the first five stages of EfficientNet-Lite0, trained on ImageNet.

    Its maps, unlike those of a detector, already tell textures and clothes apart. Crops are
    (B, 3, 96, 48), so that six people cost about a fifth of the default detector's time.
    """

    crop = (48, 96)
    slice = (6, 3)
    stem = (lite.STEM, 'relu6')
    blocks = lite.BLOCKS
    fine_block = 4
    spread = 128.0


def trunk_from_lite(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a published EfficientNet-Lite0's tensors that initialise SlmLite's backbone."""
    return {f'trunk.{name}': tensor for name, tensor in lite.folded(state).items()}


def trunk_from_ssd(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the SSD's tensors that initialise SlmSmall's backbone, by its names."""
    with torch.device('meta'):
        wanted = SlmSmall().trunk.state_dict()
    return {f'trunk.{name}': state[name] for name in wanted if name in state}
