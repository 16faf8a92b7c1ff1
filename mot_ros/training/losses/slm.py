# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Losses that bring looks of one person together and those of others apart.

All take embeddings (N, D) of unit length and identities (N,) of one batch, and compare all pairs
in it; nobody published what SLM was trained with.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def contrastive(embeddings: Tensor, identities: Tensor, temperature: float = 0.1) -> Tensor:
    """
    Return the supervised contrastive loss (arXiv 2004.11362, equation 2).

    For each crop: minus the mean log probability, over the others of the same person, of being
    picked out of all others by softmax(cosine / temperature). A crop whose person is in the
    batch once has no say; if that is so for all, the loss is 0.
    """
    same, others = _pairs(identities)
    logits = (embeddings @ embeddings.mT / temperature).masked_fill(~others, -torch.inf)
    chance = F.log_softmax(logits, dim=1).masked_fill(~same, 0)
    count = same.sum(1)
    each = -chance.sum(1) / count.clamp_min(1)
    return each.sum() / (count > 0).sum().clamp_min(1)


def pair_entropy(
        embeddings: Tensor, identities: Tensor, scale: Tensor, middle: Tensor) -> Tensor:
    """
    Return the cross-entropy of "the same person" against sigmoid(scale * (cosine - middle)).

    Pairs of one person weigh as much together as those of two. With `scale` and `middle`
    learned too, `middle` becomes the cosine at which one is as likely as the other, which is
    what a gate on looks has to know.
    """
    same, others = _pairs(identities)
    logits = scale * (embeddings @ embeddings.mT - middle)
    losses = F.binary_cross_entropy_with_logits(logits, same.to(logits.dtype), reduction='none')
    parts = [
        (losses * wanted).sum() / wanted.sum().clamp_min(1)
        for wanted in (same, others & ~same)]
    return (parts[0] + parts[1]) / 2


def hardest_triplet(embeddings: Tensor, identities: Tensor) -> Tensor:
    """
    Return the batch-hard triplet loss with a soft margin (arXiv 1703.07737, section 2).

    For each crop: softplus of its largest distance to one of the same person less its smallest
    one to somebody else. Crops that lack either have no say.
    """
    same, others = _pairs(identities)
    # the root has no gradient at 0, where two crops are the same
    distance = (2 - 2 * embeddings @ embeddings.mT).clamp_min(1e-6).sqrt()
    farthest = distance.masked_fill(~same, -torch.inf).amax(1)
    nearest = distance.masked_fill(~others | same, torch.inf).amin(1)
    both = same.any(1) & (others & ~same).any(1)
    gap = torch.where(both, farthest - nearest, torch.zeros_like(nearest))
    return (F.softplus(gap) * both).sum() / both.sum().clamp_min(1)


def identity_entropy(
        embeddings: Tensor, identities: Tensor, directions: Tensor, scale: float = 16.0,
        margin: float = 0.2) -> Tensor:
    """
    Return the cross-entropy of identities by cosine with margin (CosFace, arXiv 1801.09414).

    `directions` (C, D), of any length, are the classes: identities from 0 to C - 1. Crops of
    other identities are left out; if all are, the loss is 0.
    """
    known = identities < len(directions)
    embeddings, identities = embeddings[known], identities[known]
    logits = embeddings @ F.normalize(directions).mT
    logits = scale * (logits - margin * F.one_hot(identities, len(directions)))
    losses = F.cross_entropy(logits, identities, reduction='sum', label_smoothing=0.1)
    return losses / max(len(identities), 1)


def _pairs(identities: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N, N) which pairs are two crops of one person, and which are two crops at all."""
    others = ~torch.eye(len(identities), dtype=torch.bool, device=identities.device)
    return (identities[:, None] == identities) & others, others
