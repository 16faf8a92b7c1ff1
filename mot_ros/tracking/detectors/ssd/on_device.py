# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The way of frames through a detector with anchors where all of it stays on the device.

One upload of the bytes; resizing, network, decoding, suppression and voting there, in fixed
shapes, recorded as graphs; one small download. A GPU is never waited for in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import functools
from typing import NamedTuple

import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.letterbox import Placement
from mot_ros.tracking.detectors.postprocess.selection_fixed import to_table
from mot_ros.tracking.nets.ssd.anchors import decode
from mot_ros.tracking.runtime.cuda_graph import CudaGraph
from mot_ros.tracking.runtime.upload import Uploads
from mot_ros.tracking.types import Frame

MOST_SIZES = 64
"""Sizes of images whose places are remembered."""


class Network(NamedTuple):
    """
    What is special about a detector.

    `laid` lays an image (H, W, 3) uint8 BGR on the input, (h, w, 3) as the network takes it;
    `scored` turns a batch (B, 3, h, w) of such into scores (B, A, C) and deltas (B, A, 4),
    float32; `placement` says where an image of (width, height) lies on the input.
    """

    laid: Callable[[Tensor], Tensor]
    scored: Callable[[Tensor], tuple[Tensor, Tensor]]
    placement: Callable[[tuple[int, int]], Placement]


class DeviceOutputs(NamedTuple):
    """
    What the network says of B frames, on the device until the next call.

    `tables` (B, M, 8) are detections, see fixed_selection.py; `scores` (B, A, C), `deltas` and
    `boxes` (B, A, 4) those of all anchors, the boxes in pixels of the images.
    """

    tables: Tensor
    scores: Tensor
    deltas: Tensor
    boxes: Tensor


class OnDeviceSsd:
    """
    Looks at frames on one device, of any size; one graph per size of image and one per batch.

    `anchors` (A, 4) are centre and size on the network's input, `labels` (C,) those of the
    columns of scores.
    """

    def __init__(
            self, network: Network, anchors: Tensor, labels: Tensor,
            settings: DetectorSettings, *, graphs: bool) -> None:
        device = anchors.device
        self._network, self._settings = network, settings
        self._size = settings.width, settings.height
        self._anchors, self._labels = anchors, labels
        self._uploads = Uploads(device)
        # apart, so that images of many sizes share the long graph
        self._lay = CudaGraph(lambda image: (network.laid(image),), device, graphs)
        self._see = CudaGraph(self._seen, device, graphs)
        self._place = functools.lru_cache(MOST_SIZES)(self._make_place)
        self._own_anchors = functools.lru_cache(MOST_SIZES)(self._make_anchors)

    def look(self, frames: Sequence[Frame], need: str) -> DeviceOutputs:
        """Return what the network sees in frames; raises FrameError for one without image."""
        pictures = [self._uploads.fetch(frame, need) for frame in frames]
        width, height = self._size
        images = torch.empty(len(frames), height, width, 3, device=self._anchors.device)
        for image, picture in zip(images, pictures, strict=True):
            image.copy_(self._lay(picture)[0])
        places = torch.stack([self._place(frame.size) for frame in frames])
        return DeviceOutputs(*self._see(images.permute(0, 3, 1, 2), places))

    def anchors(self, frames: Sequence[Frame]) -> Tensor:
        """Return the anchors (B, A, 4) xyxy in pixels of each image."""
        return torch.stack([self._own_anchors(frame.size) for frame in frames])

    def _seen(self, images: Tensor, places: Tensor) -> tuple[Tensor, ...]:
        scores, deltas = self._network.scored(images)
        boxes = _moved(decode(deltas, self._anchors), places)
        tables = to_table(scores, boxes, self._labels, places[:, 2], self._settings)
        return tables, scores, deltas, boxes

    def _make_place(self, size: tuple[int, int]) -> Tensor:
        """Return what is taken from boxes, what they are multiplied by, and where they end."""
        at = self._network.placement(size)
        rows = [(at.left, at.top), (size[0] / at.width, size[1] / at.height), size]
        return torch.tensor(
            [row * 2 for row in rows], dtype=torch.float32, device=self._anchors.device)

    def _make_anchors(self, size: tuple[int, int]) -> Tensor:
        still = decode(torch.zeros_like(self._anchors), self._anchors)
        return _moved(still[None], self._place(size)[None])[0]


def _moved(boxes: Tensor, places: Tensor) -> Tensor:
    """Turn boxes (B, A, 4) on the network's input into pixels of the images."""
    return (boxes - places[:, None, 0]) * places[:, None, 1]
