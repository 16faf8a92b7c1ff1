# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SlmTask: train SLM, the re-ID network, on several crops of each person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.data.synthetic.person_crops import CropSample
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.slm.variants import AnySlm
from mot_ros.training.losses.slm import (
    contrastive,
    hardest_triplet,
    identity_entropy,
    pair_entropy,
)
from mot_ros.training.overfit import SampleSource

FIRST_SCALE, FIRST_MIDDLE = 10.0, 0.5
"""Initial scale and middle of pair_entropy."""


@dataclass(frozen=True)
class SlmWeights:
    """
    Weights of the losses; 0 leaves one out. `temperature` is that of the contrastive loss.

    `identities` is that of classifying the people of the training data.
    """

    contrastive: float = 1.0
    pairs: float = 1.0
    triplet: float = 0.0
    identities: float = 0.0
    temperature: float = 0.1

    def __post_init__(self) -> None:
        parts = (self.contrastive, self.pairs, self.triplet, self.identities)
        if min(parts) < 0 or not max(parts) > 0 or not self.temperature > 0:
            raise ConfigError(
                f'{self} cannot be; weights are not negative, one of them and the temperature '
                'are positive')


class SlmLearner(nn.Module):
    """Wrap an SLM with what the losses train beside it: scale, threshold, identity classes."""

    def __init__(self, slm: AnySlm, classes: int = 0) -> None:
        super().__init__()
        self.slm = slm
        self.log_scale = nn.Parameter(torch.tensor(FIRST_SCALE).log())
        self.middle = nn.Parameter(torch.tensor(FIRST_MIDDLE))
        self.classes = nn.Parameter(torch.randn(classes, slm.dimension) / slm.dimension ** .5)

    def forward(self, crops: Tensor) -> Tensor:
        """Embed crops (B, 3, H, W), (B, D) of unit length."""
        return F.normalize(cast(Tensor, self.slm(crops)))


@dataclass(frozen=True)
class CropBatch:
    """Hold P K crops (P K, H, W, 3) uint8 BGR and their identities (P K,)."""

    crops: Tensor
    identities: Tensor

    def pin_memory(self) -> CropBatch:
        """Copy the crops to page-locked memory."""
        return CropBatch(self.crops.pin_memory(), self.identities.pin_memory())


class SlmTask:
    """
    Train an SLM by metric learning; a sample is K crops of a person, a batch P samples.

    The crops must have the input size of the network. `people` is the number of identities that
    come again.
    """

    def __init__(self, slm: AnySlm, crops: SampleSource[CropSample],
                 weights: SlmWeights | None = None, people: int = 0) -> None:
        self._weights = weights or SlmWeights()
        self.network = self._learner = SlmLearner(slm, people if self._weights.identities else 0)
        self._crops = crops

    def sample(self, index: int) -> CropSample:
        """Return the crops of a person by number."""
        return self._crops.sample(index)

    def collate(self, samples: Sequence[CropSample]) -> CropBatch:
        """Collate samples into a batch; ConfigError for crops of another size."""
        views = np.concatenate([sample.views for sample in samples])
        width, height = self._learner.slm.crop
        if views.shape[1:] != (height, width, 3):
            raise ConfigError(
                f'crops are {views.shape[2]}x{views.shape[1]}, and this SLM takes '
                f'{width}x{height}')
        counts = torch.tensor([len(sample.views) for sample in samples])
        identities = torch.tensor([sample.identity for sample in samples])
        return CropBatch(torch.from_numpy(views), identities.repeat_interleave(counts))

    def losses(self, batch: CropBatch) -> dict[str, Tensor]:
        """Return the parts of the loss by name."""
        learner, weights = self._learner, self._weights
        device = learner.middle.device
        crops = batch.crops.to(device, non_blocking=True).permute(0, 3, 1, 2).float()
        identities = batch.identities.to(device, non_blocking=True)
        # close cosines need float32, whatever autocast computes in
        embeddings = learner(crops).float()
        parts = {}
        if weights.contrastive:
            parts['contrastive'] = weights.contrastive * contrastive(
                embeddings, identities, weights.temperature)
        if weights.pairs:
            parts['pairs'] = weights.pairs * pair_entropy(
                embeddings, identities, learner.log_scale.exp(), learner.middle)
        if weights.triplet:
            parts['triplet'] = weights.triplet * hardest_triplet(embeddings, identities)
        if weights.identities:
            parts['identities'] = weights.identities * identity_entropy(
                embeddings, identities, learner.classes)
        return parts

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the SLM, without scale and threshold of the loss."""
        return self._learner.slm.state_dict()
