# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""From distance bins to boxes (distribution focal loss, arXiv 2006.04388)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mot_ros.tracking.nets.nanodet.network import STRIDES


def cell_centres(size: tuple[int, int], strides: Sequence[int] = STRIDES) -> Tensor:
    """
    Return centre x, centre y and stride (A, 3) of the cells of an input of (width, height).

    They are ordered as the network's outputs: by stride, row and column.
    """
    width, height = size
    levels = []
    for stride in strides:
        y, x = torch.meshgrid(
            torch.arange(height // stride), torch.arange(width // stride), indexing='ij')
        cells = torch.stack([x.flatten(), y.flatten()], dim=1)
        centres = (cells + 0.5) * stride
        levels.append(torch.cat([centres, torch.full((len(cells), 1), float(stride))], dim=1))
    return torch.cat(levels)


def decode(bins: Tensor, cells: Tensor) -> Tensor:
    """
    Return boxes (..., A, 4) xyxy in pixels of the input of bins (..., A, 4, BINS).

    `cells` (A, 3) are those of cell_centres. The softmax of the bins is the distribution of the
    distance to the left, upper, right and lower edge, in strides; its mean is taken.
    """
    steps = torch.arange(bins.shape[-1], dtype=bins.dtype, device=bins.device)
    distances = torch.softmax(bins, dim=-1) @ steps * cells[:, 2:]
    centres = cells[:, :2]
    return torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], dim=-1)
