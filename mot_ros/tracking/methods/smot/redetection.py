# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Redetection: what a network sees of tracks at the anchors most like them.

SMOT (arXiv 2010.16031, section 3.1) asks the detector about its tracks in this way: the K
anchors with the largest IoU, their scores and boxes averaged with the IoU as weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.detectors.ssd.raw_outputs import RawDetections
from mot_ros.tracking.methods.smot.tracking_anchors import TrackingAnchors
from mot_ros.tracking.runtime.cuda_graph import CudaGraph
from mot_ros.tracking.runtime.device import use_fixed_shapes
from mot_ros.tracking.runtime.padding import bucket, to_device_padded
from mot_ros.tracking.types import Floats, Ints


@dataclass(frozen=True)
class Redetections:
    """
    What the network sees of N tracks.

    `boxes` (N, 4) xyxy in pixels of the image, `scores` (N,) of the class of the track,
    `overlaps` (N,) IoU of the best anchor; zero where the network says nothing that is finite.
    """

    boxes: Floats
    scores: Floats
    overlaps: Floats


class Redetector:
    """
    Looks for tracks where they are expected, at the `count` anchors most like each.

    Scores and boxes are means of what the network says, unthresholded, weighed by IoU. A class
    that the detector does not look for has score 0. On a GPU tracks come in buckets, one graph
    for each; `fixed` says whether, None leaves it to the device.
    """

    def __init__(
            self, anchors: TrackingAnchors, count: int, *, graphs: bool = True,
            fixed: bool | None = None) -> None:
        self._anchors, self._count = anchors, count
        self._fixed = use_fixed_shapes(anchors.device, fixed)
        self._look = CudaGraph(self._table, anchors.device, graphs)

    def __call__(self, raw: RawDetections, boxes: Floats, labels: Ints) -> Redetections:
        """Ask `raw`, of one frame, about tracks with boxes (N, 4) and labels (N,)."""
        count = len(boxes)
        if not count:
            return Redetections(boxes, np.zeros(0, np.float32), np.zeros(0, np.float32))
        rows = np.concatenate([boxes, labels[:, None]], axis=1, dtype=np.float32)
        tracks = to_device_padded(
            rows, bucket(count) if self._fixed else count, self._anchors.device)
        table, = self._look(raw.scores[0], raw.boxes[0], raw.labels, tracks)
        # one look at the device for everything
        result = table.cpu().numpy()[:count]
        # rounding may end above 1
        return Redetections(result[:, :4], np.minimum(result[:, 4], 1), result[:, 5])

    def _table(
            self, scores: Tensor, boxes: Tensor, labels: Tensor,
            tracks: Tensor) -> tuple[Tensor]:
        """
        Return box, score and overlap (N, 6) of tracks (N, 5), boxes and labels.

        Of `scores` (A, C), `boxes` (A, 4) and the `labels` (C,) of the columns.
        """
        expected = tracks[:, :4]
        nearest = self._anchors.nearest(expected, self._count)
        weights = nearest.weights
        of_class = tracks[:, 4:] == labels
        column = of_class.int().argmax(dim=1, keepdim=True)
        score = (scores[nearest.rows, column] * weights).sum(dim=1) * of_class.any(dim=1)
        found = (boxes[nearest.rows] * weights[:, :, None]).sum(dim=1)
        table = torch.cat([found, score[:, None], nearest.overlaps[:, :1]], dim=1)
        told = torch.isfinite(table).all(dim=1) & (found[:, 2:] > found[:, :2]).all(dim=1)
        unseen = torch.cat([expected, torch.zeros_like(table[:, 4:])], dim=1)
        return (torch.where(told[:, None], table, unseen),)


def redetect(
        raw: RawDetections, anchors: TrackingAnchors, boxes: Floats, labels: Ints,
        count: int) -> Redetections:
    """Ask about tracks once, see Redetector."""
    return Redetector(anchors, count, graphs=False)(raw, boxes, labels)
