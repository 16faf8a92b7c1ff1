# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What the detectors with a feature pyramid ask of the network in front of it."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """
    Images (B, 3, H, W) float32 RGB to the list C2..C5, at strides 4, 8, 16 and 32.

    `channels` are the widths of C2..C5. `mean` and `std` are what the images are normalised
    with, for RGB in [0, 1]: (x - mean) / std.
    """

    channels: tuple[int, int, int, int]
    mean: ClassVar[tuple[float, float, float]] = IMAGENET_MEAN
    std: ClassVar[tuple[float, float, float]] = IMAGENET_STD
