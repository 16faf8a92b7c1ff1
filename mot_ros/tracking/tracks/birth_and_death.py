# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Start, loss and removal of tracks and their duplicates, in ByteTrack and its successors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.association.assignment import overlapping
from mot_ros.tracking.motion.kalman_filter import Motion
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Detections, in_state, Ints, Tracks, TrackState

# IoU above which a lost and an active track are duplicates of one object (published code).
SAME_OBJECT_IOU = 0.85

# Seconds since 1970 are exact to 0.2 microseconds in a float; 30 frames at 30 Hz must be 1 s.
STAMP_NOISE = 1e-6


def mark_lost_and_remove(
        tracks: TrackPool[Motion], predicted: Tracks, detections: Detections, unmatched: Ints,
        lost_buffer: float, same: Callable[[int, int], bool] | None = lambda a, b: True) -> None:
    """
    Mark the tracks `unmatched` (K,) as lost, and remove expired and duplicate tracks.

    A confirmed track expires after `lost_buffer` seconds without observation, a tentative one at
    its first miss. Of a lost and an active track at one place, if they may be the `same` object
    (rows), only the older one is kept; with None duplicates are left to
    `remove_shorter_lived`.
    """
    tracks.lose(unmatched)
    alive = tracks.unseen <= lost_buffer + STAMP_NOISE
    alive[unmatched[in_state(predicted.states[unmatched], TrackState.TENTATIVE)]] = False
    if same is not None:
        _merge_duplicates(tracks, detections, alive, same)
    tracks.keep(alive)


def start_tracks(
        tracks: TrackPool[Motion], detections: Detections, free: Ints, least: float) -> None:
    """Start tracks at the detections `free` (K,) with a score of at least `least`."""
    born = free[detections.scores[free] >= least]
    # tracks of the first frame cannot be confirmed by a second observation before it
    first_frame = tracks.frames == 1
    tracks.add(detections, born, TrackState.CONFIRMED if first_frame else TrackState.TENTATIVE)


def remove_shorter_lived(tracks: TrackPool[Motion]) -> None:
    """
    Of each lost and active track at one place, remove the one observed over the shorter time.

    The rule of the published codes of ByteTrack and its successors, at the end of a frame: of
    equal ones the active track goes, tracks just started take part, appearance does not count,
    and no other track gets the detection of a removed one in this frame.
    """
    lost = np.flatnonzero(in_state(tracks.states, TrackState.LOST))
    active = np.flatnonzero(~in_state(tracks.states, TrackState.LOST))
    boxes, spans = tracks.boxes, tracks.observed_spans
    pairs = overlapping(boxes[lost], boxes[active])
    pairs = pairs.where(pairs.values > SAME_OBJECT_IOU)
    gone, there = lost[pairs.rows], active[pairs.cols]
    longer = spans[there] > spans[gone] + STAMP_NOISE
    alive = np.ones(len(tracks), np.bool_)
    alive[np.where(longer, gone, there)] = False
    tracks.keep(alive)


def _merge_duplicates(
        tracks: TrackPool[Motion], detections: Detections, alive: NDArray[np.bool_],
        same: Callable[[int, int], bool]) -> None:
    """Merge a lost and an active track at one place into the older one."""
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
