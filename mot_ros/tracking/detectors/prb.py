# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""PrbDetector: SMILEtrack's detector PRB-FPN6-MSP, with the user's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.detectors.classes import find_classes, wanted_labels
from mot_ros.tracking.detectors.letterbox import batch, draw, Placement
from mot_ros.tracking.detectors.onnx_file.layouts import Layout
from mot_ros.tracking.detectors.postprocess.selection import (
    candidate_floor,
    finished,
    strongest,
    suppressed,
)
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.nets.prb.head import STRIDES
from mot_ros.tracking.nets.prb.network import adopt, Prb
from mot_ros.tracking.nets.prb.rows import MSP, Row
from mot_ros.tracking.runtime.device import deterministic_fp32, native_dtype, resolve_device
from mot_ros.tracking.types import Detections, Frame
from mot_ros.tracking.weights import store as weights

STEP = STRIDES[-1]
"""Width and height of the input are multiples of this."""
PERSON = ('person',)
"""Class of a one-class network whose file names none."""


class PrbDetector:
    """
    Detect the classes of a PRB-FPN6-MSP in images of any size.

    An image is fitted into the (width, height) of the settings, rounded up to multiples of 64,
    with grey around it up to the next such multiples. Class names are those of `detector.names`,
    else those in the file, else person for one class and COCO's for 80. `rows` is the network's
    table of layers. Raises WeightsError if the weights are missing or of another network,
    ConfigError for an unknown class or device.
    """

    def __init__(
            self, settings: DetectorSettings, device: str = 'auto',
            rows: Sequence[Row] = MSP, compute: Compute = Compute()) -> None:  # noqa: B008
        self._settings = settings
        self._limit = _rounded_up(settings.width), _rounded_up(settings.height)
        self.device = resolve_device(device)
        path = weights.locate(settings.weights)
        state = weights.load(settings.weights, inside='model')
        try:
            adopted = adopt(state, rows)
        except WeightsError as error:
            raise WeightsError(f'detector.weights is {path}: {error}') from error
        adopted.check(path)
        count = int(adopted.metadata['classes'])
        self._names = find_classes(
            path, _metadata(weights.metadata(settings.weights), count),
            Layout('yolov5', (0,), count), settings.names)
        labels = wanted_labels(settings.classes, self._names.names)
        # label of each score column, -1 for a class that is not wanted
        table = torch.full((count,), -1)
        table[[self._names.numbers[label] for label in labels]] = torch.tensor(labels)
        self._labels = table.to(self.device)
        # initialising 200 million parameters takes longer than reading the file
        with torch.device('meta'):
            network = Prb(count, rows)
        network.to_empty(device='cpu')
        weights.fit(network, adopted.tensors)
        network.eval().requires_grad_(False).fold()
        # the published code runs in half precision on a GPU
        self._type = compute.dtype
        if self.device.type == 'cuda' and self._type == torch.float32:
            self._type = torch.float16
        self._type = native_dtype(self._type, self.device)
        self._network: Prb = network.to(  # type: ignore[call-overload]
            self.device, memory_format=torch.channels_last)
        lower(self._network, self._type)

    @property
    def class_names(self) -> Sequence[str]:
        """Names of all classes by label, also of unwanted ones."""
        return self._names.names

    def warm_up(self) -> None:
        """Run once on an empty image: the first call allocates memory and selects kernels."""
        width, height = self._limit
        self.detect([Frame.of(np.zeros((height, width, 3), np.uint8), 0.0)])

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """
        Return the detections of each frame, best score first.

        A box gets its best class only, and is dropped if that class is not wanted; its score is
        objectness times class probability. A one-class network is not trained to classify, so its
        score is the objectness. Selection is as in the SSD. Raises FrameError for a frame without
        image.
        """
        with torch.inference_mode():
            # one image fills a GPU with this network
            return [self._detect(frame) for frame in frames]

    def _detect(self, frame: Frame) -> Detections:
        settings = self._settings
        canvas, placement = fit_into(frame.size, self._limit)
        boxes, objectness, classes = self._forward(frame, canvas, placement)
        scores, column = classes.max(-1)
        scores = objectness if classes.shape[-1] == 1 else objectness * scores
        labels = self._labels[column]
        # the comparison also drops NaN
        kept = (scores >= candidate_floor(settings)) & (labels >= 0) & (
            boxes.isfinite().all(-1) & (boxes[:, 2:] > boxes[:, :2]).all(-1))
        boxes, scores, labels = boxes[kept], scores[kept], labels[kept]
        best = strongest(scores, settings)
        found = suppressed(placement.to_image(boxes[best]), scores[best], labels[best], settings)
        return finished(*found, frame.size, settings)

    def _forward(
            self, frame: Frame, canvas: tuple[int, int],
            placement: Placement) -> tuple[Tensor, Tensor, Tensor]:
        """Return boxes (N, 4) on the canvas, objectness (N,) and class probabilities (N, C)."""
        pixels = batch(
            [draw(frame, placement, canvas)], 'byte', np.dtype(np.uint8), channels_last=False)
        images = torch.from_numpy(pixels).to(self.device).to(self._type) / 255
        with deterministic_fp32(self.device):
            boxes, objectness, classes = self._network(
                images.contiguous(memory_format=torch.channels_last))
        return boxes[0], objectness[0], classes[0]


def fit_into(
        size: tuple[int, int], limit: tuple[int, int]) -> tuple[tuple[int, int], Placement]:
    """
    Return the smallest canvas for an image fitted into `limit`, and its centred placement.

    All are (width, height). The canvas exceeds the image by less than 64 on each axis, as YOLO's
    letterbox does: `limit` minus a multiple of 64.
    """
    scale = min(limit[0] / size[0], limit[1] / size[1])
    width, height = (max(1, round(side * scale)) for side in size)
    across, down = (limit[0] - width) % STEP, (limit[1] - height) % STEP
    return (width + across, height + down), Placement(
        across // 2, down // 2, width, height, size)


def _rounded_up(side: int) -> int:
    return -(-side // STEP) * STEP


def _metadata(stated: Mapping[str, str], count: int) -> Mapping[str, str]:
    """Return the file's metadata, with the name person for a one-class network without names."""
    if 'names' not in stated and count == len(PERSON):
        return {**stated, 'names': json.dumps(PERSON)}
    return stated


def make(settings: Settings) -> PrbDetector:
    """Load the detector that the settings name."""
    return PrbDetector(settings.detector, settings.device, compute=settings.compute)
