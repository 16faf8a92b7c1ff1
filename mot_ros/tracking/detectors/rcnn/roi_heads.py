# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""RoiHeads: the box head and the motion model of SiamMOT over the features of one image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
import functools
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.boxes import clip
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.detectors.classes import Classes
from mot_ros.tracking.nets.rcnn import boxes_inclusive as inclusive
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.network import MotionModel, SearchOptions, SiamMotNetwork
from mot_ros.tracking.nets.siammot.search_region import Memory
from mot_ros.tracking.runtime.device import deterministic_fp32
from mot_ros.tracking.types import Detections, Floats, Ints, Mask

LEAST_SIDE = 1.0
"""Pixels of a box that must be in the image, across and down."""


@contextlib.contextmanager
def inference_fp32(device: torch.device) -> Iterator[None]:
    """Run networks without gradients, and float32 arithmetic without TF32."""
    with torch.inference_mode(), deterministic_fp32(device):
        yield


class SearchedTracks(NamedTuple):
    """
    The results of N tracks in an image, in pixels of the image.

    `found` (N, 4) and `visibilities` (N,) are the motion model's, `boxes` (N, 4) and `scores`
    (N,) the box head's, which refines the found boxes.
    """

    found: Floats
    visibilities: Floats
    boxes: Floats
    scores: Floats

    @staticmethod
    def none() -> SearchedTracks:
        """Return the results of no tracks."""
        boxes = np.zeros((0, 4), np.float32)
        return SearchedTracks(boxes, boxes[:, 0], boxes, boxes[:, 0])


class RoiHeads:
    """
    Detections, refined boxes, searched tracks and templates of one image.

    `features` are P2..P6 of `network`, each (1, C, H, W); `size` is (width, height) of the
    network's input and `source` that of the image. `wanted` are the labels to detect. Boxes are
    arrays of edges in pixels of the image; they become inclusive pixels of the network's input
    in `to_network`, and edges again in `to_image`, nowhere else. FixedShapeRoiHeads does the
    same in fixed shapes.
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
    def device(self) -> torch.device:
        """The device of the features."""
        return self.features[0].device

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the image per pixel of the network's input, across and down."""
        return self.source[0] / self.size[0], self.source[1] / self.size[1]

    def detections(self, given: Detections | None = None) -> Detections:
        """
        Return the objects in the image, best score first.

        With `given`, the boxes of another detector take the place of the RPN's proposals: the
        box head gives scores, classes and refined boxes, and the RPN does not run.
        """
        settings = self._settings
        with inference_fp32(self.device):
            scores, boxes = self._box_head(
                self._proposals() if given is None else self.to_network(given.boxes))
            row, column = torch.nonzero(
                scores[:, self._wanted] > settings.score_floor, as_tuple=True)
            label = self._wanted[column]
            score, box = scores[row, label], boxes[row, label]
            box = box if settings.amodal else inclusive.clip(box, self.size)
            # a box outside the image is left without area; NaN, of a damaged image, goes too
            whole = (box[:, 2:] > box[:, :2]).all(dim=1) & box.isfinite().all(dim=1)
            box, score, label = box[whole], score[whole], label[whole]
            kept = inclusive.nms(box, score, label, settings.nms_iou)
            kept = kept[:settings.max_detections]
            return self._read(box[kept], score[kept], label[kept])

    def refine(self, boxes: Floats, labels: Ints) -> tuple[Floats, Floats]:
        """
        Refine any boxes (K, 4) by the box head, as objects of the classes `labels` (K,).

        Return the refined boxes (K, 4), not clipped, and the scores (K,) of their classes.
        """
        with inference_fp32(self.device):
            scores, refined = self._box_head(self.to_network(boxes))
            label = torch.from_numpy(np.asarray(labels, np.int64)).to(self.device)
            row = torch.arange(len(label), device=self.device)
            return self.to_image(refined[row, label]), scores[row, label].cpu().numpy()

    def search(
            self, head: MotionModel, options: SearchOptions, templates: Tensor, slots: Ints,
            expected: Floats) -> tuple[Floats, Floats]:
        """
        Search tracks around boxes `expected` (N, 4) by the motion model `head`.

        `templates` (S, ...) are those of `extract_templates`, one in each slot, `slots` (N,) the
        slot of each track. Return boxes (N, 4), not clipped, and visibilities (N,).
        """
        at = self.to_network(expected)
        with inference_fp32(self.device):
            rows = torch.from_numpy(slots).to(at.device)
            # search regions and pyramid levels follow from the expected boxes
            boxes, visibility = head.search(
                self.features, Memory(templates[rows], at, at),
                options)  # type: ignore[arg-type]
        return self.to_image(boxes), np.nan_to_num(visibility.float().cpu().numpy())

    def search_tracks(
            self, head: MotionModel, options: SearchOptions, templates: Tensor, slots: Ints,
            expected: Floats, labels: Ints) -> SearchedTracks:
        """Search tracks, see `search`, and refine the boxes found as classes `labels` (N,)."""
        found, visibilities = self.search(head, options, templates, slots, expected)
        return SearchedTracks(
            found, visibilities, *self.refine(self.in_image(found)[0], labels))

    def extract_templates(
            self, head: MotionModel, options: SearchOptions, boxes: Floats,
            slots: Ints) -> tuple[Tensor, Tensor]:
        """
        Return the slots (K,) and templates (K, ...) of boxes (K, 4), both on the device.

        Copy the templates at once: the next ones may be written to the same memory.
        """
        with inference_fp32(self.device):
            at = self.to_network(boxes)
            templates = head.extract_templates(
                self.features, at, options).features  # type: ignore[arg-type]
            return torch.from_numpy(slots).to(at.device), templates

    def in_image(self, boxes: Floats) -> tuple[Floats, Mask]:
        """
        Return boxes (N, 4), cut to the image unless amodal, and which are in the image (N,).

        At least a pixel of such a box must be left when it is cut.
        """
        finite = np.asarray(np.isfinite(boxes).all(axis=1))
        boxes = np.where(finite[:, None], boxes, np.float32(0))
        cut = clip(boxes, self.source)
        left = np.asarray((cut[:, 2:] - cut[:, :2] >= LEAST_SIDE).all(axis=1))
        return (boxes if self._settings.amodal else cut), finite & left

    def to_network(self, boxes: Floats) -> Tensor:
        """
        Return boxes (K, 4) of the image as inclusive pixels of the network's input.

        The right edge becomes the last pixel covered, and pixel numbers are scaled, as boxes
        were resized in training. That differs from scaling edges by up to half a pixel.
        """
        return self._scaled_in(boxes).to(self.device)

    def to_image(self, boxes: Tensor) -> Floats:
        """Return inclusive boxes (K, 4) of the network as edges in the image, see to_network."""
        pixels = boxes.float().cpu() * torch.tensor(self.scale * 2)
        edges: Floats = inclusive.to_exclusive(pixels).numpy()
        return edges

    @functools.cached_property
    def _numbers(self) -> Tensor:
        return torch.tensor(self._classes.numbers, device=self.device)

    @functools.cached_property
    def _wanted(self) -> Tensor:
        return torch.tensor(self._labels, device=self.device, dtype=torch.int64)

    def _scaled_in(self, boxes: Floats) -> Tensor:
        pixels = inclusive.to_inclusive(torch.from_numpy(np.array(boxes, np.float32)))
        return pixels / torch.tensor(self.scale * 2)

    def _read(self, boxes: Tensor, scores: Tensor, labels: Tensor) -> Detections:
        """Return boxes (K, 4) in the network's input, their scores and labels as Detections."""
        edges = self.to_image(boxes)
        if not self._settings.amodal:
            # the last pixel of an enlarged image ends less than a pixel beyond it
            np.minimum(edges, np.array(self.source * 2, np.float32), out=edges)
        return Detections(edges, scores.cpu().numpy(), labels.cpu().numpy())

    def _proposals(self) -> Tensor:
        """Return the proposals (P, 4) of the RPN."""
        settings = self._settings
        proposals = self.network.proposals(self.features, self.size, Selection(
            settings.per_level, settings.proposals, settings.proposal_overlap, settings.amodal))
        return proposals.boxes[0][proposals.mask[0]]

    def _box_head(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (K, L) and boxes (K, L, 4) of each label, not clipped."""
        probabilities, refined = self.network.refine(self.features, boxes)
        return probabilities[:, self._numbers].clamp(max=1), refined[:, self._numbers]
