# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Decoding of EMM: from the response at each shift of a template to a box and its visibility."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.siammot.search_region import SearchRegion

UPSAMPLING = 16
"""Positions per cell of the response, along each axis, among which the best is chosen."""
LEAST_SIDE = 1e-3
"""Pixels; upsampling may overshoot below zero, and a size is divided by."""
SIZE_SPREAD = 0.5
"""Standard deviation of the paper ranking's Gaussian, in natural logarithms of a side."""

Ranking = Literal['code', 'paper']


@dataclass(frozen=True)
class EmmOptions:
    """
    The search of EMM, and the ranking of the positions in its response.

    The template is pooled to `template_cells` squared, the region to that times its scale.
    `centerness`: visibility is multiplied by it before ranking. `window_weight` is lambda, the
    say of the cosine window, and `penalty` k, how much a change of size costs. `ranking`:
    'code' adds the window, (1 - lambda) v exp(k (1 - s_w s_h)) + lambda C, which is what the
    published weights were made and measured with; 'paper' multiplies, v (lambda C + (1 -
    lambda) S), equations 4 and 5. There S is a Gaussian of how much the sides changed, whose
    width the paper does not give; here exp(-(ln^2 s_w + ln^2 s_h) / (2 * 0.5^2)), which a side
    that doubles brings to 0.38, and k plays no part.
    """

    region: SearchRegion = field(default_factory=SearchRegion)
    template_cells: int = 15
    window_weight: float = 0.4
    centerness: bool = True
    penalty: float = 0.1
    ranking: Ranking = 'code'

    @property
    def search_cells(self) -> int:
        """Cells of a side of the pooled region."""
        return int(self.template_cells * self.region.scale)

    @property
    def response_cells(self) -> int:
        """Cells of a side of the response, at each of which the template fits into the region."""
        return self.search_cells - self.template_cells + 1


@dataclass(frozen=True, eq=False)
class Response:
    """The output of the predictor at n x n shifts of each template: one row per track."""

    classes: Tensor
    """(K, 2, n, n), logits of background and of the track."""
    centerness: Tensor
    """(K, 1, n, n), logits."""
    sides: Tensor
    """(K, 4, n, n), how far left, up, right and down the box reaches, in network pixels."""

    def __getitem__(self, rows: slice | Tensor) -> Response:
        return Response(self.classes[rows], self.centerness[rows], self.sides[rows])


class Grid(NamedTuple):
    """
    The positions of a response of n cells a side, finer than those.

    `upsample` (16 n, n) is the matrix that upsamples an axis bicubically, `window` (16 n, 16 n)
    the cosine window. They are the same for every frame.
    """

    upsample: Tensor
    window: Tensor

    @staticmethod
    def of(cells: int, like: Tensor) -> Grid:
        """Return the grid of a response of so many cells a side, where a tensor is."""
        return Grid(upsampling(cells, like), cosine_window(cells * UPSAMPLING, like))


def decode(
        response: Response, search: Tensor, template: Tensor, options: EmmOptions,
        grid: Grid | None = None) -> tuple[Tensor, Tensor]:
    """
    Return the best box (K, 4) and its visibility (K,) of responses to regions (K, 4).

    The `grid` of the response may be given, to be made only once.
    The maps are upsampled bicubically. That is linear and works on each axis apart, so of the
    seven maps only four need it as a whole: the difference of the two logits, the centerness
    and the sizes; the sides are interpolated at the best position.
    """
    # half precision is too coarse for a box of hundreds of pixels
    with torch.autocast(search.device.type, enabled=False):
        upsample, window = grid or Grid.of(response.classes.shape[-1], search)
        classes, sides = response.classes.float(), response.sides.float()
        visible = classes[:, 1] - classes[:, 0]
        maps = torch.stack([
            visible, response.centerness[:, 0].float(),
            sides[:, 0] + sides[:, 2], sides[:, 1] + sides[:, 3]], dim=1)
        visible, centerness, width, height = (upsample @ maps @ upsample.mT).unbind(1)
        visible = visible.sigmoid()
        quality = visible * centerness.sigmoid() if options.centerness else visible
        rank = ranked(quality, width, height, template, options, window).flatten(1)
        best = rank.argmax(dim=1)
        visibility = visible.flatten(1).gather(1, best[:, None])[:, 0]
        row = best.div(upsample.shape[0], rounding_mode='floor')
        column = best % upsample.shape[0]
        left, top, right, bottom = torch.einsum(
            'kn,kcnm,km->ck', upsample[row], sides, upsample[column])
        x, y = position(search, row, column, options, UPSAMPLING)
        return torch.stack([x - left, y - top, x + right, y + bottom], dim=1), visibility


def ranked(
        quality: Tensor, width: Tensor, height: Tensor, template: Tensor, options: EmmOptions,
        window: Tensor | None = None) -> Tensor:
    """
    Rank positions by quality, size and distance from the centre, all (K, N, N).

    `width` and `height` are those of the box at each position, which is compared with the
    template's box (K, 4). The cosine `window` (N, N) may be given.
    """
    # sides without the +1, as published
    was = (template[:, 2:] - template[:, :2]).clamp(min=LEAST_SIDE)[:, :, None, None]
    width, height = width.clamp(min=LEAST_SIDE), height.clamp(min=LEAST_SIDE)
    if window is None:
        window = cosine_window(quality.shape[-1], quality)
    weight = options.window_weight
    if options.ranking == 'paper':
        change = torch.log(width / was[:, 0]) ** 2 + torch.log(height / was[:, 1]) ** 2
        same_size = torch.exp(-change / (2 * SIZE_SPREAD ** 2))
        return quality * (weight * window + (1 - weight) * same_size)
    same_size = scale_penalty(width, height, was[:, 0], was[:, 1], options.penalty)
    return (1 - weight) * quality * same_size + weight * window


def scale_penalty(
        width: Tensor, height: Tensor, old_width: Tensor, old_height: Tensor,
        factor: float) -> Tensor:
    """Return exp(k (1 - s_w s_h)), 1 for a box that keeps its size, less for any other."""
    wider = torch.maximum(width / old_width, old_width / width)
    higher = torch.maximum(height / old_height, old_height / height)
    return torch.exp(factor * (1 - wider * higher))


def cosine_window(positions: int, like: Tensor) -> Tensor:
    """Return the periodic Hann window (positions, positions): 0 at index 0, 1 at the middle."""
    hann = torch.hann_window(positions, device=like.device, dtype=like.dtype)
    return hann[:, None] * hann


def upsampling(cells: int, like: Tensor) -> Tensor:
    """Return the matrix (16 n, n) that upsamples an axis of n cells bicubically."""
    one_by_one = torch.eye(cells, device=like.device)[None, None]
    size = (cells * UPSAMPLING, cells)
    return F.interpolate(one_by_one, size, mode='bicubic', align_corners=False)[0, 0]


def position(
        search: Tensor, row: Tensor, column: Tensor, options: EmmOptions, finer: int = 1,
) -> tuple[Tensor, Tensor]:
    """
    Return x and y, network pixels, of rows and columns of the response to regions (K, 4).

    The region is divided into evenly spaced points from edge to edge, `finer` of them per cell;
    those at which the template's centre cannot lie do not count.
    """
    points = options.search_cells * finer
    first = (options.template_cells - 1) / 2 * finer
    step = (search[:, 2:] - search[:, :2]) / (points - 1)
    return (
        search[:, 0] + (first + column) * step[:, 0], search[:, 1] + (first + row) * step[:, 1])
