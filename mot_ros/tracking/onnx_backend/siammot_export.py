# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
SiamMOT as four ONNX files, between which its solver runs.

`image` computes features and proposals, `boxes` refines any boxes by the features, `remember`
extracts templates of boxes and `search` finds them again in the features of another image. All
but the first take any number of boxes, search at least one. They are SiamMotNetwork.features and
proposals, SiamMotNetwork.refine, and extract_templates and search of its motion model. Boxes are
inclusive pixels of the network's input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
from typing import cast

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.backbones.mobilenet_v3 import ConvNormActivation
from mot_ros.tracking.nets.backbones.packed_conv import replace_convs
from mot_ros.tracking.nets.rcnn import boxes_inclusive as legacy_boxes
from mot_ros.tracking.nets.rcnn.box_head import POOLED
from mot_ros.tracking.nets.rcnn.roi_align import FIRST_STRIDE, LEVELS, levels_of, Outside
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.emm_decode import decode, EmmOptions
from mot_ros.tracking.nets.siammot.imm import DELTA_WEIGHTS, Imm, ImmOptions
from mot_ros.tracking.nets.siammot.network import SiamMotNetwork
from mot_ros.tracking.onnx_backend.export import Axes, check_packages, save
from mot_ros.tracking.onnx_backend.ssd_export import FixedConv

GRAPHS = ('image', 'boxes', 'remember', 'search')
MAPS = tuple(f'p{level}' for level in range(2, 2 + LEVELS))
"""Names of the features P2 to P5."""
SAMPLING = 2
EXAMPLES = 3
"""Boxes that the graphs are traced with."""


@dataclass(frozen=True)
class ExportPlan:
    """What is fixed in the files: (width, height) of the network's input, and settings."""

    size: tuple[int, int]
    selection: Selection = field(default_factory=Selection)
    emm: EmmOptions = field(default_factory=EmmOptions)
    imm: ImmOptions = field(default_factory=ImmOptions)


class ImageGraph(nn.Module):
    """A normalised image to P2..P5 and proposals."""

    def __init__(self, network: SiamMotNetwork, plan: ExportPlan) -> None:
        super().__init__()
        self.network, self.plan = network, plan

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return P2..P5, boxes (300, 4), scores (300,) and which rows count (300,)."""
        features = self.network.features(images)
        selection = self.plan.selection
        rpn = self.network.rpn
        logits, deltas = rpn(features)
        boxes, scores, levels = rpn.candidates(
            logits, deltas, [level.shape[-1] for level in features], self.plan.size, selection)
        logit, order = scores[0].topk(scores.shape[1])
        boxes = boxes[0, order]
        kept = _suppressed(boxes, levels[order], selection)
        # those kept first, and both in their order
        place = torch.arange(len(boxes)) + len(boxes) * (kept == 0)
        _, rows = place.topk(min(selection.keep, len(boxes)), largest=False)
        mask, missing = kept[rows] > 0, selection.keep - len(rows)
        return (
            *features[:LEVELS], F.pad(boxes[rows] * mask[:, None], (0, 0, 0, missing)),
            F.pad(logit[rows].sigmoid() * mask, (0, missing)), F.pad(mask, (0, missing)))


class BoxesGraph(nn.Module):
    """Features and any boxes to class probabilities and each class's box."""

    def __init__(self, network: SiamMotNetwork) -> None:
        super().__init__()
        self.head = network.box_head

    def forward(self, maps: Sequence[Tensor], boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return probabilities (K, C) and boxes (K, C, 4), not clipped."""
        return self.head.refine(pooled(maps, boxes, levels_of(boxes), POOLED), boxes)


class RememberGraph(nn.Module):
    """Features and boxes to what the motion model remembers of them."""

    def __init__(self, head: Emm | Imm, plan: ExportPlan) -> None:
        super().__init__()
        self.head, self.plan = head, plan

    def forward(self, maps: Sequence[Tensor], boxes: Tensor) -> Tensor:
        """Return templates (K, C, S, S)."""
        if isinstance(self.head, Imm):
            return _of_regions(self.head, self.plan, maps, boxes)
        return pooled(maps, boxes, levels_of(boxes), self.plan.emm.template_cells)


class SearchGraph(nn.Module):
    """Features, templates and where those boxes should be to where they are."""

    def __init__(self, head: Emm | Imm, plan: ExportPlan) -> None:
        super().__init__()
        self.head, self.plan = head, plan

    def forward(
            self, maps: Sequence[Tensor], templates: Tensor, boxes: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return boxes (K, 4), not clipped, and visibilities (K,)."""
        if isinstance(self.head, Imm):
            both = [templates, _of_regions(self.head, self.plan, maps, boxes)]
            outputs = self.head.mlp(torch.cat([part.flatten(1) for part in both], dim=1))
            return (
                legacy_boxes.decode(outputs[:, 1:], boxes, DELTA_WEIGHTS),
                outputs[:, 0].sigmoid())
        options = self.plan.emm
        regions = options.region.around(boxes)
        searched = pooled(maps, regions, levels_of(boxes), options.search_cells, 'zeros')
        response = self.head.predictor(correlated(searched, templates))
        return decode(response, regions, boxes, options)


def pooled(
        maps: Sequence[Tensor], boxes: Tensor, levels: Tensor, size: int,
        outside: Outside = 'clamp') -> Tensor:
    """
    Do what roi_align does with maps (1, C, H, W), by ONNX's operator; only there it computes.

    Beyond a map's border that repeats the border for one cell. With one cell of zeros around
    the map that cell is repeated, and beyond there is nothing anyway, which is 'zeros'.
    """
    if outside == 'zeros':
        maps = [F.pad(features, (1, 1, 1, 1)) for features in maps]
    image = torch.zeros_like(levels)
    result = maps[0].new_zeros(())
    for level, features in enumerate(maps):
        stride = FIRST_STRIDE * 2 ** level
        of_level = torch.onnx.ops.symbolic(
            'RoiAlign', (features, boxes + stride if outside == 'zeros' else boxes, image),
            {
                'coordinate_transformation_mode': 'output_half_pixel', 'mode': 'avg',
                'output_height': size, 'output_width': size, 'sampling_ratio': SAMPLING,
                'spatial_scale': 1 / stride},
            dtype=features.dtype, shape=(boxes.shape[0], features.shape[1], size, size))
        result = torch.where((levels == level)[:, None, None, None], of_level, result)
    return result


def correlated(searched: Tensor, templates: Tensor) -> Tensor:
    """
    Do what correlate does, in products of matrices, of any number of tracks.

    A convolution has a fixed number of groups. A row of a template, shifted once per column of
    the result, is a matrix that correlates with it; the template is the sum of its rows.
    """
    tracks, channels = searched.shape[:2]
    side, rows = searched.shape[-1], templates.shape[-1]
    shifts = side - rows + 1
    result = searched.new_zeros(())
    for row in range(rows):
        # with a period of one more than the side each line begins one later than the last
        line = F.pad(templates[:, :, row], (0, side + 1 - rows))
        lines = line[:, :, None].expand(-1, -1, shifts, -1).flatten(2)[..., :shifts * side]
        shifted = lines.reshape(tracks, channels, shifts, side)
        result = result + searched[:, :, row:row + shifts] @ shifted.mT
    return result


def write_graphs(
        network: SiamMotNetwork, plan: ExportPlan, names: Sequence[
            str], files: Mapping[str, Path]) -> None:
    """
    Write those of GRAPHS for which there is a file; a motion model has the last two.

    `names` are those of the classes, without the background. The network is used up. Raises
    ConfigError where the packages that torch needs for it are missing.
    """
    check_packages()
    network = network.eval().requires_grad_(False)
    network.fuse()
    if any(isinstance(module, ConvNormActivation) for module in network.body.modules()):
        replace_convs(network.body, plan.size, FixedConv)
    width, height = plan.size
    image = torch.zeros(1, 3, height, width)
    with torch.inference_mode():
        shapes = [level.shape for level in network.features(image)[:LEVELS]]
    maps = [torch.zeros(shape) for shape in shapes]
    boxes = torch.tensor([[2.0, 2.0, 20.0, 30.0]]).repeat(EXAMPLES, 1)
    count = {0: torch.export.Dim('boxes', min=0)}
    same: list[Axes] = [{}] * LEVELS
    motion, described = network.motion, _description(network, plan, names)
    for graph, path in files.items():
        metadata = {**described, 'graph': graph}
        if graph == 'image':
            save(
                ImageGraph(network, plan), [image], path, ['images'],
                [*MAPS, 'boxes', 'scores', 'mask'], [{}], metadata)
        elif graph == 'boxes':
            save(
                BoxesGraph(network), [maps, boxes], path, [*MAPS, 'boxes'],
                ['probabilities', 'refined'], [same, count], metadata)
        elif motion is not None and graph == 'remember':
            save(
                RememberGraph(motion, plan), [maps, boxes], path, [*MAPS, 'boxes'],
                ['templates'], [same, count], metadata)
        elif motion is not None:
            save(
                SearchGraph(motion, plan), [maps, _templates(motion, plan, maps), boxes], path,
                [*MAPS, 'templates', 'boxes'], ['found', 'visibility'], [same, count, count],
                metadata)


def _description(
        network: SiamMotNetwork, plan: ExportPlan, names: Sequence[str]) -> dict[str, str]:
    """Return metadata: what has to be known to use the files together."""
    motion: dict[str, str] = {}
    if network.motion is not None:
        imm = isinstance(network.motion, Imm)
        motion = {
            'motion': 'imm' if imm else 'emm',
            'options': json.dumps(asdict(plan.imm if imm else plan.emm))}
    return {
        'network': 'siammot', 'size': json.dumps(plan.size), 'pixels': 'rgb',
        'mean': json.dumps(network.body.mean), 'std': json.dumps(network.body.std),
        'boxes': 'inclusive', 'names': json.dumps(list(names)),
        'selection': json.dumps(asdict(plan.selection)), **motion}


def _suppressed(boxes: Tensor, levels: Tensor, selection: Selection) -> Tensor:
    """Return for boxes (N, 4), best first, 1 where suppression within levels (N,) keeps them."""
    # in place of scores how many are worse: all different, and those of other levels below
    worse = torch.arange(len(boxes), 0, -1, dtype=torch.float32)
    of_level = torch.arange(LEVELS + 1)[:, None] == levels
    found = torch.onnx.ops.symbolic(
        'NonMaxSuppression', (
            legacy_boxes.to_exclusive(boxes)[None], (of_level * worse)[None],
            torch.tensor([selection.keep]), torch.tensor([selection.overlap]),
            torch.tensor([0.5])),
        # how many it finds is not known before; nothing after it depends on that
        dtype=torch.int64, shape=((LEVELS + 1) * selection.keep, 3))
    rows = found[:, 2]
    return torch.zeros_like(worse).scatter(0, rows, (rows >= 0).to(worse.dtype))


def _of_regions(head: Imm, plan: ExportPlan, maps: Sequence[Tensor], boxes: Tensor) -> Tensor:
    """Return what IMM sees around boxes (K, 4)."""
    regions = plan.imm.region.around(boxes)
    return cast(Tensor, head.reduce(
        pooled(maps, regions, levels_of(boxes), head.cells, 'zeros')))


def _templates(head: Emm | Imm, plan: ExportPlan, maps: Sequence[Tensor]) -> Tensor:
    """Return templates as RememberGraph does, in shape alone."""
    cells = head.cells if isinstance(head, Imm) else plan.emm.template_cells
    features = torch.zeros(EXAMPLES, maps[0].shape[1], cells, cells)
    return head.reduce(features) if isinstance(head, Imm) else features
