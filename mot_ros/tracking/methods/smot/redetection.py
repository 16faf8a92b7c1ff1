# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Redetection: read the network's outputs at the tracking anchors of each track.

Tracking anchors (SMOT, arXiv 2010.16031, section 4.1) are the K anchors with the largest IoU with
a track; their scores and boxes are averaged, weighted by IoU.
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
    Outputs of the network for N tracks.

    `boxes` (N, 4) xyxy in pixels of the image, `scores` (N,) of the track's class, `overlaps` (N,)
    IoU of the best anchor; zero where an output is not finite.
    """

    boxes: Floats
    scores: Floats
    overlaps: Floats


class Redetector:
    """
    Redetect tracks at their predicted boxes, at the `count` anchors of largest IoU.

    Scores and boxes are IoU-weighted means of the raw outputs without threshold. An unwanted class
    has score 0. On a GPU tracks are padded to buckets with one CUDA graph each; `fixed` overrides
    that.
    """

    def __init__(
            self, anchors: TrackingAnchors, count: int, *, graphs: bool = True,
            fixed: bool | None = None) -> None:
        self._anchors, self._count = anchors, count
        self._fixed = use_fixed_shapes(anchors.device, fixed)
        self._graph = CudaGraph(self._table, anchors.device, graphs)

    def __call__(self, raw: RawDetections, boxes: Floats, labels: Ints) -> Redetections:
        """Redetect tracks with boxes (N, 4) and labels (N,) in `raw`, the outputs of one frame."""
        count = len(boxes)
        if not count:
            return Redetections(boxes, np.zeros(0, np.float32), np.zeros(0, np.float32))
        rows = np.concatenate([boxes, labels[:, None]], axis=1, dtype=np.float32)
        tracks = to_device_padded(
            rows, bucket(count) if self._fixed else count, self._anchors.device)
        table, = self._graph(raw.scores[0], raw.boxes[0], raw.labels, tracks)
        # the only synchronisation with the device
        result = table.cpu().numpy()[:count]
        # rounding may exceed 1
        return Redetections(result[:, :4], np.minimum(result[:, 4], 1), result[:, 5])

    def _table(
            self, scores: Tensor, boxes: Tensor, labels: Tensor,
            tracks: Tensor) -> tuple[Tensor]:
        """
        Return box, score and overlap (N, 6) of tracks (N, 5), boxes and labels.

        From `scores` (A, C), `boxes` (A, 4) and the `labels` (C,) of the columns.
        """
        expected = tracks[:, :4]
        nearest = self._anchors.nearest(expected, self._count)
        weights = nearest.weights
        of_class = tracks[:, 4:] == labels
        column = of_class.int().argmax(dim=1, keepdim=True)
        score = (scores[nearest.rows, column] * weights).sum(dim=1) * of_class.any(dim=1)
        found = (boxes[nearest.rows] * weights[:, :, None]).sum(dim=1)
        table = torch.cat([found, score[:, None], nearest.overlaps[:, :1]], dim=1)
        finite = torch.isfinite(table).all(dim=1) & (found[:, 2:] > found[:, :2]).all(dim=1)
        unseen = torch.cat([expected, torch.zeros_like(table[:, 4:])], dim=1)
        return (torch.where(finite[:, None], table, unseen),)


def redetect(
        raw: RawDetections, anchors: TrackingAnchors, boxes: Floats, labels: Ints,
        count: int) -> Redetections:
    """Redetect tracks once, see Redetector."""
    return Redetector(anchors, count, graphs=False)(raw, boxes, labels)
