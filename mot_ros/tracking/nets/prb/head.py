# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Head of the PRB networks: from features to boxes, objectness and classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn, Tensor

STRIDES = (8, 16, 32, 64)
ANCHORS = (
    ((19, 27), (44, 40), (38, 94)),
    ((96, 68), (86, 152), (180, 137)),
    ((140, 301), (303, 264), (238, 542)),
    ((436, 615), (739, 380), (925, 792)),
)
"""Width and height of a cell's anchors, pixels of the input, by level."""
BOXES_PER_CELL = 3
BOX_AND_OBJECTNESS = 5
LEVELS = len(STRIDES)


class Implicit(nn.Module):
    """Learned number per channel, added or multiplied."""

    def __init__(self, channels: int, value: float) -> None:
        super().__init__()
        self.implicit = nn.Parameter(torch.full((1, channels, 1, 1), value))


class Head(nn.Module):
    """
    Map features of four levels to logits of three boxes per cell (IAuxDetect).

    `ia` and `im`, before and after each convolution, are folded into it by `fold`. `m2`, the
    convolutions of the auxiliary training head, are not computed.
    """

    def __init__(self, widths: Sequence[int], auxiliary: Sequence[int], classes: int) -> None:
        super().__init__()
        outputs = BOXES_PER_CELL * (BOX_AND_OBJECTNESS + classes)
        pixels = torch.tensor(ANCHORS, dtype=torch.float32)
        self.register_buffer('anchors', pixels / torch.tensor(STRIDES)[:, None, None])
        self.register_buffer('anchor_grid', pixels.reshape(LEVELS, 1, BOXES_PER_CELL, 1, 1, 2))
        self.m = nn.ModuleList(nn.Conv2d(width, outputs, 1) for width in widths)
        self.m2 = nn.ModuleList(nn.Conv2d(width, outputs, 1) for width in auxiliary)
        self.ia = nn.ModuleList(Implicit(width, 0.0) for width in widths)
        self.im = nn.ModuleList(Implicit(outputs, 1.0) for _ in widths)

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Return (B, 3, H, W, 5 + classes) logits per level."""
        results = []
        for level, features in enumerate(levels):
            if len(self.ia):
                features = features + cast(Tensor, self.ia[level].implicit)
            raw = self.m[level](features)
            if len(self.im):
                raw = raw * cast(Tensor, self.im[level].implicit)
            rows, columns = raw.shape[-2:]
            raw = raw.reshape(len(raw), BOXES_PER_CELL, -1, rows, columns)
            results.append(raw.permute(0, 1, 3, 4, 2))
        return results

    def fold(self) -> None:
        """Fold `ia` and `im` into the convolutions: W (x + a) + b, times m."""
        # a second call changes nothing
        for conv, before, after in zip(self.m, self.ia, self.im, strict=False):
            weight, bias = cast(Tensor, conv.weight), cast(Tensor, conv.bias)
            scale = cast(Tensor, after.implicit).detach().flatten()
            shift = weight.detach().flatten(1) @ cast(Tensor, before.implicit).detach().flatten()
            conv.bias = nn.Parameter((bias.detach() + shift) * scale)
            conv.weight = nn.Parameter(weight.detach() * scale[:, None, None, None])
        self.ia, self.im = nn.ModuleList(), nn.ModuleList()


def decode(raw: Tensor, stride: int, anchors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """
    Turn logits (B, 3, H, W, 5 + C) of a level into boxes, objectness and class probabilities.

    With s the sigmoids, the centre is (2 s - 0.5 + cell) stride and the size (2 s)^2 times the
    anchor's, (1, 3, 1, 1, 2) in pixels. Returns (B, N, 4) xyxy, (B, N) and (B, N, C).
    """
    values = raw.float().sigmoid()
    rows, columns = raw.shape[2:4]
    y, x = torch.meshgrid(
        torch.arange(rows, device=raw.device), torch.arange(columns, device=raw.device),
        indexing='ij')
    centre = (2 * values[..., :2] - 0.5 + torch.stack([x, y], -1)) * stride
    half = (2 * values[..., 2:4]) ** 2 * anchors.float() / 2
    boxes = torch.cat([centre - half, centre + half], -1)
    return boxes.flatten(1, 3), values[..., 4].flatten(1), values[..., 5:].flatten(1, 3)
