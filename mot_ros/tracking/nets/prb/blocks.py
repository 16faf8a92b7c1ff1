# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Blocks of the PRB networks, SMILEtrack's detectors: YOLOv7's and PRB-FPN's."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn, Tensor
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

EPSILON = 1e-3
"""Epsilon of every BatchNorm; YOLO's initialiser sets it, so files do not contain it."""
POOLS = (5, 9, 13)
"""Windows of the spatial pyramid."""


class PrbConv(nn.Module):
    """Convolution, BatchNorm, SiLU; ceil(H / stride) x ceil(W / stride) cells."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outputs, EPSILON, 0.03)

    def forward(self, features: Tensor) -> Tensor:
        """Compute (B, outputs, H / stride, W / stride)."""
        return F.silu(self.bn(self.conv(features)), not torch.is_grad_enabled())

    def fold(self) -> None:
        """Fold the BatchNorm into the convolution; for inference only, in eval mode."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv, self.bn)
            self.bn = nn.Identity()


class PrbBottleneck(nn.Module):
    """Darknet's bottleneck: 1 x 1 to the `inner` width, 3 x 3 to the outer, optional residual."""

    def __init__(self, inputs: int, outputs: int, inner: int, shortcut: bool) -> None:
        super().__init__()
        self.cv1 = PrbConv(inputs, inner)
        self.cv2 = PrbConv(inner, outputs, 3)
        self.shortcut = shortcut and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Compute (B, outputs, H, W)."""
        result = cast(Tensor, self.cv2(self.cv1(features)))
        return result + features if self.shortcut else result


class Mspa(nn.Module):
    """
    Multi-scale processing (BottleneckMSPA): two 3 x 3 convolutions on shrinking widths.

    The width is a multiple of 4.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        half, quarter = width // 2, width // 4
        self.cv1 = PrbConv(width, half)
        self.cb1 = nn.Sequential(PrbConv(half, half, 3))
        self.cv2 = PrbConv(2 * half, quarter)
        self.cb2 = nn.Sequential(PrbConv(quarter, quarter, 3))
        self.cv3 = PrbConv(2 * half, half)
        self.m1 = nn.Sequential(PrbBottleneck(width, width, width, True))

    def forward(self, features: Tensor) -> Tensor:
        """Compute (B, width, H, W)."""
        first = self.cv1(features)
        second = self.cv2(torch.cat([first, self.cb1(first)], 1))
        third = self.cv3(torch.cat([first, second, self.cb2(second)], 1))
        return cast(Tensor, self.m1(torch.cat([first, third], 1)))


class SppCspc(nn.Module):
    """Spatial pyramid pooling beside a plain branch."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.cv1 = PrbConv(inputs, outputs)
        self.cv2 = PrbConv(inputs, outputs)
        self.cv3 = PrbConv(outputs, outputs, 3)
        self.cv4 = PrbConv(outputs, outputs)
        self.cv5 = PrbConv(outputs * (1 + len(POOLS)), outputs)
        self.cv6 = PrbConv(outputs, outputs, 3)
        self.cv7 = PrbConv(2 * outputs, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Compute (B, outputs, H, W)."""
        inner = self.cv4(self.cv3(self.cv1(features)))
        pyramid = [inner, *(F.max_pool2d(inner, pool, 1, pool // 2) for pool in POOLS)]
        pooled = self.cv6(self.cv5(torch.cat(pyramid, 1)))
        return cast(Tensor, self.cv7(torch.cat([pooled, self.cv2(features)], 1)))


class ResidualBridge(nn.Module):
    """
    Fuse three levels (RBBlockA, arXiv 2012.01724): this one, a shallower, a deeper.

    `inputs` and `widths` are channels; the shallower level is read with stride 2, the deeper one
    upsampled by repetition.
    """

    def __init__(
            self, inputs: tuple[int, int, int], outputs: int, widths: tuple[int, int]) -> None:
        super().__init__()
        self.cv1 = PrbConv(inputs[0], widths[0])
        self.cv2 = PrbConv(inputs[1], widths[1], 1, 2)
        self.out_cv = PrbConv(sum(widths) + inputs[2], outputs)

    def forward(self, current: Tensor, shallow: Tensor, deep: Tensor) -> Tensor:
        """Compute (B, outputs, H, W), cells those of `current`."""
        repeated = F.interpolate(deep, scale_factor=2, mode='nearest')
        joined = torch.cat([self.cv1(current), self.cv2(shallow), repeated], 1)
        return cast(Tensor, self.out_cv(joined))


class BiFusion(nn.Module):
    """Fuse a level with the next coarser one (BFM), by space-to-depth of the finer one."""

    def __init__(
            self, inputs: tuple[int, int], outputs: int, widths: tuple[int, int]) -> None:
        super().__init__()
        self.cv1 = PrbConv(4 * inputs[0], widths[0])
        self.cv2 = PrbConv(inputs[1], widths[1])
        self.out_cv = PrbConv(sum(widths), outputs)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Compute (B, outputs, H, W), cells those of `coarse`."""
        joined = torch.cat([self.cv1(space_to_depth(fine)), self.cv2(coarse)], 1)
        return cast(Tensor, self.out_cv(joined))


class Sum(nn.Module):
    """Add two levels of one shape (Shortcut)."""

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Compute the sum."""
        return first + second


def space_to_depth(features: Tensor) -> Tensor:
    """Rearrange (B, C, H, W) to (B, 4 C, H / 2, W / 2): upper left, lower left, ..."""
    return torch.cat(
        [features[..., row::2, column::2] for column in (0, 1) for row in (0, 1)], 1)
