# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Search regions of a Siamese motion model, and its templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SearchRegion:
    """
    The region around a box in which a track is searched (arXiv 2105.11595, section 3.1).

    `scale` is r: the region is r times as wide and as high as the box, about its centre.
    No side is shorter than `minimum_side`, in pixels of the network's input. With `widen`
    above 0 the horizontal side is r * max(width, widen * height), since people are narrow
    and a moving camera shifts them sideways. The number of pooled cells stays the same, so a
    wider region has less horizontal resolution.
    """

    scale: float = 2.0
    minimum_side: float = 0.0
    widen: float = 0.0

    def around(self, boxes: Tensor) -> Tensor:
        """Return the regions (K, 4) xyxy around boxes (K, 4) xyxy; they may leave the image."""
        # sides of the +1 convention
        width, height = (boxes[:, 2:] - boxes[:, :2] + 1).unbind(1)
        wide = torch.maximum(width, self.widen * height)
        dx, dy = (
            torch.maximum((self.scale * reached - side) / 2, (self.minimum_side - side) / 2)
            for reached, side in ((wide, width), (height, height)))
        return boxes + torch.stack([-dx, -dy, dx, dy], dim=1)


@dataclass(frozen=True, eq=False)
class Memory:
    """
    The templates of tracks, one row for each.

    `features` (K, C, S, S) are the network's, `search` (K, 4) the region to search and
    `template` (K, 4) the box last seen, both xyxy in pixels of the network's input and not
    clipped.
    """

    features: Tensor
    search: Tensor
    template: Tensor

    def __len__(self) -> int:
        return len(self.template)

    def __getitem__(self, rows: Tensor | slice | list[int]) -> Memory:
        """Return the rows of one index: a slice, integers or a mask."""
        return Memory(self.features[rows], self.search[rows], self.template[rows])

    @staticmethod
    def joined(parts: Sequence[Memory]) -> Memory:
        """Return the rows of one or more memories, in their order."""
        return Memory(
            torch.cat([part.features for part in parts]),
            torch.cat([part.search for part in parts]),
            torch.cat([part.template for part in parts]))
