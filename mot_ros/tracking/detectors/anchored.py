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

"""What detectors with anchors share: from the scores and deltas of all of them to detections."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.canvas import place, Placement
from mot_ros.tracking.detectors.dense import RawDetections
from mot_ros.tracking.detectors.selection import candidate_floor, finished, strongest, suppressed
from mot_ros.tracking.nets.anchors import decode
from mot_ros.tracking.types import Detections, Frame


class AnchoredDetector(ABC):
    """
    A detector whose network gives scores and deltas of anchors.

    `anchors` (A, 4) are centre and size in pixels of the network's input, on the device,
    `labels` those of the columns of scores. `resize` says how images are laid on the input,
    see canvas.place; frames of different sizes go in one batch.
    """

    def __init__(
            self, settings: DetectorSettings, anchors: Tensor, labels: Sequence[int],
            resize: str) -> None:
        self._settings = settings
        self._size = (settings.width, settings.height)
        self._resize = resize
        self._anchors = anchors
        self._unmoved = decode(torch.zeros_like(anchors), anchors)
        self._labels = torch.tensor(labels, device=anchors.device)
        self.device = anchors.device

    @property
    @abstractmethod
    def class_names(self) -> Sequence[str]:
        """The names by label, also where only some of them are looked for."""

    @abstractmethod
    def _run(self, frames: Sequence[Frame]) -> tuple[Tensor, Tensor]:
        """Return scores (B, A, C) and deltas (B, A, 4) of one batch."""

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
            return self._whole(frames, *self._infer(frames))

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        """Return the objects of each frame and the raw outputs, running the network once."""
        with torch.inference_mode():
            scores, deltas = self._infer(frames)
            found = [self._select(*row) for row in zip(frames, scores, deltas, strict=True)]
            return found, self._whole(frames, scores, deltas)

    def _infer(self, frames: Sequence[Frame]) -> tuple[Tensor, Tensor]:
        """Return scores (B, A, C) and deltas (B, A, 4)."""
        if self.device.type == 'cpu' and len(frames) > 1:
            # one after the other is twice as fast: the features of one image fit in the cache
            scores, deltas = zip(*(self._run([frame]) for frame in frames), strict=True)
            return torch.cat(scores), torch.cat(deltas)
        if self.device.type != 'cuda':
            return self._run(frames)
        # the same numbers on every run and, but for rounding, the CPU's: the networks are too
        # small for TF32 to be worth three digits
        with torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            return self._run(frames)

    def _placement(self, frame: Frame) -> Placement:
        """Return where the image lies on the network's input."""
        return place(frame.size, self._size, self._resize)

    def _whole(self, frames: Sequence[Frame], scores: Tensor, deltas: Tensor) -> RawDetections:
        """Return scores (B, A, C) and deltas (B, A, 4) as what they say of the images."""
        placements = [self._placement(frame) for frame in frames]
        boxes = decode(deltas, self._anchors)
        return RawDetections(
            scores, self._labels,
            torch.stack([p.to_image(b) for p, b in zip(placements, boxes, strict=True)]),
            torch.stack([p.to_image(self._unmoved) for p in placements]))

    def _select(self, frame: Frame, scores: Tensor, deltas: Tensor) -> Detections:
        """Turn the scores (A, C) and deltas (A, 4) of one frame into its detections."""
        settings = self._settings
        anchor, column = torch.nonzero(scores >= candidate_floor(settings), as_tuple=True)
        found = scores[anchor, column]
        best = strongest(found, settings)
        anchor, column, found = anchor[best], column[best], found[best]
        boxes = self._placement(frame).to_image(decode(deltas[anchor], self._anchors[anchor]))
        kept = suppressed(boxes, found, self._labels[column], settings)
        return finished(*kept, frame.size, settings)
