# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Backbone: interface of networks in front of a feature pyramid."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """
    Map images (B, 3, H, W) float32 RGB to the list C2..C5, at strides 4, 8, 16 and 32.

    `channels` are the widths of C2..C5. Images are normalised by `mean` and `std`, for RGB in [0,
    1]: (x - mean) / std.
    """

    channels: tuple[int, int, int, int]
    mean: ClassVar[tuple[float, float, float]] = IMAGENET_MEAN
    std: ClassVar[tuple[float, float, float]] = IMAGENET_STD
