# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""NanoDet-g: CSP backbone, path aggregation neck, and one head per stride."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, NamedTuple

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.nanodet.layers import Conv

CLASSES = 80
"""COCO's classes, in the order of detectors/classes.py."""
BINS = 11
"""Bins of the distribution of each distance: 0 to 10 strides (reg_max 10)."""
STRIDES = (8, 16, 32)
STEM = 32
WIDTH = 128
"""Channels of the neck and the heads."""


class BackboneStage(NamedTuple):
    """One row of the backbone's table."""

    channels: int
    stride: int
    splits: int


STAGES = (
    BackboneStage(32, 1, 1), BackboneStage(64, 2, 2), BackboneStage(128, 2, 2),
    BackboneStage(256, 2, 3))


class ChannelSplit(nn.Module):
    """Two convolutions of half the channels, both of whose outputs are kept."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Conv(channels, channels // 2)
        self.second = Conv(channels // 2, channels // 2)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape."""
        first = self.first(features)
        return torch.cat([self.second(first), first], dim=1)


class CspStage(nn.Module):
    """Cross stage partial block (arXiv 1911.11929): its input goes around the splits as well."""

    def __init__(self, stage: BackboneStage) -> None:
        super().__init__()
        self.entry = Conv(stage.channels, stage.channels, stride=stage.stride)
        self.splits = nn.Sequential(*(ChannelSplit(stage.channels) for _ in range(stage.splits)))
        self.exit = Conv(stage.channels, stage.channels)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of twice the channels, and the size divided by the stride."""
        entry = self.entry(features)
        return torch.cat([self.exit(self.splits(entry)), entry], dim=1)


class Neck(nn.Module):
    """Path aggregation (arXiv 1803.01534) by sums: first down the pyramid, then up again."""

    def __init__(self) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            Conv(stage.channels * 2, WIDTH, 1, activated=False) for stage in STAGES[1:])

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Return the features of every stride, each of WIDTH channels, from those of the body."""
        fine, middle, coarse = (
            lateral(level) for lateral, level in zip(self.laterals, levels, strict=True))
        middle = middle + _doubled(middle, coarse)
        fine = fine + _doubled(fine, middle)
        # bilinear sampling to half the size takes the mean of four cells
        middle = middle + F.avg_pool2d(fine, 2)
        return [fine, middle, coarse + F.avg_pool2d(middle, 2)]


class NanoDetHead(nn.Sequential):
    """Class logits and bins of distances of every cell of one level."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = Conv(WIDTH, WIDTH)
        self.outputs = Conv(WIDTH, CLASSES + 4 * BINS, 1, activated=False)


class NanoDetG(nn.Module):
    """
    Images to class logits and distance bins of every cell, at any size in multiples of 32.

    Images are (B, 3, H, W) float32 BGR, normalised as in detectors/nanodet/preprocess.py. Scores
    are independent sigmoids of the logits. Cells are ordered by stride, row and column.
    """

    def __init__(self) -> None:
        super().__init__()
        self.columns = CLASSES
        self.stem = Conv(3, STEM, stride=2)
        self.stages = nn.ModuleList(CspStage(stage) for stage in STAGES)
        self.neck = Neck()
        self.heads = nn.ModuleList(NanoDetHead() for _ in STRIDES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, A, columns) and bins (B, A, 4, BINS), float32, of all A cells."""
        pyramid = self.neck(self.levels(images))
        rows = torch.cat([
            head(level).permute(0, 2, 3, 1).flatten(1, 2)
            for head, level in zip(self.heads, pyramid, strict=True)], dim=1).float()
        logits, bins = rows[..., :self.columns], rows[..., self.columns:]
        return logits, bins.reshape(*bins.shape[:2], 4, BINS)

    def levels(self, images: Tensor) -> list[Tensor]:
        """Return the backbone's features at strides 8, 16 and 32."""
        features = F.max_pool2d(self.stem(images.to(self.stem.dtype)), 3, 2, 1)
        levels = []
        for stage in self.stages:
            features = stage(features)
            levels.append(features)
        return levels[1:]

    def keep_columns(self, columns: Sequence[int]) -> None:
        """Compute only these columns of the logits from now on, in this order; exact."""
        bins = range(self.columns, self.columns + 4 * BINS)
        for head in self.heads:
            cast(NanoDetHead, head).outputs.keep_outputs([*columns, *bins])
        self.columns = len(columns)


def _doubled(like: Tensor, features: Tensor) -> Tensor:
    """Enlarge features to twice their size, which is that of `like`."""
    size = like.shape[-2:]
    return F.interpolate(features, size=size, mode='bilinear', align_corners=False)
