# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Scale of cosine distances with which two embeddings mean the same by one threshold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mot_ros.data.datasets.mot import MotRows
from mot_ros.tracking.appearance.embedder import cosines
from mot_ros.tracking.types import Doubles, Floats

STEPS = 50
"""Newton steps of the fit; it stops when a step is small."""


@dataclass(frozen=True, eq=False)
class CosinePairs:
    """Cosines (P,) of pairs of one person, and (Q,) of pairs of two."""

    same: Doubles
    different: Doubles


def later_pairs(truth: MotRows, embedded: Floats, gaps: Iterable[int]) -> CosinePairs:
    """Return the cosines of everybody with everybody in view so many frames later."""
    same, different = [np.zeros(0)], [np.zeros(0)]
    gaps = tuple(gaps)
    for first in range(1, truth.last_frame + 1):
        here = truth.span(first)
        for gap in gaps:
            there = truth.span(first + gap)
            table = cosines(embedded[here], embedded[there]).astype(np.float64)
            one = truth.ids[here][:, None] == truth.ids[there]
            same.append(table[one])
            different.append(table[~one])
    return CosinePairs(np.concatenate(same), np.concatenate(different))


def joined(parts: Iterable[CosinePairs]) -> CosinePairs:
    """Return the pairs of several scenes together."""
    parts = tuple(parts)
    return CosinePairs(np.concatenate([part.same for part in parts]),
                       np.concatenate([part.different for part in parts]))


def even_cosine(pairs: CosinePairs) -> float:
    """
    Return the cosine at which one person is as likely as two, were both as frequent.

    It is the zero of a logistic regression in which pairs of one person weigh as much together
    as those of two. NaN without pairs of both kinds.
    """
    if not (len(pairs.same) and len(pairs.different)):
        return float('nan')
    cosine = np.concatenate([pairs.same, pairs.different])
    label = np.repeat([1.0, 0.0], [len(pairs.same), len(pairs.different)])
    weight = np.where(label == 1, .5 / len(pairs.same), .5 / len(pairs.different))
    inputs = np.stack([cosine - cosine.mean(), np.ones_like(cosine)], axis=1)
    line = np.zeros(2)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ line, -30, 30)))
        # a small ridge keeps the slope finite where the two kinds do not overlap
        slope = inputs.T @ (weight * (label - chance)) - 1e-4 * line
        bend = (inputs * (weight * chance * (1 - chance))[:, None]).T @ inputs + 1e-4 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        line = line + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-9:
            break
    return float(cosine.mean() - line[1] / line[0])


def scale_to(reference: CosinePairs, pairs: CosinePairs) -> float:
    """Return the factor of cosine distances that puts the even cosine where the reference's is."""
    return (1 - even_cosine(reference)) / (1 - even_cosine(pairs))
