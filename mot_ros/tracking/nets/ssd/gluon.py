# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""GluonCV's SSDs (arXiv 1512.02325), the detectors of SMOT: network, predictors, anchors."""

from __future__ import annotations

from collections.abc import Sequence
import math
from typing import NamedTuple

import torch
from torch import nn, Tensor

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.backbones.backbone import IMAGENET_MEAN, IMAGENET_STD
from mot_ros.tracking.nets.backbones.gluon import MobileNetV1, ResNet34V1b, ResNetV1
from mot_ros.tracking.nets.ops.precision import suiting
from mot_ros.tracking.nets.ssd.anchors import make_anchors

FEW = (1.0, 2.0, 1 / 2)
MANY = (1.0, 2.0, 1 / 2, 3.0, 1 / 3)
RATIOS = (FEW, MANY, MANY, MANY, FEW, FEW)
"""Width over height of the anchors of each level."""


class GluonVariant(NamedTuple):
    """Training parameters of a published network."""

    size: int
    """Side of its square input in pixels; other sizes work too."""
    sizes: tuple[float, ...]
    """Sides of the square anchors, one more than there are levels."""
    steps: tuple[int, ...]
    """Pixels of the input between the centres of neighbouring anchors."""


STEPS_512 = (16, 32, 64, 128, 256, 512)
SIZES_512 = (51.2, 102.4, 189.4, 276.4, 363.52, 450.6, 492.0)
PLANS = {
    'resnet34_v1b': GluonVariant(
        300, (21.0, 45.0, 99.0, 153.0, 207.0, 261.0, 315.0), (8, 16, 32, 64, 100, 300)),
    'resnet50_v1': GluonVariant(
        512, (51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72), STEPS_512),
    'resnet18_v1': GluonVariant(512, SIZES_512, STEPS_512),
    'mobilenet1.0': GluonVariant(512, SIZES_512, STEPS_512),
}


class GluonPredictor(nn.Module):
    """A 3 x 3 convolution with `outputs` channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.predictor = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Compute (B, outputs, H, W)."""
        return self.predictor(features)  # type: ignore[no-any-return]


class GluonSsd(nn.Module):
    """
    Map images to class logits and box deltas of every anchor, at any input size.

    Images are (B, 3, H, W) float32 RGB, (x - mean) / std of x in [0, 1]. Column 0 of the logits is
    the background; scores are the softmax over all columns. `body` is a backbone in PLANS,
    `classes` the number of classes without background, `sizes` the anchors' sizes if they are not
    the backbone's. Raises ConfigError for an unknown backbone, and unless there are a class and
    seven positive sizes.
    """

    mean = IMAGENET_MEAN
    std = IMAGENET_STD

    def __init__(self, body: str, classes: int, sizes: Sequence[float] = ()) -> None:
        super().__init__()
        if body not in PLANS:
            raise ConfigError(f'there is no SSD on {body!r}; the backbones are {", ".join(PLANS)}')
        if classes < 1:
            raise ConfigError(f'an SSD for {classes} classes is asked for; one is the least')
        sizes = sizes or PLANS[body].sizes
        if len(sizes) != len(RATIOS) + 1 or not all(0 < side < math.inf for side in sizes):
            raise ConfigError(
                f'the sizes of the anchors are {list(sizes)}; {len(RATIOS) + 1} positive '
                'numbers are needed')
        self.steps = PLANS[body].steps
        self.columns = classes + 1
        self.shapes = anchor_shapes(sizes)
        self.features = _features(body)
        widths = self.features.channels
        counts = [len(shapes) for shapes in self.shapes]
        self.class_predictors = nn.ModuleList(
            GluonPredictor(width, count * self.columns)
            for width, count in zip(widths, counts, strict=True))
        self.box_predictors = nn.ModuleList(
            GluonPredictor(width, count * 4) for width, count in zip(widths, counts, strict=True))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, A, columns) and deltas (B, A, 4) of (B, 3, H, W) images."""
        levels = self.features(suiting(images, self.features))
        return (
            _per_anchor(self.class_predictors, levels, self.columns),
            _per_anchor(self.box_predictors, levels, 4))

    def anchors(self, size: tuple[int, int]) -> Tensor:
        """
        Return all anchors as centre and size (A, 4) for an input of (width, height).

        Their centres are `steps` apart, even if the feature cells are not: a larger input adds
        anchors and moves none.
        """
        return torch.cat([
            make_anchors([shapes], [cells], (cells[1] * step, cells[0] * step))
            for shapes, cells, step in zip(
                self.shapes, self.features.cells(size), self.steps, strict=True)])


def anchor_shapes(sizes: Sequence[float]) -> list[list[tuple[float, float]]]:
    """
    Return (width, height) of each level's anchors, in the network's order.

    A square of the level's size, one between it and the next level's, then the other ratios.
    """
    shapes = []
    for side, following, ratios in zip(sizes[:-1], sizes[1:], RATIOS, strict=True):
        between = math.sqrt(side * following)
        shapes.append([(side, side), (between, between), *(
            (side * math.sqrt(ratio), side / math.sqrt(ratio)) for ratio in ratios[1:])])
    return shapes


def _features(body: str) -> ResNet34V1b | ResNetV1 | MobileNetV1:
    if body == 'resnet34_v1b':
        return ResNet34V1b()
    if body == 'mobilenet1.0':
        return MobileNetV1()
    return ResNetV1(18 if body == 'resnet18_v1' else 50)


def _per_anchor(predictors: nn.ModuleList, levels: Sequence[Tensor], width: int) -> Tensor:
    """Run one predictor per level and arrange its outputs as (B, A, width)."""
    return torch.cat([
        predictor(level).permute(0, 2, 3, 1).reshape(level.shape[0], -1, width)
        for predictor, level in zip(predictors, levels, strict=True)], dim=1).float()
