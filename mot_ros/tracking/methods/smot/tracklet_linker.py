# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""TrackletLinker: identities that outlive their tracklets, told by looks (SMOT, section 3.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.appearance.embedder import cosines, unit
from mot_ros.tracking.association.assignment import assign, Matches, Pairs
from mot_ros.tracking.boxes import centre_distances
from mot_ros.tracking.types import Floats, Index, Ints


class TrackletLinker:
    """
    What N tracks look like: the mean of all embeddings of each, in the order of the tracks.

    `add` and `keep` take the same rows as the TrackPool beside it. An embedding of zero says
    nothing; a track of which nothing is known is like no other.
    """

    def __init__(self, dimension: int) -> None:
        self._sums: NDArray[np.float64] = np.zeros((0, dimension))

    def __len__(self) -> int:
        return len(self._sums)

    @property
    def nbytes(self) -> int:
        """Bytes held for all tracks."""
        return self._sums.nbytes

    def add(self, features: Floats) -> None:
        """Append tracks with a first embedding each, (K, D) of unit length or zero."""
        self._sums = np.concatenate([self._sums, features])

    def keep(self, index: Index) -> None:
        """Forget all tracks but the indexed ones."""
        self._sums = self._sums[index]

    def update_embeddings(self, rows: Ints, features: Floats) -> None:
        """Add what the tracks `rows` (K,), each once, look like now: (K, D), unit or zero."""
        self._sums[rows] += features

    def link(
            self, rows: Ints, features: Floats, allowed: NDArray[np.bool_],
            distance: float) -> Matches:
        """
        Match ended tracks `rows` (K,) with embeddings (M, D) of new ones.

        Only pairs that are `allowed` (K, M) and whose means are no farther apart than
        `distance` (L2 between vectors of unit length); the matching is bipartite and the
        nearest in all. Rows of the result are rows of the pool.
        """
        means = unit(self._sums[rows].astype(np.float32))
        alike = cosines(means, features)
        known = np.outer(means.any(axis=1), features.any(axis=1))
        first, second = np.nonzero(allowed & known)
        # |a - b|^2 = 2 - 2 cos
        pairs = Pairs(first, second, alike[first, second])
        return assign(pairs, alike.shape, 1 - distance ** 2 / 2).within(
            rows, np.arange(len(features)))


def distance_gate(
        ended: Floats, unseen: NDArray[np.float64], new: Floats,
        speed: float) -> NDArray[np.bool_]:
    """
    Say which new boxes (M, 4) an object may have reached since its track ended, (K, M).

    `ended` (K, 4) are the last boxes, `unseen` (K,) how many seconds ago, `speed` in heights of
    the last box per second; 0 is any.
    """
    if not speed:
        return np.ones((len(ended), len(new)), np.bool_)
    limit = speed * unseen * (ended[:, 3] - ended[:, 1])
    reach: NDArray[np.bool_] = centre_distances(ended, new) <= limit[:, None]
    return reach
