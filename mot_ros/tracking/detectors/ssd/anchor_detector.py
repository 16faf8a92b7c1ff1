# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""AnchoredDetector: base class of SSDs, from scores and deltas of anchors to detections."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.detectors.letterbox import place, Placement
from mot_ros.tracking.detectors.postprocess.selection import (
    candidate_floor,
    finished,
    strongest,
    suppressed,
)
from mot_ros.tracking.detectors.postprocess.selection_fixed import read_table
from mot_ros.tracking.detectors.preprocess import NEED
from mot_ros.tracking.detectors.ssd.on_device import DeviceOutputs, Network, OnDeviceSsd
from mot_ros.tracking.detectors.ssd.raw_outputs import RawDetections
from mot_ros.tracking.nets.ssd.anchors import decode
from mot_ros.tracking.runtime.device import deterministic_fp32, use_fixed_shapes
from mot_ros.tracking.types import Detections, Frame


class AnchoredDetector(ABC):
    """
    Detector whose network gives scores and deltas per anchor.

    `anchors` (A, 4) are centre and size in pixels of the network's input, on the device, `labels`
    those of the score columns. `resize` is a mode of letterbox.place; frames of different sizes
    share a batch. On a GPU the whole of `detect` runs there in fixed shapes, see on_device.py;
    `fixed` overrides that choice.
    """

    def __init__(
            self, settings: DetectorSettings, anchors: Tensor, labels: Sequence[int],
            resize: str, compute: Compute, fixed: bool | None) -> None:
        self._settings = settings
        self._size = (settings.width, settings.height)
        self._resize = resize
        self._anchors = anchors
        self._unmoved = decode(torch.zeros_like(anchors), anchors)
        self._labels = torch.tensor(labels, device=anchors.device)
        self.device = anchors.device
        self._on_device: OnDeviceSsd | None = None
        if use_fixed_shapes(self.device, fixed):
            network = Network(self._laid, self._score_fp32, self._place)
            self._on_device = OnDeviceSsd(
                network, anchors, self._labels, settings, graphs=compute.graphs)

    @property
    @abstractmethod
    def class_names(self) -> Sequence[str]:
        """Class names by label, also of unwanted ones."""

    @abstractmethod
    def _images(self, frames: Sequence[Frame]) -> Tensor:
        """Return frames as the network's input (B, 3, H, W), each prepared on its device."""

    @abstractmethod
    def _laid(self, image: Tensor) -> Tensor:
        """Convert an image (h, w, 3) on the device to the network's input, as (H, W, 3)."""

    @abstractmethod
    def _scored(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (B, A, C) and deltas (B, A, 4) of images (B, 3, H, W)."""

    def warm_up(self) -> None:
        """Run once on an empty image: the first call allocates memory and selects kernels."""
        width, height = self._size
        self.detect([Frame.of(np.zeros((height, width, 3), np.uint8), 0.0)])

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """
        Return the detections of each frame, best score first.

        Steps: class selection, `score_floor`, NMS per class (with `box_voting` a kept box takes
        the mean position), `max_detections`, clipping to the image; boxes left without area are
        dropped. Raises FrameError for a frame without image.
        """
        if not frames:
            return []
        with torch.inference_mode():
            if self._on_device is not None:
                return self._read_tables(frames, self._on_device.run(frames, NEED))
            scores, deltas = self._infer(frames)
            return [self._select(*row) for row in zip(frames, scores, deltas, strict=True)]

    def raw(self, frames: Sequence[Frame]) -> RawDetections:
        """Return scores, boxes and anchors of every anchor; raises FrameError like detect."""
        with torch.inference_mode():
            return self._whole(frames, *self._infer(frames))

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        """Return the detections of each frame and the raw outputs of the same network run."""
        with torch.inference_mode():
            if self._on_device is not None:
                outputs = self._on_device.run(frames, NEED)
                # copies, which stay valid after the next run
                return self._read_tables(frames, outputs), RawDetections(
                    outputs.scores.clone(), self._labels, outputs.boxes.clone(),
                    self._on_device.anchors(frames))
            scores, deltas = self._infer(frames)
            found = [self._select(*row) for row in zip(frames, scores, deltas, strict=True)]
            return found, self._whole(frames, scores, deltas)

    def _infer(self, frames: Sequence[Frame]) -> tuple[Tensor, Tensor]:
        """Return scores (B, A, C) and deltas (B, A, 4)."""
        if self.device.type == 'cpu' and len(frames) > 1:
            # one by one is twice as fast: the features of one image fit in the cache
            scores, deltas = zip(
                *(self._score_fp32(self._images([frame])) for frame in frames), strict=True)
            return torch.cat(scores), torch.cat(deltas)
        return self._score_fp32(self._images(frames))

    def _score_fp32(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (B, A, C) and deltas (B, A, 4) of images, computed in float32."""
        with deterministic_fp32(self.device):
            return self._scored(images)

    def _place(self, size: tuple[int, int]) -> Placement:
        """Return the placement of an image of (width, height) on the network's input."""
        return place(size, self._size, self._resize)

    def _read_tables(self, frames: Sequence[Frame], outputs: DeviceOutputs) -> list[Detections]:
        """Read each frame's table; run the plain selection where NMS did not converge."""
        # the only synchronisation with the device
        tables = outputs.tables.cpu().numpy()
        found = [read_table(table) for table in tables]
        return [
            self._select(frame, scores, deltas) if one is None else one
            for one, frame, scores, deltas in zip(
                found, frames, outputs.scores, outputs.deltas, strict=True)]

    def _whole(self, frames: Sequence[Frame], scores: Tensor, deltas: Tensor) -> RawDetections:
        """Return raw outputs in pixels of the images, from scores and deltas (B, A, 4)."""
        placements = [self._place(frame.size) for frame in frames]
        boxes = decode(deltas, self._anchors)
        return RawDetections(
            scores, self._labels,
            torch.stack([p.to_image(b) for p, b in zip(placements, boxes, strict=True)]),
            torch.stack([p.to_image(self._unmoved) for p in placements]))

    def _select(self, frame: Frame, scores: Tensor, deltas: Tensor) -> Detections:
        """Convert the scores (A, C) and deltas (A, 4) of one frame to its detections."""
        settings = self._settings
        anchor, column = torch.nonzero(scores >= candidate_floor(settings), as_tuple=True)
        found = scores[anchor, column]
        best = strongest(found, settings)
        anchor, column, found = anchor[best], column[best], found[best]
        boxes = self._place(frame.size).to_image(decode(deltas[anchor], self._anchors[anchor]))
        kept = suppressed(boxes, found, self._labels[column], settings)
        return finished(*kept, frame.size, settings)
