# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
RcnnGraphs: Faster R-CNN and its motion model in fixed shapes, without synchronising with a GPU.

Each step is recorded as a CUDA graph: detect objects in an image, search tracks in it, refine
boxes, extract templates. Features stay on the device, in one table that the next image
overwrites.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any
import weakref

import torch
from torch import Tensor

from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.detectors.postprocess.selection_fixed import CONVERGED
from mot_ros.tracking.detectors.rcnn.preprocess import normalised, smoothed, statistics
from mot_ros.tracking.nets.backbones.backbone import Backbone
from mot_ros.tracking.nets.ops.nms import first_rows, fixed_nms, gather_rows
from mot_ros.tracking.nets.rcnn.boxes_inclusive import clip, to_exclusive
from mot_ros.tracking.nets.rcnn.roi_align import CellTable, FIRST_STRIDE, LEVELS
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.emm_decode import Grid
from mot_ros.tracking.nets.siammot.imm import ImmOptions
from mot_ros.tracking.nets.siammot.network import MotionModel, SearchOptions, SiamMotNetwork
from mot_ros.tracking.nets.siammot.search_region import Memory
from mot_ros.tracking.runtime.cuda_graph import CudaGraph

Search = Callable[[Memory], tuple[Tensor, Tensor]]

MOST_KINDS = 8
"""Search options for which graphs are kept, as a search region may grow and shrink."""


class RcnnGraphs:
    """
    The steps for images of `source` (width, height), resized to `size` for the network.

    `numbers` (L,) are the network's class numbers of all labels, `wanted` the labels to detect.
    Boxes are inclusive pixels of the network's input. With `graphs` the steps are recorded, else
    called plainly.
    """

    def __init__(
            self, network: SiamMotNetwork, body: Backbone, size: tuple[int, int],
            source: tuple[int, int], numbers: Sequence[int], wanted: Sequence[int],
            settings: RcnnSettings, device: torch.device, *, graphs: bool) -> None:
        self.network, self.size, self.source, self.device = network, size, source, device
        self.settings, self.labels, self.recorded = settings, wanted, graphs
        self._body = body
        # numbers of Python are copied to the device here and never again
        self._numbers = torch.tensor(numbers, device=device)
        self._wanted = torch.tensor(wanted, device=device, dtype=torch.int64)
        self._statistics = statistics(body.mean, body.std, device)
        width, height = size
        fpn = network.backbone.fpn
        self.table = CellTable.empty(
            [(1, height // stride, width // stride)
             for stride in (FIRST_STRIDE << level for level in range(LEVELS))],
            torch.empty(1, fpn.width, dtype=next(fpn.parameters()).dtype, device=device))
        """P2 to P5 of the last image."""
        *finer, coarsest = self.table.maps()
        self.features = [*finer, coarsest, coarsest[:, :, ::2, ::2]]
        """P2 to P6 of the last image, views of the table."""
        self._anchors = network.rpn.anchor_generator(self.features)
        self.generation = 0
        """Number of images so far; features of an earlier one are overwritten."""
        self.detect = self._captured(RcnnGraphs._detect)
        """An image (H, W, 3) uint8 BGR to its detections, see to_table; fills the table."""
        self.extract_features = self._captured(RcnnGraphs._extract_features)
        """The same without detections."""
        self.detect_at = self._captured(RcnnGraphs._detect_at)
        """Proposals (K, 5), box and whether it counts, to the detections among them."""
        self.refine = self._captured(RcnnGraphs._refine)
        """Boxes (K, 5), the last column a label, to refined boxes and their scores (K, 5)."""
        self._of_options: dict[Hashable, CudaGraph] = {}

    def search_tracks(self, head: MotionModel, options: SearchOptions) -> CudaGraph:
        """
        Return the search of the motion model, and the refinement of its boxes.

        It takes rows (K, 6), expected box, label and slot, and templates (S, ...), one per slot,
        and returns rows (K, 10): box of the search, visibility, refined box, score.
        """
        return self._kept(
            ('search', head, options),
            lambda: self._captured(RcnnGraphs._search_tracks, self._search(head, options)))

    def extract_templates(self, head: MotionModel, options: SearchOptions) -> CudaGraph:
        """Return the extraction of templates (K, ...) from boxes (K, 4 or more columns)."""
        return self._kept(
            ('templates', head, options),
            lambda: self._captured(RcnnGraphs._extract_templates, head, options))

    def _kept(self, key: Hashable, make: Callable[[], CudaGraph]) -> CudaGraph:
        if key not in self._of_options:
            if len(self._of_options) == 2 * MOST_KINDS:
                self._of_options.clear()
            self._of_options[key] = make()
        return self._of_options[key]

    def _captured(self, work: Callable[..., tuple[Tensor, ...]], *known: object) -> CudaGraph:
        # a graph holds much memory, which is to be freed with self: no reference in a circle
        own = weakref.ref(self)
        return CudaGraph(
            lambda *inputs: work(own(), *known, *inputs), self.device, self.recorded)

    def _search(self, head: Any, options: SearchOptions) -> Search:
        table = self.table
        if isinstance(options, ImmOptions):
            return lambda memory: head.search(table, memory, options)
        grid = Grid.of(options.response_cells, self._statistics[0])
        return lambda memory: head.search(table, memory, options, grid)

    def _search_tracks(self, search: Search, rows: Tensor, templates: Tensor) -> tuple[Tensor]:
        found, visibility = search(
            Memory(templates[rows[:, 5].long()], rows[:, :4], rows[:, :4]))
        refined, = self._refine(torch.cat([self._in_image(found), rows[:, 4:5]], dim=1))
        return torch.cat([found, visibility[:, None].float(), refined], dim=1),

    def _extract_templates(self, head: Any, options: SearchOptions, rows: Tensor) -> tuple[Tensor]:
        return head.extract_templates(self.table, rows[:, :4], options).features,

    def _extract_features(self, image: Tensor) -> tuple[Tensor, ...]:
        self._fill_table(image)
        return ()

    def _detect(self, image: Tensor) -> tuple[Tensor]:
        features = self._fill_table(image)
        s = self.settings
        proposals, converged = self.network.rpn.propose_fixed(
            features, self.size,
            Selection(s.per_level, s.proposals, s.proposal_overlap, s.amodal), self._anchors)
        table = self._detections(proposals.boxes[0], proposals.mask[0])
        table[:, CONVERGED] *= converged
        return table,

    def _fill_table(self, image: Tensor) -> list[Tensor]:
        """Fill the table with the features of an image; return P2 to P6."""
        batch = normalised(smoothed(image, self.size, self.device), *self._statistics)
        features: list[Tensor] = self.network.backbone.fpn(self._body(batch))
        self.table.fill(features)
        return features

    def _detect_at(self, places: Tensor) -> tuple[Tensor]:
        return self._detections(places[:, :4], places[:, 4] > 0),

    def _detections(self, proposals: Tensor, mask: Tensor) -> Tensor:
        scores, boxes = self._box_head(proposals)
        return to_table(
            scores[:, self._wanted], boxes[:, self._wanted], mask, self._wanted, self.size,
            self.settings)

    def _refine(self, rows: Tensor) -> tuple[Tensor]:
        scores, boxes = self._box_head(rows[:, :4])
        label = rows[:, 4:5].long()
        own = boxes.gather(1, label[:, :, None].expand(-1, -1, 4))[:, 0]
        return torch.cat([own, scores.gather(1, label)], dim=1),

    def _box_head(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (K, L) and boxes (K, L, 4) of each label, not clipped."""
        probabilities, refined = self.network.refine(self.table, boxes)
        return probabilities[:, self._numbers].clamp(max=1), refined[:, self._numbers]

    def _in_image(self, boxes: Tensor) -> Tensor:
        """Cut boxes (K, 4) to the image unless amodal, as RoiHeads.in_image does outside."""
        boxes = boxes.masked_fill(~boxes.isfinite().all(dim=1, keepdim=True), 0)
        if self.settings.amodal:
            return boxes
        # edges of the image, as first and last pixels in the network's input
        (width, height), (across, down) = self.source, (
            side / inner for side, inner in zip(self.source, self.size, strict=True))
        return torch.stack([
            boxes[:, 0].clamp(0, width / across), boxes[:, 1].clamp(0, height / down),
            boxes[:, 2].clamp(-1 / across, (width - 1) / across),
            boxes[:, 3].clamp(-1 / down, (height - 1) / down)], dim=1)


def to_table(
        scores: Tensor, boxes: Tensor, mask: Tensor, labels: Tensor, size: tuple[int, int],
        settings: RcnnSettings) -> Tensor:
    """
    Return the detections of an image as a table (M, 8), best first.

    Its columns are those of postprocess/selection_fixed.py.

    `scores` (P, L) and `boxes` (P, L, 4), inclusive pixels of the input of (width, height), are
    those of the classes `labels` (L,) at P proposals, of which `mask` (P,) are valid. The boxes
    of the table are in the same pixels. The steps are those of RoiHeads.detections, with masks
    in place of fewer rows.
    """
    boxes = boxes if settings.amodal else clip(boxes, size)
    # a box outside the image is left without area; NaN, of a damaged image, is dropped too
    whole = (boxes[..., 2:] > boxes[..., :2]).all(dim=-1) & boxes.isfinite().all(dim=-1)
    valid = (scores > settings.score_floor) & whole & mask[:, None]
    ranked = scores.masked_fill(~valid, -1)
    kept, converged = _kept_of_classes(ranked.T, boxes.transpose(0, 1), settings.nms_iou)
    # of equal scores that of the better proposal comes first, then that of the first class
    ranked, order = ranked.flatten().sort(descending=True, stable=True)
    rows, found = first_rows(kept.T.flatten()[order][None], settings.max_detections)
    columns = torch.cat([
        boxes.flatten(0, 1)[order], ranked[:, None],
        labels.repeat(len(scores))[order, None].to(boxes.dtype)], dim=1)
    done = converged.expand_as(found)
    return torch.cat([
        gather_rows(columns[None], rows, found), torch.stack([found, done], dim=-1)], dim=-1)[0]


def _kept_of_classes(scores: Tensor, boxes: Tensor, overlap: float) -> tuple[Tensor, Tensor]:
    """Suppress boxes (L, P, 4) within each class; rows with scores below 0 are no boxes."""
    ranked, order = scores.sort(dim=1, descending=True, stable=True)
    everywhere = torch.ones_like(order, dtype=torch.bool)
    kept, converged = fixed_nms(
        gather_rows(to_exclusive(boxes), order, everywhere), ranked >= 0, overlap)
    return torch.zeros_like(kept).scatter(1, order, kept), converged
