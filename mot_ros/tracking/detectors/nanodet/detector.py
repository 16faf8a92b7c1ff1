# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""NanoDetDetector: NanoDet-g with its COCO weights, for people at every distance."""

from __future__ import annotations

from collections.abc import Sequence
import functools
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.detectors.classes import COCO_NAMES, wanted_labels
from mot_ros.tracking.detectors.nanodet.input_size import input_size, SHORT_SIDE, STEP
from mot_ros.tracking.detectors.nanodet.preprocess import prepared
from mot_ros.tracking.detectors.postprocess.selection import (
    candidate_floor,
    finished,
    strongest,
    suppressed,
)
from mot_ros.tracking.detectors.ssd.raw_outputs import RawDetections
from mot_ros.tracking.nets.nanodet.decode import cell_centres, decode
from mot_ros.tracking.nets.nanodet.layers import pack
from mot_ros.tracking.nets.nanodet.network import NanoDetG
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.runtime.device import deterministic_fp32, resolve_device
from mot_ros.tracking.types import Detections, Frame
from mot_ros.tracking.weights import store as weights

MOST_SIZES = 16
"""Input sizes whose cells are kept."""
USUAL = (640, 480)
"""Image that a network warms up with."""


class ScaleOutputs(NamedTuple):
    """What the network says of the A cells of one image at one size of the input."""

    scores: Tensor
    """(A, C), float32."""
    bins: Tensor
    """(A, 4, BINS)."""
    cells: Tensor
    """(A, 3), see cell_centres."""
    scale: Tensor
    """(4,): from pixels of the input to those of the image."""


class NanoDetDetector:
    """
    Finds the 80 classes of COCO in images of any size.

    The input keeps the proportions of the image, see input_size; `second_scale` looks at the
    image once more at that part of the size and joins both. The label is the index into
    `class_names`. Raises WeightsError if the weights are missing, altered or of another network,
    ConfigError for an unknown class or device.
    """

    def __init__(
            self, settings: DetectorSettings, device: str = 'auto',
            compute: Compute = Compute()) -> None:  # noqa: B008
        self._settings = settings
        self.device = resolve_device(device)
        labels = wanted_labels(settings.classes, COCO_NAMES)
        self._labels = torch.tensor(labels, device=self.device)
        network = NanoDetG()
        weights.fit(network, weights.load(settings.weights))
        network.keep_columns(labels)
        network = network.eval().requires_grad_(False).to(  # type: ignore[call-overload]
            self.device, memory_format=torch.channels_last)
        lower(network, compute.dtype)
        if self.device.type == 'cpu':
            pack(network)
        self._network: NanoDetG = network
        self._cells = functools.lru_cache(MOST_SIZES)(self._make_cells)

    @property
    def class_names(self) -> Sequence[str]:
        """COCO's 80 names by label, also where only some of them are looked for."""
        return COCO_NAMES

    def warm_up(self) -> None:
        """Run once on nothing: the first call allocates memory and picks kernels."""
        self.detect([Frame.of(np.zeros((USUAL[1], USUAL[0], 3), np.uint8), 0.0)])

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """
        Return the objects of each frame, best score first.

        The steps after the network are those of the SSD. Raises FrameError for a frame without
        image.
        """
        with torch.inference_mode():
            return [self._select(frame, self._scales(frame)) for frame in frames]

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        """Return the objects of each frame and the raw outputs, running the network once."""
        with torch.inference_mode():
            outputs = [self._scales(frame) for frame in frames]
            found = [
                self._select(frame, scales) for frame, scales in zip(frames, outputs, strict=True)]
            return found, self._raw(outputs)

    def raw(self, frames: Sequence[Frame]) -> RawDetections:
        """
        Return scores and boxes of every cell, and the square of its stride as its anchor.

        Frames have one size. Raises FrameError like detect.
        """
        with torch.inference_mode():
            return self._raw([self._scales(frame) for frame in frames])

    def _scales(self, frame: Frame) -> list[ScaleOutputs]:
        """Run the network on an image at one or two sizes."""
        first = self._settings.short_side or SHORT_SIDE
        sides = [first]
        if self._settings.second_scale:
            sides.append(round(first * self._settings.second_scale))
        sizes = [input_size(frame.size, max(STEP, side)) for side in sides]
        return [self._run(frame, one) for one in sizes]

    def _run(self, frame: Frame, size: tuple[int, int]) -> ScaleOutputs:
        with deterministic_fp32(self.device):
            logits, bins = self._network(prepared(frame, size, self.device))
        across, down = frame.size[0] / size[0], frame.size[1] / size[1]
        scale = torch.tensor([across, down, across, down], device=self.device)
        return ScaleOutputs(torch.sigmoid(logits[0]), bins[0], self._cells(size), scale)

    def _make_cells(self, size: tuple[int, int]) -> Tensor:
        return cell_centres(size).to(self.device)

    def _select(self, frame: Frame, scales: Sequence[ScaleOutputs]) -> Detections:
        """Turn the outputs for one frame into its detections."""
        settings = self._settings
        parts = [self._candidates(outputs) for outputs in scales]
        boxes, scores, labels = (torch.cat(column) for column in zip(*parts, strict=True))
        best = strongest(scores, settings)
        kept = suppressed(boxes[best], scores[best], labels[best], settings)
        return finished(*kept, frame.size, settings)

    def _candidates(self, outputs: ScaleOutputs) -> tuple[Tensor, Tensor, Tensor]:
        """Return boxes (N, 4) in the image, scores and labels (N,) above the floor."""
        cell, column = torch.nonzero(
            outputs.scores >= candidate_floor(self._settings), as_tuple=True)
        boxes = decode(outputs.bins[cell], outputs.cells[cell]) * outputs.scale
        return boxes, outputs.scores[cell, column], self._labels[column]

    def _raw(self, frames: Sequence[Sequence[ScaleOutputs]]) -> RawDetections:
        rows = []
        for scales in frames:
            parts = [_every_cell(outputs) for outputs in scales]
            rows.append([torch.cat(column) for column in zip(*parts, strict=True)])
        scores, boxes, anchors = (torch.stack(column) for column in zip(*rows, strict=True))
        return RawDetections(scores, self._labels, boxes, anchors)


def make(settings: Settings) -> NanoDetDetector:
    """Load the detector that the settings name."""
    return NanoDetDetector(settings.detector, settings.device, settings.compute)


def _every_cell(outputs: ScaleOutputs) -> tuple[Tensor, Tensor, Tensor]:
    """Return scores (A, C), boxes (A, 4) and the squares of the cells (A, 4) in the image."""
    centres, half = outputs.cells[:, :2], outputs.cells[:, 2:] / 2
    squares = torch.cat([centres - half, centres + half], dim=1)
    boxes = decode(outputs.bins, outputs.cells)
    return outputs.scores, boxes * outputs.scale, squares * outputs.scale
