# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Deep layer aggregation (DLA, arXiv 1707.06484), SiamMOT's backbone, with published names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, NamedTuple

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.backbones.backbone import Backbone
from mot_ros.tracking.nets.ops.frozen_batch_norm import FrozenBatchNorm
from mot_ros.tracking.nets.ops.precision import suiting

STRIDE = 32
"""Sides of an image must be multiples of this, or shapes in a sum would differ."""


class DlaLevels(NamedTuple):
    """One row of the paper's table 1."""

    depths: tuple[int, int, int, int, int, int]
    """Depths of levels 0 to 5, trees from level 2 on."""
    channels: tuple[int, int, int, int, int, int]
    bottleneck: bool
    residual_root: bool


PLANS = {
    34: DlaLevels((1, 1, 1, 2, 2, 1), (16, 32, 64, 128, 256, 512), False, False),
    102: DlaLevels((1, 1, 1, 3, 4, 1), (16, 32, 128, 256, 512, 1024), True, True),
    169: DlaLevels((1, 1, 2, 3, 5, 1), (16, 32, 128, 256, 512, 1024), True, True),
}


class DlaBasicBlock(nn.Module):
    """Two 3 x 3 convolutions and the residual that the tree passes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = FrozenBatchNorm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = FrozenBatchNorm(outputs)

    def forward(self, features: Tensor, residual: Tensor) -> Tensor:
        """Compute (B, outputs, H / stride, W / stride), the shape of `residual`."""
        inner = _relu(self.bn1(self.conv1(features)))
        return _relu(self.bn2(self.conv2(inner)) + residual)


class DlaBottleneck(nn.Module):
    """Bottleneck of half the width with one 3 x 3 convolution and the residual of the tree."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = outputs // 2
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1 = FrozenBatchNorm(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.bn2 = FrozenBatchNorm(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3 = FrozenBatchNorm(outputs)

    def forward(self, features: Tensor, residual: Tensor) -> Tensor:
        """Compute (B, outputs, H / stride, W / stride), the shape of `residual`."""
        inner = _relu(self.bn1(self.conv1(features)))
        inner = _relu(self.bn2(self.conv2(inner)))
        return _relu(self.bn3(self.conv3(inner)) + residual)


class Root(nn.Module):
    """Aggregation node of a tree: concatenate and mix."""

    def __init__(self, inputs: int, outputs: int, residual: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn = FrozenBatchNorm(outputs)
        self.residual = residual

    def forward(self, children: Sequence[Tensor]) -> Tensor:
        """Mix children (B, any, H, W) to (B, outputs, H, W); the newest comes first."""
        mixed = self.bn(self.conv(torch.cat(list(children), 1)))
        return _relu(mixed + children[0] if self.residual else mixed)


class Twig(nn.Module):
    """Tree of depth 1: two blocks and the root."""

    def __init__(
            self, plan: DlaLevels, inputs: int, outputs: int, stride: int, extra: int,
            level_root: bool) -> None:
        super().__init__()
        block = DlaBottleneck if plan.bottleneck else DlaBasicBlock
        self.stride, self.level_root = stride, level_root
        self.tree1 = block(inputs, outputs, stride)
        self.tree2 = block(outputs, outputs, 1)
        width = 2 * outputs + extra + (inputs if level_root else 0)
        self.root = Root(width, outputs, plan.residual_root)
        self.project = _projection(inputs, outputs)

    def forward(self, features: Tensor, children: Sequence[Tensor] = ()) -> Tensor:
        """Compute (B, outputs, H / stride, W / stride); `children` are passed to the root."""
        bottom = _pooled(features, self.stride)
        if self.level_root:
            children = [*children, bottom]
        first = self.tree1(features, self.project(bottom))
        return cast(Tensor, self.root([self.tree2(first, first), first, *children]))


class Branch(nn.Module):
    """
    Tree of larger depth: two trees, the second with the first as a child.

    `project` is in every published file but affects no output. It is kept for strict loading and
    never computed.
    """

    def __init__(
            self, plan: DlaLevels, depth: int, inputs: int, outputs: int, stride: int, extra: int,
            level_root: bool) -> None:
        super().__init__()
        self.stride, self.level_root = stride, level_root
        self.tree1 = _tree(plan, depth - 1, inputs, outputs, stride, 0, False)
        extra += outputs + (inputs if level_root else 0)
        self.tree2 = _tree(plan, depth - 1, outputs, outputs, 1, extra, False)
        self.project = _projection(inputs, outputs)

    def forward(self, features: Tensor, children: Sequence[Tensor] = ()) -> Tensor:
        """Compute (B, outputs, H / stride, W / stride); `children` are passed to the last root."""
        if self.level_root:
            children = [*children, _pooled(features, self.stride)]
        first = self.tree1(features)
        return cast(Tensor, self.tree2(first, [*children, first]))


class Dla(Backbone):
    """
    DLA-34, 102 or 169 with frozen batch norm; ConfigError for another depth.

    Tensors have the names and shapes of SiamMOT's checkpoints below `backbone.body.`.
    """

    def __init__(self, depth: int = 34) -> None:
        super().__init__()
        if depth not in PLANS:
            known = ', '.join(map(str, PLANS))
            raise ConfigError(f'there is no DLA-{depth}; the depths are {known}')
        plan = PLANS[depth]
        stem, *widths = plan.channels
        self.channels = plan.channels[2:]
        self.base_layer = _level(3, stem, 7, 1)
        self.level0 = _level(stem, stem, 3, 1)
        self.level1 = _level(stem, widths[0], 3, 2)
        self.level2 = _tree(plan, plan.depths[2], widths[0], widths[1], 2, 0, False)
        self.level3 = _tree(plan, plan.depths[3], widths[1], widths[2], 2, 0, True)
        self.level4 = _tree(plan, plan.depths[4], widths[2], widths[3], 2, 0, True)
        self.level5 = _tree(plan, plan.depths[5], widths[3], widths[4], 2, 0, True)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return C2..C5 of images (B, 3, H, W); raises ConfigError unless 32 divides both."""
        rows, columns = images.shape[-2:]
        if rows % STRIDE or columns % STRIDE:
            raise ConfigError(
                f'images are {columns} x {rows} pixels, but DLA takes multiples of {STRIDE} '
                'only; resize or pad them')
        images = suiting(images, self.base_layer)
        features = self.level1(self.level0(self.base_layer(images)))
        levels: list[Tensor] = []
        for level in (self.level2, self.level3, self.level4, self.level5):
            features = level(features)
            levels.append(features)
        return levels


def _tree(
        plan: DlaLevels, depth: int, inputs: int, outputs: int, stride: int, extra: int,
        level_root: bool) -> Twig | Branch:
    """
    Make a tree; `extra` is the width of the children passed to it.

    With `level_root` its own pooled input is another child of its last root.
    """
    if depth == 1:
        return Twig(plan, inputs, outputs, stride, extra, level_root)
    return Branch(plan, depth, inputs, outputs, stride, extra, level_root)


def _level(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        FrozenBatchNorm(outputs), nn.ReLU(inplace=True))


def _projection(inputs: int, outputs: int) -> nn.Sequential:
    """Change the width by a 1 x 1 convolution; identity without tensors if it is equal."""
    if inputs == outputs:
        return nn.Sequential()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), FrozenBatchNorm(outputs))


def _pooled(features: Tensor, stride: int) -> Tensor:
    return F.max_pool2d(features, stride) if stride > 1 else features


def _relu(features: Tensor) -> Tensor:
    return F.relu(features, not torch.is_grad_enabled())
