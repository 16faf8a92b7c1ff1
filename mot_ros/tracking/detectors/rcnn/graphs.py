# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
What a Faster R-CNN and its motion model do with images of one size where no one waits.

Three pieces of work in fixed shapes, each recorded as a graph on a GPU: `look` at an image,
`follow` tracks into it, `remember` what they look like now. Features stay on the device, in one
table that the next image overwrites.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import cast
import weakref

import torch
from torch import Tensor

from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.detectors.postprocess.selection_fixed import CONVERGED
from mot_ros.tracking.detectors.rcnn.preprocess import normalised, smoothed, statistics
from mot_ros.tracking.nets.backbones.backbone import Body
from mot_ros.tracking.nets.ops.nms import first_rows, fixed_nms, gather_rows
from mot_ros.tracking.nets.rcnn.boxes_inclusive import clip, to_exclusive, to_inclusive
from mot_ros.tracking.nets.rcnn.fpn import Fpn
from mot_ros.tracking.nets.rcnn.roi_align import CellTable, FIRST_STRIDE, LEVELS
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.emm_decode import EmmOptions, Grid
from mot_ros.tracking.nets.siammot.imm import Imm, ImmOptions
from mot_ros.tracking.nets.siammot.network import SiamMotNetwork
from mot_ros.tracking.nets.siammot.search_region import Memory
from mot_ros.tracking.runtime.cuda_graph import CudaGraph

Options = EmmOptions | ImmOptions
Search = Callable[[Memory], tuple[Tensor, Tensor]]

MOST_KINDS = 8
"""Options of the search for which graphs are kept, as a search region may grow and shrink."""


class RcnnGraphs:
    """
    The work for images of `source` (width, height), which are `size` as the network sees them.

    `numbers` (L,) are the network's own of all classes, `wanted` those labels that are looked
    for. Boxes are inclusive pixels of the network's input. With `graphs` it is recorded,
    else called plainly.
    """

    def __init__(
            self, network: SiamMotNetwork, body: Body, size: tuple[
                int, int], source: tuple[int, int],
            numbers: Sequence[int], wanted: Sequence[int], settings: RcnnSettings,
            device: torch.device, *, graphs: bool) -> None:
        self.network, self.size, self.source, self.device = network, size, source, device
        self.settings, self.labels, self.recorded = settings, wanted, graphs
        self._body = body
        self._scale = source[0] / size[0], source[1] / size[1]
        # numbers of Python are brought to the device here and never again
        self._numbers = torch.tensor(numbers, device=device)
        self._wanted = torch.tensor(wanted, device=device, dtype=torch.int64)
        self._statistics = statistics(body.mean, body.std, device)
        width, height = size
        fpn = cast(Fpn, network.backbone.get_submodule('fpn'))
        self.table = CellTable.empty(
            [(1, height // stride, width // stride)
             for stride in (FIRST_STRIDE << level for level in range(LEVELS))],
            torch.empty(1, fpn.width, dtype=next(fpn.parameters()).dtype, device=device))
        """P2 to P5 of the last image."""
        *finer, coarsest = self.table.maps()
        self.features = [*finer, coarsest, coarsest[:, :, ::2, ::2]]
        """P2 to P6 of the last image, which lie in the table."""
        self._anchors = network.rpn.anchor_generator(self.features)
        self.turn = 0
        """How many images were looked at."""
        self.look = self._captured(RcnnGraphs._look)
        """An image (H, W, 3) uint8 BGR to its detections, see to_table; fills the table."""
        self.look_only = self._captured(RcnnGraphs._look_only)
        """The same without detections."""
        self.find = self._captured(RcnnGraphs._find)
        """Places (K, 5), box and whether it counts, to the detections there."""
        self.judge = self._captured(RcnnGraphs._judge)
        """Boxes (K, 5), the last column a label, to where they are and their scores (K, 5)."""
        self._of_options: dict[Hashable, CudaGraph] = {}

    def follow(self, head: Emm | Imm, options: Options) -> CudaGraph:
        """
        Return the search for tracks and the judgement of what it finds.

        It takes rows (K, 6), expected box, label and slot, and templates (S, ...), one per slot,
        and returns rows (K, 10): box found, visibility, box judged, score.
        """
        return self._kept('follow', head, options)

    def remember(self, head: Emm | Imm, options: Options) -> CudaGraph:
        """Return what makes templates (K, ...) of boxes (K, 4 or more columns)."""
        return self._kept('remember', head, options)

    def _kept(self, what: str, head: Emm | Imm, options: Options) -> CudaGraph:
        key = what, head, options
        if key not in self._of_options:
            if len(self._of_options) == 2 * MOST_KINDS:
                self._of_options.clear()
            self._of_options[key] = (
                self._captured(RcnnGraphs._follow, self._search(head, options))
                if what == 'follow' else
                self._captured(RcnnGraphs._remember, head, options))
        return self._of_options[key]

    def _captured(self, work: Callable[..., tuple[Tensor, ...]], *known: object) -> CudaGraph:
        # it must not keep alive what keeps it: a graph has much memory, which is to go with it
        own = weakref.ref(self)
        return CudaGraph(
            lambda *inputs: work(own(), *known, *inputs), self.device, self.recorded)

    def _search(self, head: Emm | Imm, options: Options) -> Search:
        table = self.table
        if isinstance(options, ImmOptions):
            return lambda memory: cast(Imm, head).search(table, memory, options)
        grid = Grid.of(options.response_cells, self._statistics[0])
        return lambda memory: cast(Emm, head).search(table, memory, options, grid)

    def _follow(self, search: Search, asked: Tensor, templates: Tensor) -> tuple[Tensor]:
        found, visibility = search(
            Memory(templates[asked[:, 5].long()], asked[:, :4], asked[:, :4]))
        judged, = self._judge(torch.cat([self._within(found), asked[:, 4:5]], dim=1))
        return torch.cat([found, visibility[:, None].float(), judged], dim=1),

    def _remember(self, head: Emm | Imm, options: Options, asked: Tensor) -> tuple[Tensor]:
        return head.remember(
            self.table, asked[:, :4], options).features,  # type: ignore[arg-type]

    def _look_only(self, image: Tensor) -> tuple[Tensor, ...]:
        self._see(image)
        return ()

    def _look(self, image: Tensor) -> tuple[Tensor]:
        features = self._see(image)
        s = self.settings
        proposals, converged = self.network.rpn.propose_fixed(
            features, self.size,
            Selection(s.per_level, s.proposals, s.proposal_overlap, s.amodal), self._anchors)
        table = self._detections(proposals.boxes[0], proposals.mask[0])
        table[:, CONVERGED] *= converged
        return table,

    def _see(self, image: Tensor) -> list[Tensor]:
        """Fill the table; return P2 to P6."""
        batch = normalised(smoothed(image, self.size, self.device), *self._statistics)
        features = self.network.pyramid(self._body(batch))
        self.table.fill(features)
        return features

    def _find(self, places: Tensor) -> tuple[Tensor]:
        return self._detections(places[:, :4], places[:, 4] > 0),

    def _detections(self, places: Tensor, there: Tensor) -> Tensor:
        scores, boxes = self._head(places)
        return to_table(
            scores[:, self._wanted], boxes[:, self._wanted], there, self._wanted, self.size,
            self.settings)

    def _judge(self, asked: Tensor) -> tuple[Tensor]:
        scores, boxes = self._head(asked[:, :4])
        label = asked[:, 4:5].long()
        own = boxes.gather(1, label[:, :, None].expand(-1, -1, 4))[:, 0]
        return torch.cat([own, scores.gather(1, label)], dim=1),

    def _head(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (K, L) and boxes (K, L, 4) of each label, not clipped."""
        probabilities, moved = self.network.judge(self.table, boxes)
        return probabilities[:, self._numbers].clamp(max=1), moved[:, self._numbers]

    def _within(self, boxes: Tensor) -> Tensor:
        """Return boxes (K, 4) as RcnnFrontend.in_image does, cut to the image unless amodal."""
        edges = to_exclusive(_scaled(boxes, *self._scale))
        edges = edges.masked_fill(~edges.isfinite().all(dim=1, keepdim=True), 0)
        if not self.settings.amodal:
            width, height = self.source
            edges = torch.stack(
                [edges[:, 0::2].clamp(0, width), edges[:, 1::2].clamp(0, height)],
                dim=-1).flatten(1)
        return _scaled(to_inclusive(edges), 1 / self._scale[0], 1 / self._scale[1])


def _scaled(boxes: Tensor, across: float, down: float) -> Tensor:
    return torch.stack([boxes[:, 0::2] * across, boxes[:, 1::2] * down], dim=-1).flatten(1)


def to_table(
        scores: Tensor, boxes: Tensor, there: Tensor, labels: Tensor, size: tuple[int, int],
        settings: RcnnSettings) -> Tensor:
    """
    Return the detections of an image as a table (M, 8), best first.

    Its columns are those of postprocess/selection_fixed.py.

    Of `scores` (P, L) and `boxes` (P, L, 4), inclusive pixels of the input of (width, height),
    of each of the classes `labels` (L,) at P places, of which those `there` (P,) count. Boxes
    stay what they are: pixels of the input.
    """
    boxes = boxes if settings.amodal else clip(boxes, size)
    # of one that lies outside only the border is left; NaN, of a damaged image, goes too
    whole = (boxes[..., 2:] > boxes[..., :2]).all(dim=-1) & boxes.isfinite().all(dim=-1)
    valid = (scores > settings.score_floor) & whole & there[:, None]
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
    """Return which boxes (L, P, 4) suppression within each class keeps; scores below 0: none."""
    ranked, order = scores.sort(dim=1, descending=True, stable=True)
    everywhere = torch.ones_like(order, dtype=torch.bool)
    kept, converged = fixed_nms(
        gather_rows(to_exclusive(boxes), order, everywhere), ranked >= 0, overlap)
    return torch.zeros_like(kept).scatter(1, order, kept), converged
