# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""TrackletLinker: link new tracks to ended identities by embedding (SMOT, section 5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.appearance.embedder import cosines, unit
from mot_ros.tracking.association.assignment import assign, Matches, Pairs
from mot_ros.tracking.boxes import centre_distances
from mot_ros.tracking.types import Floats, Index, Ints


class TrackletLinker:
    """
    Mean embedding of N tracks, in the order of the tracks.

    `add` and `keep` take the same rows as the TrackPool beside it. A zero embedding changes
    nothing; a track without embedding matches none.
    """

    def __init__(self, dimension: int) -> None:
        self._sums: NDArray[np.float64] = np.zeros((0, dimension))

    def __len__(self) -> int:
        return len(self._sums)

    @property
    def nbytes(self) -> int:
        """Bytes allocated for all tracks."""
        return self._sums.nbytes

    def add(self, features: Floats) -> None:
        """Append tracks with a first embedding each, (K, D) of unit length or zero."""
        self._sums = np.concatenate([self._sums, features])

    def keep(self, index: Index) -> None:
        """Keep the indexed tracks, drop the others."""
        self._sums = self._sums[index]

    def update_embeddings(self, rows: Ints, features: Floats) -> None:
        """Add one embedding (K, D), unit or zero, to each of the distinct tracks `rows` (K,)."""
        self._sums[rows] += features

    def link(
            self, rows: Ints, features: Floats, allowed: NDArray[np.bool_],
            distance: float) -> Matches:
        """
        Match ended tracks `rows` (K,) with embeddings (M, D) of new ones.

        Optimal bipartite matching of the pairs that are `allowed` (K, M) with an L2 distance of
        unit vectors of at most `distance`. Rows of the result are rows of the pool.
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
    Return which new boxes (M, 4) an object can have reached since its track ended, (K, M).

    `ended` (K, 4) are the last boxes, `unseen` (K,) seconds since then, `speed` is in heights of
    the last box per second; 0 disables the gate.
    """
    if not speed:
        return np.ones((len(ended), len(new)), np.bool_)
    limit = speed * unseen * (ended[:, 3] - ended[:, 1])
    reach: NDArray[np.bool_] = centre_distances(ended, new) <= limit[:, None]
    return reach
