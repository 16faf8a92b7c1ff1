# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
OnDeviceSsd: an SSD whose whole pipeline stays on the device.

One upload of the image bytes; resizing, network, decoding, NMS and voting on the device in fixed
shapes, captured as CUDA graphs; one small download. Nothing in between synchronises with the GPU.
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
"""Number of image sizes whose placements are cached."""


class Network(NamedTuple):
    """
    Functions that differ between detectors.

    `laid` letterboxes an image (H, W, 3) uint8 BGR to the input (h, w, 3); `scored` maps a batch
    (B, 3, h, w) to scores (B, A, C) and deltas (B, A, 4), float32; `placement` gives the placement
    of an image of (width, height) on the input.
    """

    laid: Callable[[Tensor], Tensor]
    scored: Callable[[Tensor], tuple[Tensor, Tensor]]
    placement: Callable[[tuple[int, int]], Placement]


class DeviceOutputs(NamedTuple):
    """
    Outputs for B frames, on the device, valid until the next call.

    `tables` (B, M, 8) are detections, see selection_fixed.py; `scores` (B, A, C), `deltas` and
    `boxes` (B, A, 4) are those of all anchors, the boxes in pixels of the images.
    """

    tables: Tensor
    scores: Tensor
    deltas: Tensor
    boxes: Tensor


class OnDeviceSsd:
    """
    Run a detector on frames of any size on one device; a graph per image size and per batch size.

    `anchors` (A, 4) are centre and size on the network's input, `labels` (C,) those of the score
    columns.
    """

    def __init__(
            self, network: Network, anchors: Tensor, labels: Tensor,
            settings: DetectorSettings, *, graphs: bool) -> None:
        device = anchors.device
        self._network, self._settings = network, settings
        self._size = settings.width, settings.height
        self._anchors, self._labels = anchors, labels
        self._uploads = Uploads(device)
        # a graph of its own, so that images of many sizes share the long graph
        self._lay = CudaGraph(lambda image: (network.laid(image),), device, graphs)
        self._graph = CudaGraph(self._outputs, device, graphs)
        self._place = functools.lru_cache(MOST_SIZES)(self._make_place)
        self._own_anchors = functools.lru_cache(MOST_SIZES)(self._make_anchors)

    def run(self, frames: Sequence[Frame], need: str) -> DeviceOutputs:
        """Return the outputs for frames; FrameError for one without image."""
        pictures = [self._uploads.fetch(frame, need) for frame in frames]
        width, height = self._size
        images = torch.empty(len(frames), height, width, 3, device=self._anchors.device)
        for image, picture in zip(images, pictures, strict=True):
            image.copy_(self._lay(picture)[0])
        places = torch.stack([self._place(frame.size) for frame in frames])
        return DeviceOutputs(*self._graph(images.permute(0, 3, 1, 2), places))

    def anchors(self, frames: Sequence[Frame]) -> Tensor:
        """Return the anchors (B, A, 4) xyxy in pixels of each image."""
        return torch.stack([self._own_anchors(frame.size) for frame in frames])

    def _outputs(self, images: Tensor, places: Tensor) -> tuple[Tensor, ...]:
        scores, deltas = self._network.scored(images)
        boxes = _moved(decode(deltas, self._anchors), places)
        tables = to_table(scores, boxes, self._labels, places[:, 2], self._settings)
        return tables, scores, deltas, boxes

    def _make_place(self, size: tuple[int, int]) -> Tensor:
        """Return offset and scale from the input to an image of `size`, and the image's limits."""
        at = self._network.placement(size)
        rows = [(at.left, at.top), (size[0] / at.width, size[1] / at.height), size]
        return torch.tensor(
            [row * 2 for row in rows], dtype=torch.float32, device=self._anchors.device)

    def _make_anchors(self, size: tuple[int, int]) -> Tensor:
        still = decode(torch.zeros_like(self._anchors), self._anchors)
        return _moved(still[None], self._place(size)[None])[0]


def _moved(boxes: Tensor, places: Tensor) -> Tensor:
    """Convert boxes (B, A, 4) on the network's input to pixels of the images."""
    return (boxes - places[:, None, 0]) * places[:, None, 1]
