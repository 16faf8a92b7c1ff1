# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What ByteTrack and its heirs share beside the matching: how lives end, merge and begin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.association.assignment import overlapping
from mot_ros.tracking.motion.kalman_filter import Motion
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Detections, in_state, Ints, Tracks, TrackState

# A lost and a living track that overlap more than this are one object (published code).
SAME_OBJECT_IOU = 0.85

# Seconds since 1970 are exact to 0.2 microseconds in a float; 30 frames at 30 Hz must be 1 s.
STAMP_NOISE = 1e-6


def mark_lost_and_remove(
        tracks: TrackPool[Motion], predicted: Tracks, detections: Detections, unmatched: Ints,
        lost_buffer: float, same: Callable[[int, int], bool] = lambda a, b: True) -> None:
    """
    Lose the tracks `unmatched` (K,) and forget those that had their time.

    That is whoever was not seen for `lost_buffer` seconds, and a tentative track at once: it
    gets no second chance. Of a lost and a living track in one place that may be the `same`
    object (rows) only the older one goes on.
    """
    tracks.lose(unmatched)
    alive = tracks.unseen <= lost_buffer + STAMP_NOISE
    alive[unmatched[in_state(predicted.states[unmatched], TrackState.TENTATIVE)]] = False
    _merge_doubles(tracks, detections, alive, same)
    tracks.keep(alive)


def start_tracks(
        tracks: TrackPool[Motion], detections: Detections, free: Ints, least: float) -> None:
    """Start tracks at the detections `free` (K,) with a score of at least `least`."""
    born = free[detections.scores[free] >= least]
    # In a first frame there is nothing to confirm a track against.
    first_frame = tracks.frames == 1
    tracks.add(detections, born, TrackState.CONFIRMED if first_frame else TrackState.TENTATIVE)


def _merge_doubles(
        tracks: TrackPool[Motion], detections: Detections, alive: NDArray[np.bool_],
        same: Callable[[int, int], bool]) -> None:
    """Let the older of a lost and a living track in one place live on as both."""
    lost = np.flatnonzero(in_state(tracks.states, TrackState.LOST) & alive)
    if not len(lost):
        return
    living = np.flatnonzero(in_state(tracks.states, TrackState.CONFIRMED))
    boxes = tracks.boxes
    pairs = overlapping(boxes[lost], boxes[living])
    pairs = pairs.where(pairs.values > SAME_OBJECT_IOU)
    for a, b in zip(lost[pairs.rows], living[pairs.cols], strict=True):
        if not (alive[a] and alive[b] and same(a, b)):
            continue
        if a < b:
            tracks.observe(np.array([a]), detections, tracks.sources[[b]])
        alive[max(a, b)] = False
