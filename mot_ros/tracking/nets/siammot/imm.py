# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""IMM, SiamMOT's implicit motion model (arXiv 2105.11595, section 3.2), rebuilt from the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn, Tensor

from mot_ros.tracking.nets.rcnn import boxes_inclusive as legacy_boxes
from mot_ros.tracking.nets.rcnn.roi_align import CellTable, levels_of, roi_align
from mot_ros.tracking.nets.siammot.search_region import Memory, SearchRegion

DELTA_WEIGHTS: legacy_boxes.Weights = (1.0, 1.0)
"""Equation 2: shifts in units of the box, growth as a plain logarithm."""


@dataclass(frozen=True)
class ImmOptions:
    """The search region of IMM, the same in both frames."""

    region: SearchRegion = field(default_factory=SearchRegion)


class Imm(nn.Module):
    """
    Regresses the motion of each template box from its region in both frames, by an MLP.

    `width` is that of the feature pyramid, regions are pooled to `cells` squared and the MLP
    has two layers of `hidden` units. As the paper has it this is 29.8 million parameters, nearly
    all of them in the first layer. `channels` makes that layer thinner, unlike the
    paper: a 1 x 1 convolution brings the pooled features down to so many channels, with 16 of
    which the model is 4.0 million parameters and a template 7 kB in half precision.
    """

    def __init__(
            self, width: int = 128, cells: int = 15, channels: int | None = None,
            hidden: int = 512, options: ImmOptions | None = None) -> None:
        super().__init__()
        self.options = options or ImmOptions()
        self.cells = cells
        self.reduce = nn.Conv2d(width, channels, 1) if channels else nn.Identity()
        inputs = 2 * (channels or width) * cells ** 2
        self.mlp = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 5))

    def extract_templates(
            self, features: Sequence[Tensor] | CellTable, boxes: Tensor,
            options: ImmOptions | None = None, batch: Tensor | None = None) -> Memory:
        """
        Return templates of boxes (K, 4) xyxy, network pixels, and their search regions.

        `features` are P2 to P5, each (B, C, H, W), or a table of them. `options` apply to this
        call in place of the module's own. `batch` (K,) says which image each box is of, the
        first if not given.
        """
        region = (options or self.options).region.around(boxes)
        return Memory(self._pooled(features, region, boxes, batch), region, boxes)

    def search(
            self, features: Sequence[Tensor] | CellTable, memory: Memory,
            options: ImmOptions | None = None) -> tuple[Tensor, Tensor]:
        """
        Return the boxes (K, 4) and visibilities (K,) of the tracks of the memory in this image.

        Boxes are in network pixels and not clipped. Where `options` are given, the regions are
        computed anew around the template boxes; the template features stay as they are.
        """
        if options is not None:
            memory = Memory(
                memory.features, options.region.around(memory.template), memory.template)
        visibility, deltas = self.respond(features, memory)
        boxes = legacy_boxes.decode(deltas.float(), memory.template, DELTA_WEIGHTS)
        return boxes, visibility.float().sigmoid()

    def respond(
            self, features: Sequence[Tensor] | CellTable, memory: Memory,
            batch: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return logits of visibility (K,) and deltas (K, 4) of the template boxes."""
        pooled = self._pooled(features, memory.search, memory.template, batch)
        both = torch.cat([memory.features.flatten(1), pooled.flatten(1)], dim=1)
        outputs: Tensor = self.mlp(both)
        return outputs[:, 0], outputs[:, 1:]

    def _pooled(
            self, features: Sequence[Tensor] | CellTable, regions: Tensor, boxes: Tensor,
            batch: Tensor | None) -> Tensor:
        """Pool regions (K, 4) from the levels of boxes (K, 4), nothing beyond the image."""
        if batch is None:
            batch = torch.zeros_like(boxes[:, 0], dtype=torch.long)
        pooled: Tensor = self.reduce(roi_align(
            features, regions, batch, levels_of(boxes), self.cells, outside='zeros'))
        return pooled
