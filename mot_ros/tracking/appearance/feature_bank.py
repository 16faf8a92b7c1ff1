# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What tracks looked like: a running mean and the last embeddings of each, in bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.appearance.embedder import cosines, unit
from mot_ros.tracking.types import Floats, Index, Ints

MEMORIES = ('mean', 'latest', 'bank')
"""What a track can be compared by: exponential mean, last embedding, best of all kept."""


class FeatureBank:
    """
    The appearance of N tracks at once, in the order of the tracks.

    Goes with a KalmanFilter: `add`, `keep` and `update` take the same rows. `mean` (N, D) is
    the exponential mean, of unit length: mean = momentum * mean + (1 - momentum) * feature.
    Each track also keeps its last `capacity` features. A feature that is zero says nothing and
    leaves a track as it was; a track of which nothing is known is alike to nothing. Memory is
    that of the living, up to a factor.
    """

    def __init__(self, dimension: int, capacity: int, momentum: float) -> None:
        self.capacity = capacity
        self.momentum = momentum
        self.mean: Floats = np.zeros((0, dimension), np.float32)
        self.counts: Ints = np.zeros(0, np.int64)
        """Features that each track has got so far (N,)."""
        # Rows come and go in every frame, and the features are many: they stay where they are,
        # and only the number of the place moves.
        self._places: Ints = np.zeros(0, np.int64)
        self._kept: Floats = np.zeros((0, capacity, dimension), np.float32)

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def nbytes(self) -> int:
        """Bytes held for all tracks."""
        return self.mean.nbytes + self.counts.nbytes + self._places.nbytes + self._kept.nbytes

    def add(self, features: Floats) -> None:
        """Append tracks with a first feature each, (K, D) of unit length or zero."""
        before, count = len(self), len(features)
        if not count:
            return
        self._make_room(before + count)
        free = np.setdiff1d(np.arange(len(self._kept)), self._places, assume_unique=True)
        self._places = np.concatenate([self._places, free[:count]])
        self.mean = np.concatenate([self.mean, np.zeros((count, self.mean.shape[1]), np.float32)])
        self.counts = np.concatenate([self.counts, np.zeros(count, np.int64)])
        self.update(np.arange(before, before + count), features)

    def keep(self, index: Index) -> None:
        """Forget all tracks but the indexed ones."""
        self.mean, self.counts = self.mean[index], self.counts[index]
        self._places = self._places[index]
        self._make_room(len(self))

    def update(self, rows: Ints, features: Floats) -> None:
        """Add what the tracks `rows` (K,), each once, look like now: (K, D), unit or zero."""
        told = features.any(axis=1)
        rows, features = rows[told], features[told]
        self._kept[self._places[rows], self.counts[rows] % self.capacity] = features
        first = self.counts[rows] == 0
        mean = self.momentum * self.mean[rows] + (1 - self.momentum) * features
        self.mean[rows] = np.where(first[:, None], features, unit(mean))
        self.counts[rows] += 1

    def similarity(self, features: Floats, memory: str, rows: Ints | None = None) -> Floats:
        """
        Return the cosines (K, M) of the tracks `rows` (K,), all if None, with features (M, D).

        `memory` is what stands for a track, one of MEMORIES. `bank` is SMILEtrack's
        multi-template similarity: the best among all features kept.
        """
        rows = np.arange(len(self)) if rows is None else rows
        if memory == 'mean':
            return cosines(self.mean[rows], features)
        places, counts = self._places[rows], self.counts[rows]
        if memory == 'latest':
            return cosines(
                np.where((counts > 0)[:, None],
                         self._kept[places, (counts - 1) % self.capacity], np.float32(0)),
                features)
        # no deeper than the oldest of these tracks reaches
        depth = min(int(counts.max(initial=0)), self.capacity)
        if not depth:
            return np.zeros((len(rows), len(features)), np.float32)
        kept = self._kept[places, :depth]
        table = cosines(kept.reshape(-1, kept.shape[2]), features)
        table = table.reshape(len(rows), depth, len(features))
        best: Floats = table.max(axis=1, where=self._filled(counts, depth), initial=-1)
        best[counts == 0] = 0
        return best

    @staticmethod
    def _filled(counts: Ints, depth: int) -> NDArray[np.bool_]:
        """Say which places of the ring hold features of these tracks, (K, depth, 1)."""
        filled: NDArray[np.bool_] = np.arange(depth) < counts[:, None]
        return filled[:, :, None]

    def _make_room(self, count: int) -> None:
        """Have place for `count` tracks, and not for many times as many."""
        places = len(self._kept)
        if count <= places <= 4 * max(count, 8):
            return
        kept = np.zeros((2 * count, *self._kept.shape[1:]), np.float32)
        kept[:len(self._places)] = self._kept[self._places]
        self._kept, self._places = kept, np.arange(len(self._places))
