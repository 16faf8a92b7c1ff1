# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""EMM, SiamMOT's explicit motion model (arXiv 2105.11595, section 3.3), as it was published."""

from __future__ import annotations

from collections.abc import Sequence
import math
from typing import Any, cast

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.rcnn.roi_align import CellTable, levels_of, roi_align
from mot_ros.tracking.nets.siammot.emm_decode import decode, EmmOptions, Grid, Response
from mot_ros.tracking.nets.siammot.search_region import Memory

DECODED_TOGETHER = {'cpu': 1 << 19, 'cuda': 1 << 22}
"""
Positions, of all tracks together, whose upsampled maps are in memory at a time.

On a CPU those of 8 tracks, which fit into its cache; on a GPU those of 64, in 300 MB.
"""
NORM_GROUPS = 32
FIRST_SIDE = 16.0
"""Pixels that a fresh network says; about zero, half of the sides are cut off and never learn."""


class EmmPredictor(nn.Module):
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
        """Return the response to correlated features (K, width, n, n)."""
        # so few channels take as long as one convolution as they would in each of two
        both = [self.cls, self.center]
        judged = F.conv2d(
            self.cls_tower(correlated), torch.cat([layer.weight for layer in both]),
            torch.cat([layer.get_parameter('bias') for layer in both]), padding=1)
        return Response(
            judged[:, :2], judged[:, 2:], F.relu(self.reg(self.reg_tower(correlated))))


class Emm(nn.Module):
    """
    Searches each template around its box, by correlating features.

    `width` is that of the feature pyramid. `options` may be exchanged between two calls;
    the convolutions fit any scale, but another one needs other score thresholds.
    """

    def __init__(self, width: int = 128, options: EmmOptions | None = None) -> None:
        super().__init__()
        self.options = options or EmmOptions()
        self.predictor = EmmPredictor(width)

    def extract_templates(
            self, features: Sequence[Tensor] | CellTable, boxes: Tensor,
            options: EmmOptions | None = None, batch: Tensor | None = None) -> Memory:
        """
        Return templates of boxes (K, 4) xyxy, network pixels, and their search regions.

        `features` are P2 to P5, each (B, C, H, W), or a table of them. `options` apply to this
        call in place of the module's own. `batch` (K,) says which image each box is of, the
        first if not given.
        """
        options = options or self.options
        templates = roi_align(
            features, boxes, _images(boxes, batch), levels_of(boxes), options.template_cells)
        return Memory(templates, options.region.around(boxes), boxes)

    def search(
            self, features: Sequence[Tensor] | CellTable, memory: Memory,
            options: EmmOptions | None = None, grid: Grid | None = None,
    ) -> tuple[Tensor, Tensor]:
        """
        Return the boxes (K, 4) and visibilities (K,) of the tracks of the memory in this image.

        Boxes are in network pixels and not clipped: one may lie
        outside the image. Where `options` are given, they apply in place of the module's own,
        and the regions are computed anew around the template boxes. With features in a table
        all shapes depend on K alone, without synchronising; `grid` is that of the response.
        """
        if options is not None:
            memory = Memory(
                memory.features, options.region.around(memory.template), memory.template)
        options = options or self.options
        grid = grid or Grid.of(options.response_cells, memory.template)
        if isinstance(features, CellTable) or memory.template.device.type != 'cpu':
            return self._found(features, memory, options, grid)
        boxes, visibility = torch.empty_like(memory.template), torch.empty_like(
            memory.template[:, 0])
        for rows in _apart(memory):
            boxes[rows], visibility[rows] = self._found(features, memory[rows], options, grid)
        return boxes, visibility

    def _found(
            self, features: Sequence[Tensor] | CellTable, memory: Memory, options: EmmOptions,
            grid: Grid) -> tuple[Tensor, Tensor]:
        """Do what search does, with all tracks at a time."""
        response = self.respond(features, memory, options)
        parts = [
            decode(response[few], memory.search[few], memory.template[few], options, grid)
            for few in _chunks(len(memory), len(grid.window), memory.template.device)]
        boxes, visibility = zip(*parts, strict=True)
        return torch.cat(boxes), torch.cat(visibility)

    def respond(
            self, features: Sequence[Tensor] | CellTable, memory: Memory,
            options: EmmOptions | None = None, batch: Tensor | None = None) -> Response:
        """
        Return the predictor's response in the regions of the memory, for training and decoding.

        Template and region are pooled from the level of the template's box, with zeros beyond
        the image.
        """
        options = options or self.options
        searched = roi_align(
            features, memory.search, _images(memory.search, batch), levels_of(memory.template),
            options.search_cells, outside='zeros')
        return cast(Response, self.predictor(correlate(searched, memory.features)))


def correlate(searched: Tensor, templates: Tensor) -> Tensor:
    """
    Slide templates (K, C, t, t) over regions (K, C, s, s), each channel for itself.

    Returns (K, C, s - t + 1, s - t + 1).
    """
    correlated: Tensor = _Correlation.apply(searched, templates)  # type: ignore[no-untyped-call]
    return correlated


class _Correlation(torch.autograd.Function):
    """
    The correlation, whose gradients are correlations too.

    The convolution's own gradients are the same, but take a CPU five times as long.
    """

    @staticmethod
    def forward(ctx: Any, searched: Tensor, templates: Tensor) -> Tensor:
        ctx.save_for_backward(searched, templates)
        return _slid(searched, templates)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        searched, templates = ctx.saved_tensors
        # that of a mixed precision is in the lower one
        gradient = gradient.to(searched.dtype)
        of_searched = of_templates = None
        if ctx.needs_input_grad[0]:
            around = [templates.shape[-1] - 1] * 4
            of_searched = _slid(
                F.pad(gradient, around), templates.flip(2, 3).to(gradient.dtype))
        if ctx.needs_input_grad[1]:
            of_templates = _slid(searched, gradient).to(templates.dtype)
        return of_searched, of_templates


def _slid(regions: Tensor, templates: Tensor) -> Tensor:
    """Do what correlate does, without gradients."""
    tracks, channels = regions.shape[:2]
    if tracks == 0:
        # a grouped convolution needs one group at least
        cells = regions.shape[-1] - templates.shape[-1] + 1
        return regions.new_zeros(0, channels, cells, cells)
    if regions.device.type == 'cpu':
        # so the features of one track stay in the cache and, channels last, where they are
        return torch.cat([
            F.conv2d(region[None], template[:, None], groups=channels)
            for region, template in zip(regions, templates, strict=True)])
    slid = F.conv2d(
        regions.reshape(1, tracks * channels, *regions.shape[2:]),
        templates.reshape(tracks * channels, 1, *templates.shape[2:]),
        groups=tracks * channels)
    return slid.reshape(tracks, channels, *slid.shape[2:])


def _tower(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, 1, 1, bias=False),
        nn.GroupNorm(math.gcd(NORM_GROUPS, width), width), nn.ReLU())


def _images(boxes: Tensor, batch: Tensor | None) -> Tensor:
    """Return which image each of K boxes is of, (K,)."""
    return torch.zeros_like(boxes[:, 0], dtype=torch.long) if batch is None else batch


def _apart(memory: Memory) -> list[Tensor]:
    """Part the tracks by level, since what is pooled from several has to be copied."""
    levels = levels_of(memory.template)
    return [torch.nonzero(levels == level)[:, 0] for level in set(levels.tolist())]


def _chunks(count: int, positions: int, device: torch.device) -> list[slice]:
    """Cut a number of tracks into slices, one at least, by the positions along an axis."""
    together = max(1, DECODED_TOGETHER.get(device.type, 1 << 19) // positions ** 2)
    return [slice(start, start + together) for start in range(0, max(count, 1), together)]
