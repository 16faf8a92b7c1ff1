# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SsdDetector: the default detector, SSD-MobileNetV3-Large with its COCO weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.detectors.classes import COCO_CATEGORY_IDS, COCO_NAMES, wanted_labels
from mot_ros.tracking.detectors.letterbox import draw, GREY, padded
from mot_ros.tracking.detectors.preprocess import signed, stretched
from mot_ros.tracking.detectors.ssd.anchor_detector import AnchoredDetector
from mot_ros.tracking.nets.backbones.packed_conv import pack
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.nets.ssd.anchors import make_anchors
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.runtime.device import resolve_device
from mot_ros.tracking.runtime.resize import resized
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights

Run = Callable[[Tensor], Sequence[Tensor]]
"""Map images (B, 3, H, W) to logits (B, A, C) and deltas (B, A, 4) of every anchor."""


class SsdDetector(AnchoredDetector):
    """
    Detect COCO's 80 classes in images of any size.

    Images are stretched to the (width, height) of the settings, or letterboxed on grey as `resize`
    says; frames of different sizes share a batch. Labels index `class_names`. Raises WeightsError
    if the weights are missing, altered or of another network, ConfigError for an unknown class or
    device.
    """

    def __init__(
            self, settings: DetectorSettings, device: str = 'auto',
            compute: Compute = Compute(),  # noqa: B008
            fixed: bool | None = None) -> None:
        labels = wanted_labels(settings.classes, COCO_NAMES)
        where = resolve_device(device)
        size = (settings.width, settings.height)
        network = SsdMobileNetV3()
        weights.fit(network, weights.load(settings.weights))
        network.keep_columns([COCO_CATEGORY_IDS[label] for label in labels])
        super().__init__(
            settings, make_anchors(network.shapes, network.cells(size), size).to(where), labels,
            'stretch' if settings.resize == 'auto' else settings.resize, compute, fixed)
        self._network = self._ready(network.eval().requires_grad_(False), compute)

    @property
    def class_names(self) -> Sequence[str]:
        """COCO's 80 names by label, also of unwanted classes."""
        return COCO_NAMES

    def _images(self, frames: Sequence[Frame]) -> Tensor:
        return stretched([self._fitted(frame) for frame in frames], self._size, self.device)

    def _laid(self, image: Tensor) -> Tensor:
        at = self._place((image.shape[1], image.shape[0]))
        fitting = resized(image, (at.width, at.height))
        return signed(padded(fitting, at, self._size, GREY).flip(-1))

    def _scored(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits, deltas = self._network(images)
        return torch.sigmoid(logits), deltas

    def _ready(self, network: SsdMobileNetV3, compute: Compute) -> Run:
        """Prepare a network, given on the CPU, for this detector's device."""
        network = network.to(self.device)
        if self.device.type == 'cuda':
            # as images are; else oneDNN would reorder each kernel in each call
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        lower(network, compute.dtype)
        if self.device.type == 'cpu':
            pack(network, self._size)
        return network

    def _fitted(self, frame: Frame) -> Frame:
        """Return the frame letterboxed on grey, unless images are stretched."""
        if self._resize == 'stretch':
            return frame
        return Frame.of(draw(frame, self._place(frame.size), self._size), frame.stamp)


def make(settings: Settings) -> SsdDetector:
    """Load the detector that the settings name."""
    return SsdDetector(settings.detector, settings.device, settings.compute)
