# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""RoiHeads: an image as SiamMOT's Faster R-CNN sees it, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
import functools
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.detectors.classes import Classes
from mot_ros.tracking.nets.rcnn import boxes_inclusive as legacy_boxes
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.network import SiamMotNetwork
from mot_ros.tracking.runtime.device import deterministic_fp32
from mot_ros.tracking.types import Detections, Floats, Ints

if TYPE_CHECKING:
    from mot_ros.tracking.detectors.rcnn.roi_heads_fixed import FixedShapeRoiHeads


@contextlib.contextmanager
def inference_fp32(device: torch.device) -> Iterator[None]:
    """Run networks without gradients, and with exact numbers."""
    with torch.inference_mode(), deterministic_fp32(device):
        yield


class RoiHeads:
    """
    The features of one image, and what can be asked of them.

    `features` are P2..P6, each (1, C, H, W); `size` is (width, height) of the network's input
    and `source` that of the image; `network` is what made the features. Boxes on the network's
    side are tensors of inclusive pixels there, those on the outside arrays between edges in the
    image, see inward.
    """

    def __init__(
            self, network: SiamMotNetwork, features: Sequence[Tensor], size: tuple[int, int],
            source: tuple[int, int], classes: Classes, wanted: Sequence[int],
            settings: RcnnSettings) -> None:
        self.network = network
        self.features = features
        self.size = size
        self.source = source
        self._classes = classes
        self._labels = wanted
        self._settings = settings

    @property
    def fixed(self) -> FixedShapeRoiHeads | None:
        """This, if it answers in fixed shapes and can follow tracks by itself."""
        return None

    @property
    def device(self) -> torch.device:
        """Where the features are."""
        return self.features[0].device

    @functools.cached_property
    def _numbers(self) -> Tensor:
        return torch.tensor(self._classes.numbers, device=self.device)

    @functools.cached_property
    def _wanted(self) -> Tensor:
        return torch.tensor(self._labels, device=self.device, dtype=torch.int64)

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the image per pixel of the network's input, across and down."""
        return self.source[0] / self.size[0], self.source[1] / self.size[1]

    def inward(self, boxes: Floats) -> Tensor:
        """
        Return boxes (K, 4) of the image as the network knows them.

        The right edge becomes the last pixel covered, and pixel numbers are scaled: that is how
        boxes were resized in training, so it is what undoes what the network has learnt. It is
        not the same as scaling edges, by up to half a pixel.
        """
        return self._scaled_in(boxes).to(self.device)

    def _scaled_in(self, boxes: Floats) -> Tensor:
        inclusive = legacy_boxes.to_inclusive(torch.from_numpy(np.array(boxes, np.float32)))
        return inclusive / torch.tensor(self.scale * 2)

    def outward(self, boxes: Tensor) -> Floats:
        """Return boxes (K, 4) of the network in pixels of the image, the inverse of inward."""
        inclusive = boxes.float().cpu() * torch.tensor(self.scale * 2)
        edges: Floats = legacy_boxes.to_exclusive(inclusive).numpy()
        return edges

    def detections(self, given: Detections | None = None) -> Detections:
        """
        Return the objects in the image, best score first.

        With `given`, those of another detector, its boxes take the place of the network's own
        proposals: scores, classes and exact places are the box head's, and the proposal network
        does not run.
        """
        settings = self._settings
        with inference_fp32(self.device):
            scores, boxes = self._head(self._places(given))
            row, column = torch.nonzero(
                scores[:, self._wanted] > settings.score_floor, as_tuple=True)
            label = self._wanted[column]
            score, box = scores[row, label], boxes[row, label]
            box = box if settings.amodal else legacy_boxes.clip(box, self.size)
            # of one that lies outside only the border is left; NaN, of a damaged image, goes too
            whole = (box[:, 2:] > box[:, :2]).all(dim=1) & box.isfinite().all(dim=1)
            box, score, label = box[whole], score[whole], label[whole]
            kept = legacy_boxes.nms(box, score, label, settings.nms_iou)
            kept = kept[:settings.max_detections]
            return self._told(box[kept], score[kept], label[kept])

    def judge(self, boxes: Floats, labels: Ints) -> tuple[Floats, Floats]:
        """
        Ask the box head about any boxes (K, 4) in the image, as what their labels (K,) say.

        Returns where the objects really are (K, 4), not clipped, and scores (K,) that they are
        of their class.
        """
        with inference_fp32(self.device):
            scores, moved = self._head(self.inward(boxes))
            label = torch.from_numpy(np.asarray(labels, np.int64)).to(self.device)
            row = torch.arange(len(label), device=self.device)
            return self.outward(moved[row, label]), scores[row, label].cpu().numpy()

    def _told(self, boxes: Tensor, scores: Tensor, labels: Tensor) -> Detections:
        """Return what was found, boxes (K, 4) in the network's input, as detections."""
        edges = self.outward(boxes)
        if not self._settings.amodal:
            # the last pixel of an enlarged image ends less than a pixel beyond it
            np.minimum(edges, np.array(self.source * 2, np.float32), out=edges)
        return Detections(edges, scores.cpu().numpy(), labels.cpu().numpy())

    def _places(self, given: Detections | None) -> Tensor:
        """Return where objects may be, (P, 4)."""
        if given is not None:
            return self.inward(given.boxes)
        settings = self._settings
        proposals = self.network.proposals(self.features, self.size, Selection(
            settings.per_level, settings.proposals, settings.proposal_overlap, settings.amodal))
        return proposals.boxes[0][proposals.mask[0]]

    def _head(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (K, L) and boxes (K, L, 4) of each label, not clipped."""
        probabilities, moved = self.network.judge(self.features, boxes)
        return probabilities[:, self._numbers].clamp(max=1), moved[:, self._numbers]
