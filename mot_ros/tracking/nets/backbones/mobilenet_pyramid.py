# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""MobileNetBackbone: the default detector's MobileNetV3-Large as backbone of a feature pyramid."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mot_ros.tracking.nets.backbones.backbone import Backbone
from mot_ros.tracking.nets.backbones.mobilenet_v3 import CHANNELS, MobileNetV3


class MobileNetBackbone(MobileNetV3, Backbone):
    """
    Light backbone for any image size; sides are divided by the stride and rounded up.

    Tensors have the names of SsdMobileNetV3; see from_ssd.
    """

    channels = CHANNELS
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return C2..C5 of images (B, 3, H, W)."""
        return self.levels(images)


def from_ssd(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the SSD's weights that belong to MobileNetBackbone."""
    return {
        name: tensor for name, tensor in state.items()
        if name.startswith(('stem.', 'blocks.'))}
