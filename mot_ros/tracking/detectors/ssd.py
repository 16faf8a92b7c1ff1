# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""SsdDetector: the default detector, SSD-MobileNetV3-Large with its COCO weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking import weights
from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.classes import wanted_labels
from mot_ros.tracking.detectors.coco import CATEGORY_IDS, NAMES
from mot_ros.tracking.detectors.preprocess import stretched
from mot_ros.tracking.detectors.selection import candidate_floor, finished, strongest, suppressed
from mot_ros.tracking.device import resolve_device
from mot_ros.tracking.nets.anchors import decode, make_anchors
from mot_ros.tracking.nets.packed import pack
from mot_ros.tracking.nets.ssd import SsdMobileNetV3
from mot_ros.tracking.types import Detections, Frame


@dataclass(frozen=True)
class RawDetections:
    """
    What the network says of every anchor of B frames, before threshold and suppression.

    `scores` (B, A, C) sigmoids, `labels` (C,) the label of each column, `boxes` (B, A, 4) and
    `anchors` (B, A, 4) xyxy in pixels of each source image, neither clipped. On the detector's
    device.
    """

    scores: Tensor
    labels: Tensor
    boxes: Tensor
    anchors: Tensor


class SsdDetector:
    """
    Finds the 80 classes of COCO in images of any size.

    Images are stretched to the (width, height) of the settings, so frames of different sizes
    go in one batch. The label is the index into `class_names`. Raises WeightsError if the
    weights are missing, altered or of another network, ConfigError for an unknown class or
    device.
    """

    def __init__(self, settings: DetectorSettings, device: str = 'auto') -> None:
        labels = wanted_labels(settings.classes, NAMES)
        self._settings = settings
        self._size = (settings.width, settings.height)
        self.device = resolve_device(device)
        network = SsdMobileNetV3()
        weights.fit(network, weights.load(settings.weights))
        network.keep_columns([CATEGORY_IDS[label] for label in labels])
        self._anchors = make_anchors(network.shapes, network.cells(self._size), self._size)
        self._anchors = self._anchors.to(self.device)
        self._labels = torch.tensor(labels, device=self.device)
        self._network = network.eval().requires_grad_(False).to(self.device)
        if self.device.type == 'cpu':
            pack(self._network, self._size)

    @property
    def class_names(self) -> Sequence[str]:
        """COCO's 80 names by label, also where only some of them are looked for."""
        return NAMES

    def warm_up(self) -> None:
        """Run once on nothing: the first call allocates memory and picks kernels."""
        width, height = self._size
        self.detect([Frame.of(np.zeros((height, width, 3), np.uint8), 0.0)])

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """
        Return the objects of each frame, best score first.

        Classes are chosen first, then scores below `score_floor` go, then of overlapping boxes
        of a class all but the best, which takes their mean place with `box_voting`, then all
        but the best `max_detections`. Boxes are cut to the image; one of which nothing is left
        is dropped. Raises FrameError for a frame without image.
        """
        if not frames:
            return []
        with torch.inference_mode():
            scores, deltas = self._infer(frames)
            return [self._select(*row) for row in zip(frames, scores, deltas, strict=True)]

    def raw(self, frames: Sequence[Frame]) -> RawDetections:
        """Return scores, boxes and anchors of every anchor; raises FrameError like detect."""
        with torch.inference_mode():
            scores, deltas = self._infer(frames)
            scale = torch.stack([self._scale(frame) for frame in frames])[:, None]
            still = decode(torch.zeros_like(self._anchors), self._anchors)
            return RawDetections(
                scores, self._labels, decode(deltas, self._anchors) * scale, still * scale)

    def _infer(self, frames: Sequence[Frame]) -> tuple[Tensor, Tensor]:
        """Return scores (B, A, C) and deltas (B, A, 4)."""
        if self.device.type == 'cpu' and len(frames) > 1:
            # one after the other is twice as fast: the features of one image fit in the cache
            scores, deltas = zip(*(self._infer([frame]) for frame in frames), strict=True)
            return torch.cat(scores), torch.cat(deltas)
        images = stretched(frames, self._size, self.device)
        if self.device.type != 'cuda':
            logits, deltas = self._network(images)
        else:
            # the same numbers on every run and, but for rounding, the CPU's: the network is
            # too small for TF32 to be worth three digits
            with torch.backends.cudnn.flags(
                    enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
                logits, deltas = self._network(images)
        return torch.sigmoid(logits), deltas

    def _scale(self, frame: Frame) -> Tensor:
        """Return what turns network pixels into source pixels, (4,)."""
        across, down = (source / own for source, own in zip(frame.size, self._size, strict=True))
        return torch.tensor([across, down, across, down], device=self.device)

    def _select(self, frame: Frame, scores: Tensor, deltas: Tensor) -> Detections:
        """Turn the scores (A, C) and deltas (A, 4) of one frame into its detections."""
        settings = self._settings
        anchor, column = torch.nonzero(scores >= candidate_floor(settings), as_tuple=True)
        found = scores[anchor, column]
        best = strongest(found, settings)
        anchor, column, found = anchor[best], column[best], found[best]
        boxes = decode(deltas[anchor], self._anchors[anchor]) * self._scale(frame)
        kept = suppressed(boxes, found, self._labels[column], settings)
        return finished(*kept, frame.size, settings)
