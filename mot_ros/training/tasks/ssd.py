# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SsdTask: fine-tune the default detector for people, on single images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mot_ros.data.synthetic.frame_pairs import FramePairs, Image
from mot_ros.tracking.boxes import clip
from mot_ros.tracking.detectors.classes import COCO_CATEGORY_IDS
from mot_ros.tracking.detectors.preprocess import stretched
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.ssd.anchors import make_anchors
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.types import Floats, Frame
from mot_ros.training.losses.ssd import ImageTruth, ssd_losses, SsdLoss

PERSON = COCO_CATEGORY_IDS[0]
"""The column of people in the network's scores."""


@dataclass(frozen=True, eq=False)
class ImageSample:
    """Hold an image (H, W, 3) uint8 BGR, its `boxes` (N, 4) and `ignored` (K, 4), xyxy pixels."""

    image: Image
    boxes: Floats
    ignored: Floats


@dataclass(frozen=True)
class ImageBatch:
    """Hold preprocessed `images` (B, 3, H, W) and the ground truth of each."""

    images: Tensor
    truth: list[ImageTruth] = field(default_factory=list)

    def pin_memory(self) -> ImageBatch:
        """Copy the images to page-locked memory."""
        return ImageBatch(self.images.pin_memory(), self.truth)


class SsdTask:
    """
    Train one class of the SSD, and the box regression, which all classes share.

    Scores of the other classes are not computed; their rows of the class predictors stay as they
    were and are returned with `weights`, on top of changed features. A sample is one frame of a
    pair. People of a visibility below `least` are ignored: neither positive nor background.
    """

    def __init__(
            self, network: SsdMobileNetV3, pairs: FramePairs, loss: SsdLoss | None = None,
            least: float = 0.25) -> None:
        self._whole = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        self._columns = network.columns
        network.keep_columns([PERSON])
        self.network = network
        self._pairs = pairs
        self._loss = loss or SsdLoss()
        self._least = least

    def sample(self, index: int) -> ImageSample:
        """Return the image of a number from 0 on."""
        pair, which = self._pairs.sample(index), index % 2
        image, boxes = pair.images[which], pair.boxes[which]
        sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf)
        clear = (pair.visibilities[which] >= self._least) & (sides >= 1)
        return ImageSample(
            image, boxes[clear], np.concatenate([boxes[~clear], pair.regions[which]]))

    def collate(self, samples: Sequence[ImageSample]) -> ImageBatch:
        """Collate images of one size into a preprocessed batch."""
        shapes = {sample.image.shape for sample in samples}
        if len(shapes) != 1:
            raise ConfigError(
                f'images of shapes {sorted(shapes)} cannot be trained on together; give all one '
                'size')
        height, width = next(iter(shapes))[:2]
        images = stretched(
            [Frame.of(sample.image, 0.0) for sample in samples], (width, height),
            torch.device('cpu'))
        return ImageBatch(images, [
            ImageTruth(_tensor(sample.boxes), _tensor(clip(sample.ignored, (width, height))))
            for sample in samples])

    def losses(self, batch: ImageBatch) -> dict[str, Tensor]:
        """Return the parts of the loss by name."""
        network = self.network
        device = next(network.parameters()).device
        size = batch.images.shape[-1], batch.images.shape[-2]
        anchors = make_anchors(network.shapes, network.cells(size), size).to(device)
        logits, deltas = network(batch.images.to(device, non_blocking=True))
        return ssd_losses(logits[..., 0], deltas, anchors, [
            ImageTruth(each.boxes.to(device), each.ignored.to(device)) for each in batch.truth],
            self._loss)

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the network, including the rows of all other classes."""
        whole = {name: tensor.clone() for name, tensor in self._whole.items()}
        rows = {
            f'class_heads.{level}.pointwise.{kind}'
            for level in range(len(self.network.class_heads)) for kind in ('weight', 'bias')}
        for name, tensor in self.network.state_dict().items():
            if name in rows:
                whole[name][PERSON::self._columns] = tensor.cpu()
            else:
                whole[name] = tensor
        return whole


def _tensor(boxes: Floats) -> Tensor:
    return torch.from_numpy(np.array(boxes, np.float32))
