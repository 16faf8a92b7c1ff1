# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""FeatureBank: appearance of tracks as exponential mean and last embeddings, in bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.appearance.embedder import cosines, unit
from mot_ros.tracking.types import Floats, Index, Ints

MEMORIES = ('mean', 'latest', 'bank')
"""Memories to compare a track by: exponential mean, last embedding, best of all kept."""


class FeatureBank:
    """
    Embeddings of N tracks, in the order of the tracks.

    Use it beside a KalmanFilter: `add`, `keep` and `update` take the same rows. `mean` (N, D) is
    the exponential mean (EMA) of unit length: mean = momentum * mean + (1 - momentum) * feature.
    The last `capacity` features of each track are kept too. A zero feature changes nothing; a
    track without features has cosine 0 to every detection. Memory is proportional to the number of
    live tracks.
    """

    def __init__(self, dimension: int, capacity: int, momentum: float) -> None:
        self.capacity = capacity
        self.momentum = momentum
        self.mean: Floats = np.zeros((0, dimension), np.float32)
        self.counts: Ints = np.zeros(0, np.int64)
        """Features added to each track so far (N,)."""
        # Rows change in every frame and features are large: features stay in place, only the
        # index of their slot moves.
        self._places: Ints = np.zeros(0, np.int64)
        self._kept: Floats = np.zeros((0, capacity, dimension), np.float32)

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def nbytes(self) -> int:
        """Bytes allocated for all tracks."""
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
        """Keep the indexed tracks, drop the others."""
        self.mean, self.counts = self.mean[index], self.counts[index]
        self._places = self._places[index]
        self._make_room(len(self))

    def update(self, rows: Ints, features: Floats) -> None:
        """Add one feature (K, D), unit or zero, to each of the distinct tracks `rows` (K,)."""
        valid = features.any(axis=1)
        rows, features = rows[valid], features[valid]
        self._kept[self._places[rows], self.counts[rows] % self.capacity] = features
        first = self.counts[rows] == 0
        mean = self.momentum * self.mean[rows] + (1 - self.momentum) * features
        self.mean[rows] = np.where(first[:, None], features, unit(mean))
        self.counts[rows] += 1

    def similarity(self, features: Floats, memory: str, rows: Ints | None = None) -> Floats:
        """
        Return the cosines (K, M) of the tracks `rows` (K,), all if None, with features (M, D).

        `memory` is one of MEMORIES. `bank` is SMILEtrack's multi-template similarity: the maximum
        over all kept features.
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
        # no deeper than the longest history of these tracks
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
        """Return which slots of the ring hold features of these tracks, (K, depth, 1)."""
        filled: NDArray[np.bool_] = np.arange(depth) < counts[:, None]
        return filled[:, :, None]

    def _make_room(self, count: int) -> None:
        """Grow or shrink the storage to `count` tracks within a constant factor."""
        places = len(self._kept)
        if count <= places <= 4 * max(count, 8):
            return
        kept = np.zeros((2 * count, *self._kept.shape[1:]), np.float32)
        kept[:len(self._places)] = self._kept[self._places]
        self._kept, self._places = kept, np.arange(len(self._places))
