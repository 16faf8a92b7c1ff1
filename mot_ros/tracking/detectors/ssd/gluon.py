# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""GluonSsdDetector: GluonCV's SSDs, the detectors of the published SMOT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.detectors.classes import COCO_NAMES, parse_names, read_names, wanted_labels
from mot_ros.tracking.detectors.letterbox import padded, Placement
from mot_ros.tracking.detectors.preprocess import signed, stretched
from mot_ros.tracking.detectors.ssd.anchor_detector import AnchoredDetector
from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.nets.ops.frozen_batch_norm import fuse_norms
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.nets.ssd.gluon import GluonSsd
from mot_ros.tracking.runtime.device import resolve_device
from mot_ros.tracking.runtime.resize import resized
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights

VOC_NAMES = (
    'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow',
    'diningtable', 'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa',
    'train', 'tvmonitor')
"""The 20 classes of Pascal VOC by label."""
KNOWN_NAMES = {len(COCO_NAMES): COCO_NAMES, len(VOC_NAMES): VOC_NAMES, 1: ('person',)}
"""Names for files without class names, by number of classes."""


class GluonSsdDetector(AnchoredDetector):
    """
    Detect the classes of a GluonCV SSD in images of any size.

    Images are letterboxed into the (width, height) of the settings, a square in the published
    code, on ImageNet's mean; `resize` selects another placement. Scores are those of the softmax,
    including small ones, which the published code sets to zero.

    The weights are a safetensors file whose metadata give `body` and `classes`, as `mot_ros
    weights import ssd` writes them. Raises WeightsError if they are missing, altered or of another
    network, ConfigError for an unknown class or device.
    """

    def __init__(
            self, settings: DetectorSettings, device: str = 'auto',
            compute: Compute = Compute(),  # noqa: B008
            fixed: bool | None = None) -> None:
        metadata = weights.metadata(settings.weights)
        network = _network(settings.weights, metadata)
        self._names = _names(settings.names, metadata, network.columns - 1)
        labels = wanted_labels(settings.classes, self._names)
        weights.fit(network, weights.load(settings.weights))
        fuse_norms(network)
        where = resolve_device(device)
        super().__init__(
            settings, network.anchors((settings.width, settings.height)).to(where), labels,
            'letterbox' if settings.resize == 'auto' else settings.resize, compute, fixed)
        # channels last makes convolutions on a CPU up to twice as fast
        self._network = network.eval().requires_grad_(False).to(  # type: ignore[call-overload]
            where, memory_format=torch.channels_last)
        lower(self._network, compute.dtype)
        self._columns = self._labels + 1
        self._mean, self._std = (
            torch.tensor(numbers, device=where) for numbers in (network.mean, network.std))

    @property
    def class_names(self) -> Sequence[str]:
        """Class names by label, also of unwanted ones."""
        return self._names

    def _images(self, frames: Sequence[Frame]) -> Tensor:
        pictures = []
        for frame in frames:
            at = self._place(frame.size)
            picture = stretched([frame], (at.width, at.height), self.device)[0]
            pictures.append(self._on_mean(picture.permute(1, 2, 0), at))
        return torch.stack(pictures).permute(0, 3, 1, 2)

    def _laid(self, image: Tensor) -> Tensor:
        at = self._place((image.shape[1], image.shape[0]))
        return self._on_mean(signed(resized(image, (at.width, at.height)).flip(-1)), at)

    def _on_mean(self, picture: Tensor, at: Placement) -> Tensor:
        """Normalise an image (h, w, 3) in [-1, 1] and surround it with the mean, which is 0."""
        return padded(
            (picture * 0.5 + (0.5 - self._mean)) / self._std, at, self._size, beside=0)

    def _scored(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits, deltas = self._network(images)
        return torch.softmax(logits, -1)[..., self._columns], deltas


def _network(name_or_path: str, metadata: Mapping[str, str]) -> GluonSsd:
    """Make the network that the weights' metadata describe."""
    try:
        body, classes = metadata['body'], int(metadata['classes'])
        sizes = [float(side) for side in metadata.get('sizes', '').split(',') if side]
        return GluonSsd(body, classes, sizes)
    except (KeyError, ValueError, ConfigError) as error:
        raise WeightsError(
            f'the metadata of {name_or_path} do not give backbone and classes of a GluonCV SSD '
            f'({error}); bring its .params file in with: {weights.IMPORT_COMMAND} ssd FILE'
        ) from error


def _names(source: str, metadata: Mapping[str, str], classes: int) -> tuple[str, ...]:
    """Return the names of so many classes; ConfigError if their number differs."""
    if source or 'names' in metadata:
        found = read_names(source) if source else parse_names(metadata['names'])
        names = tuple(found.values() if isinstance(found, dict) else found)
    else:
        names = KNOWN_NAMES.get(classes, ())
    if len(names) != classes:
        raise ConfigError(
            f'the detector has {classes} classes, but {len(names) or "no"} names are known: '
            'set detector.names to a file with one class per line')
    return names


def make(settings: Settings) -> GluonSsdDetector:
    """Load the detector that the settings name."""
    return GluonSsdDetector(settings.detector, settings.device, settings.compute)
