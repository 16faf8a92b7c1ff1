# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""EMM, SiamMOT's explicit motion model (arXiv 2105.11595, section 3.2), as it was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
import math
from typing import cast, Literal

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.roi_align import levels_of, roi_align
from mot_ros.tracking.nets.search_region import Memory, SearchRegion

UPSAMPLING = 16
"""Positions per cell of the response, along each axis, among which the best is chosen."""
DECODED_TOGETHER = 1 << 19
"""Positions, of all tracks together, whose upsampled maps are in memory at a time."""
LEAST_SIDE = 1e-3
"""Pixels; upsampling may overshoot below zero, and a size is divided by."""
NORM_GROUPS = 32
FIRST_SIDE = 16.0
"""Pixels that a fresh network says; about zero half of the sides were cut off, and never learn."""
SIZE_SPREAD = 0.5
"""Standard deviation of the paper ranking's Gaussian, in natural logarithms of a side."""

Ranking = Literal['code', 'paper']


@dataclass(frozen=True)
class EmmOptions:
    """
    How EMM searches, and which of the positions it takes.

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
    """What the predictor says at n x n shifts of each template: one row per track."""

    classes: Tensor
    """(K, 2, n, n), logits of background and of the track."""
    centerness: Tensor
    """(K, 1, n, n), logits."""
    sides: Tensor
    """(K, 4, n, n), how far left, up, right and down the box reaches, in network pixels."""

    def __getitem__(self, rows: slice | Tensor) -> Response:
        return Response(self.classes[rows], self.centerness[rows], self.sides[rows])


class Predictor(nn.Module):
    """
    Two towers over the correlated features; the tensors have the published names.

    GroupNorm has 32 groups; of a width that 32 does not divide, as many as divide both.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cls_tower = _tower(width)
        self.reg_tower = _tower(width)
        self.cls = nn.Conv2d(width, 2, 3, 1, 1)
        self.center = nn.Conv2d(width, 1, 3, 1, 1)
        self.reg = nn.Conv2d(width, 4, 3, 1, 1)
        nn.init.constant_(self.reg.get_parameter('bias'), FIRST_SIDE)

    def forward(self, correlated: Tensor) -> Response:
        """Judge correlated features (K, width, n, n)."""
        seen = self.cls_tower(correlated)
        return Response(
            self.cls(seen), self.center(seen), F.relu(self.reg(self.reg_tower(correlated))))


class Emm(nn.Module):
    """
    Looks for each remembered box around where it was, by correlating features.

    `width` is that of the feature pyramid. `options` may be exchanged between two calls;
    convolutions do not mind another scale, though scores then need a new look.
    """

    def __init__(self, width: int = 128, options: EmmOptions | None = None) -> None:
        super().__init__()
        self.options = options or EmmOptions()
        self.predictor = Predictor(width)

    def remember(
            self, features: Sequence[Tensor], boxes: Tensor, options: EmmOptions | None = None,
            batch: Tensor | None = None) -> Memory:
        """
        Return templates of boxes (K, 4) xyxy, network pixels, and where to look for them next.

        `features` are P2 to P5, each (B, C, H, W). `options` apply to this call in place of the
        module's own. `batch` (K,) says which image each box is of, the first if not given.
        """
        options = options or self.options
        templates = roi_align(
            features, boxes, _images(boxes, batch), levels_of(boxes), options.template_cells)
        return Memory(templates, options.region.around(boxes), boxes)

    def search(
            self, features: Sequence[Tensor], memory: Memory,
            options: EmmOptions | None = None) -> tuple[Tensor, Tensor]:
        """
        Return where each track of the memory is now: boxes (K, 4) and visibilities (K,).

        Boxes are in network pixels and not clipped: one that leaves the image says so by its
        place. Where `options` are given, they apply in place of the module's own, and the
        regions are grown anew around the template boxes.
        """
        if options is not None:
            memory = Memory(
                memory.features, options.region.around(memory.template), memory.template)
        options = options or self.options
        response = self.respond(features, memory, options)
        parts = [
            decode(response[rows], memory.search[rows], memory.template[rows], options)
            for rows in _chunks(len(memory), options.response_cells)]
        boxes, visibility = zip(*parts, strict=True)
        return torch.cat(boxes), torch.cat(visibility)

    def respond(
            self, features: Sequence[Tensor], memory: Memory, options: EmmOptions | None = None,
            batch: Tensor | None = None) -> Response:
        """
        Return what the predictor sees in the regions of the memory, for training and decoding.

        Both sides are pooled from the level of the template's box, and beyond the image there
        is nothing, which equals maps padded with zeros.
        """
        options = options or self.options
        searched = roi_align(
            features, memory.search, _images(memory.search, batch), levels_of(memory.template),
            options.search_cells, outside='zeros')
        return cast(Response, self.predictor(correlate(searched, memory.features)))


def correlate(searched: Tensor, templates: Tensor) -> Tensor:
    """
    Slide templates (K, C, t, t) over regions (K, C, s, s), each channel for itself.

    Returns (K, C, s - t + 1, s - t + 1). One grouped convolution serves all tracks.
    """
    tracks, channels = searched.shape[:2]
    # such a convolution needs one group at least
    if tracks == 0:
        cells = searched.shape[-1] - templates.shape[-1] + 1
        return searched.new_zeros(0, channels, cells, cells)
    correlated = F.conv2d(
        searched.reshape(1, tracks * channels, *searched.shape[2:]),
        templates.reshape(tracks * channels, 1, *templates.shape[2:]),
        groups=tracks * channels)
    return correlated.reshape(tracks, channels, *correlated.shape[2:])


def decode(
        response: Response, search: Tensor, template: Tensor, options: EmmOptions,
) -> tuple[Tensor, Tensor]:
    """
    Return the best box (K, 4) and its visibility (K,) of responses to regions (K, 4).

    The maps are upsampled bicubically. That is linear and works on each axis apart, so of the
    seven maps only four need it as a whole: the difference of the two logits, the centerness
    and the sizes; the sides are looked up where the best position is.
    """
    # a box of hundreds of pixels does not go into half precision
    with torch.autocast(search.device.type, enabled=False):
        upsample = upsampling(response.classes.shape[-1], search)
        classes, sides = response.classes.float(), response.sides.float()
        visible = classes[:, 1] - classes[:, 0]
        maps = torch.stack([
            visible, response.centerness[:, 0].float(),
            sides[:, 0] + sides[:, 2], sides[:, 1] + sides[:, 3]], dim=1)
        visible, centerness, width, height = (upsample @ maps @ upsample.mT).unbind(1)
        visible = visible.sigmoid()
        quality = visible * centerness.sigmoid() if options.centerness else visible
        rank = ranked(quality, width, height, template, options).flatten(1)
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
) -> Tensor:
    """
    Rank positions by quality, size and distance from the centre, all (K, N, N).

    `width` and `height` are those of the box at each position, which is compared with the
    template's box (K, 4).
    """
    # sides without the +1, as published
    was = (template[:, 2:] - template[:, :2]).clamp(min=LEAST_SIDE)[:, :, None, None]
    width, height = width.clamp(min=LEAST_SIDE), height.clamp(min=LEAST_SIDE)
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


def _tower(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, 1, 1, bias=False),
        nn.GroupNorm(math.gcd(NORM_GROUPS, width), width), nn.ReLU())


def _images(boxes: Tensor, batch: Tensor | None) -> Tensor:
    """Return which image each of K boxes is of, (K,)."""
    return torch.zeros_like(boxes[:, 0], dtype=torch.long) if batch is None else batch


def _chunks(count: int, cells: int) -> list[slice]:
    """Cut a number of tracks into slices, one at least, by how large a response is."""
    together = max(1, DECODED_TOGETHER // (cells * UPSAMPLING) ** 2)
    return [slice(start, start + together) for start in range(0, max(count, 1), together)]
