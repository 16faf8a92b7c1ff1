# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""ObservationHistory: recent observations of each track and the direction between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.boxes import centres
from mot_ros.tracking.motion.warp import Warp
from mot_ros.tracking.tracks.appearance_pool import AppearanceTrackPool
from mot_ros.tracking.tracks.birth_and_death import STAMP_NOISE
from mot_ros.tracking.types import Detections, Doubles, Floats, Index, Ints, TrackState

LENGTH = 16
"""Observations kept per track: half a second at 30 Hz, less at higher rates."""


class ObservationHistory:
    """
    Stamps and boxes of the last `LENGTH` observations of N tracks, in the order of the tracks.

    Observations instead of filtered boxes: the error that a filter accumulates while a track is
    lost would distort the direction (OC-SORT, arXiv 2203.14360).
    """

    def __init__(self) -> None:
        self._stamps: Doubles = np.zeros((0, LENGTH))
        """Stamps, latest last; -inf where there is none (N, LENGTH)."""
        self._centres: Doubles = np.zeros((0, LENGTH, 2))

    def __len__(self) -> int:
        return len(self._stamps)

    def add(self, now: float, boxes: Floats) -> None:
        """Append tracks first observed at time `now` at boxes (K, 4)."""
        rows = np.arange(len(self), len(self) + len(boxes))
        self._stamps = np.concatenate([self._stamps, np.full((len(boxes), LENGTH), -np.inf)])
        self._centres = np.concatenate([self._centres, np.zeros((len(boxes), LENGTH, 2))])
        self.update(rows, now, boxes)

    def keep(self, index: Index) -> None:
        """Keep the indexed tracks, drop the others."""
        self._stamps, self._centres = self._stamps[index], self._centres[index]

    def update(self, rows: Ints, now: float, boxes: Floats) -> None:
        """Append observations at time `now` at boxes (K, 4) to the tracks `rows` (K,)."""
        self._stamps[rows] = np.roll(self._stamps[rows], -1, axis=1)
        self._centres[rows] = np.roll(self._centres[rows], -1, axis=1)
        self._stamps[rows, -1] = now
        self._centres[rows, -1] = centres(boxes)

    def warp(self, warp: Warp) -> None:
        """Apply a warp of the image to all observations."""
        if not warp.is_identity:
            self._centres = warp.points(self._centres)

    def observed_directions(self, rows: Ints, span: float) -> tuple[Doubles, Doubles]:
        """
        Return start and displacement of tracks `rows` (K,) lately, (K, 2) pixels each.

        The start is the observation `span` seconds before the last one, or the nearest before
        that; of a younger track its first observation.
        """
        stamps = self._stamps[rows]
        known = np.isfinite(stamps)
        old = known & (stamps <= stamps[:, -1:] - span + STAMP_NOISE)
        first = LENGTH - known.sum(axis=1)
        start = np.where(old.any(axis=1), LENGTH - 1 - old[:, ::-1].argmax(axis=1), first)
        origins: Doubles = self._centres[rows, start]
        return origins, self._centres[rows, -1] - origins


class HistoryTrackPool(AppearanceTrackPool):
    """AppearanceTrackPool with an ObservationHistory."""

    def reset(self, *, keep_ids: bool = False) -> None:
        """Drop every track; ids restart at 1 unless `keep_ids`."""
        self.history = ObservationHistory()
        super().reset(keep_ids=keep_ids)

    def warp(self, warp: Warp, *, mix_sizes: bool = False) -> None:
        """Apply a warp of the image to every track."""
        super().warp(warp, mix_sizes=mix_sizes)
        self.history.warp(warp)

    def observe(
            self, rows: Ints, detections: Detections, sources: Ints,
            state: TrackState | NDArray[np.uint8] = TrackState.CONFIRMED) -> None:
        """Match tracks `rows` (K,) to detections `sources` (K,); one state or each (K,)."""
        super().observe(rows, detections, sources, state)
        self.history.update(rows, self._now, detections.boxes[sources])

    def add(self, detections: Detections, sources: Ints, state: TrackState) -> None:
        """Start a track at each of the detections `sources` (K,), with the next ids."""
        super().add(detections, sources, state)
        self.history.add(self._now, detections.boxes[sources])

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Keep the tracks of a mask (N,), drop the others."""
        super().keep(mask)
        self.history.keep(mask)
