# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SiamMotTask: train detector and motion model of SiamMOT together, on pairs of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mot_ros.data.synthetic.frame_pairs import FramePairs, PairSample
from mot_ros.tracking.detectors.rcnn.preprocess import images, STEP
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.rcnn import boxes_inclusive as legacy_boxes
from mot_ros.tracking.nets.siammot.network import SiamMotNetwork
from mot_ros.tracking.types import Frame
from mot_ros.training.tasks.siammot_step import FrameTruth, siammot_losses, StepOptions


class MixedPairs:
    """Draw pairs from several sources, each with its share of all samples."""

    def __init__(self, parts: Sequence[tuple[FramePairs, float]], seed: int = 0) -> None:
        shares = np.array([share for _, share in parts], np.float64)
        if not len(parts) or (shares <= 0).any():
            raise ConfigError(f'the shares are {shares.tolist()}; each must be positive')
        self._parts = [part for part, _ in parts]
        self._bounds = np.cumsum(shares / shares.sum())
        self._seed = seed

    def sample(self, index: int) -> PairSample:
        """Return the pair of a number from 0 on."""
        chance = np.random.default_rng((self._seed, index)).random()
        part = min(int(np.searchsorted(self._bounds, chance, 'right')), len(self._parts) - 1)
        return self._parts[part].sample(index)


@dataclass(frozen=True)
class PairBatch:
    """Hold N pairs: `images` (2 N, 3, H, W) normalised, and the ground truth of each image."""

    images: Tensor
    truth: list[FrameTruth] = field(default_factory=list)

    def pin_memory(self) -> PairBatch:
        """Copy the images to page-locked memory."""
        return PairBatch(self.images.pin_memory(), self.truth)


class SiamMotTask:
    """
    Train all parts of SiamMOT that are not frozen, on pairs of one size, multiples of 32.

    People of a visibility below `least` are left out of the ground truth.
    """

    def __init__(
            self, network: SiamMotNetwork, pairs: FramePairs, options: StepOptions | None = None,
            least: float = 0.25) -> None:
        self.network = network
        self._pairs = pairs
        self._options = options or StepOptions()
        self._least = least

    def sample(self, index: int) -> PairSample:
        """Return the pair of a number from 0 on."""
        return self._pairs.sample(index)

    def collate(self, samples: Sequence[PairSample]) -> PairBatch:
        """Collate pairs into a normalised batch; boxes get inclusive corners."""
        shapes = {image.shape for sample in samples for image in sample.images}
        height, width = next(iter(shapes))[:2]
        if len(shapes) != 1 or height % STEP or width % STEP:
            raise ConfigError(
                f'images of shapes {sorted(shapes)} cannot be trained on together; give all one '
                f'size of multiples of {STEP}')
        body = self.network.body
        batch = images(
            [Frame.of(image, 0.0) for sample in samples for image in sample.images],
            (width, height), body.mean, body.std, torch.device('cpu'))
        return PairBatch(batch, [
            self._truth(sample, which) for sample in samples for which in (0, 1)])

    def losses(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return the parts of the loss by name."""
        device = next(self.network.parameters()).device
        truth = [
            FrameTruth(each.boxes.to(device), each.labels.to(device), each.ids.to(device))
            for each in batch.truth]
        return siammot_losses(
            self.network, batch.images.to(device, non_blocking=True), truth, self._options)[1]

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the network."""
        return self.network.state_dict()

    def _truth(self, sample: PairSample, which: int) -> FrameTruth:
        clear = sample.visibilities[which] >= self._least
        boxes = torch.from_numpy(np.array(sample.boxes[which][clear], np.float32))
        # the background is class 0
        return FrameTruth(
            legacy_boxes.to_inclusive(boxes),
            torch.from_numpy(sample.labels[which][clear].astype(np.int64)) + 1,
            torch.from_numpy(sample.ids[which][clear].astype(np.int64)))
