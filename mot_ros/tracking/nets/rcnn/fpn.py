# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SiamMOT's feature pyramid (arXiv 1612.03144, with bilinear instead of nearest upsampling)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.backbones.backbone import Backbone


class Fpn(nn.Module):
    """
    C2..C5 to P2..P6, all `width` channels wide; P6 is every second cell of P5.

    `channels` are the widths of C2..C5. Coarse levels are resized to exactly the cells of the
    next finer one, so sizes may be odd.
    """

    def __init__(self, channels: Sequence[int], width: int = 128) -> None:
        super().__init__()
        # the published names, fpn_inner1 .. fpn_layer4, want one attribute each
        for level, inputs in enumerate(channels, 1):
            self.add_module(f'fpn_inner{level}', _conv(inputs, width, 1))
            self.add_module(f'fpn_layer{level}', _conv(width, width, 3))
        self.width = width

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return P2..P6 of C2..C5, each (B, channels of its level, rows, columns)."""
        last = self._of('inner', len(features), features[-1])
        pyramid = [self._of('layer', len(features), last)]
        for level in range(len(features) - 1, 0, -1):
            lateral = self._of('inner', level, features[level - 1])
            last = lateral + F.interpolate(
                last, lateral.shape[-2:], mode='bilinear', align_corners=False)
            pyramid.insert(0, self._of('layer', level, last))
        return [*pyramid, F.max_pool2d(pyramid[-1], 1, 2)]

    def _of(self, kind: str, level: int, features: Tensor) -> Tensor:
        return cast(Tensor, self.get_submodule(f'fpn_{kind}{level}')(features))


class FpnBackbone(nn.Module):
    """A backbone and the feature pyramid on it, by the published names `body` and `fpn`."""

    def __init__(self, body: Backbone, width: int = 128) -> None:
        super().__init__()
        self.body = body
        self.fpn = Fpn(body.channels, width)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return P2..P6 of normalised images (B, 3, H, W), sides multiples of 32."""
        return cast('list[Tensor]', self.fpn(self.body(images)))


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """Make a convolution that keeps the variance of features in a fresh network."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.kaiming_uniform_(conv.weight, a=1)
    nn.init.zeros_(conv.get_parameter('bias'))
    return conv
