# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The track lifecycle of SiamMOT and Tracktor: how tracks go on, end and start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mot_ros.tracking.methods.siammot.solver import SolverResult, TrackCandidates
from mot_ros.tracking.motion.kalman_filter import AnyMotion
from mot_ros.tracking.tracks.birth_and_death import STAMP_NOISE
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Detections, Mask, TrackState


@dataclass(frozen=True)
class MissPolicy:
    """
    How long a track that is not found is searched before it is removed.

    `tau` counts processed frames, as published: a track not found in frame f is searched
    tau - 1 times more and removed in frame f + tau - 1; with tau 1 in frame f itself. With
    `seconds` above 0 it is removed once it has not been observed for so long instead, which at
    30 frames/s is the same for 1 s and tau 30.
    """

    tau: int
    seconds: float = 0.0

    def expired(self, tracks: TrackPool[AnyMotion]) -> Mask:
        """Return which tracks are to be removed (N,)."""
        if self.seconds:
            late: Mask = tracks.unseen >= self.seconds - STAMP_NOISE
            return late & (tracks.misses > 0)
        exhausted: Mask = tracks.misses >= self.tau
        return exhausted


def apply_result(
        tracks: TrackPool[AnyMotion], candidates: TrackCandidates, detections: Detections,
        result: SolverResult, policy: MissPolicy) -> Mask:
    """
    Apply the solver's result to the tracks of a pool, in whose order the candidates are.

    Return which of the tracks before go on (N,); in the pool these come first, in their order,
    then those that start. A track's source is the detection it suppressed.
    """
    seen = result.active
    tracks.observe(
        seen, Detections(candidates.boxes[seen], candidates.scores[seen], candidates.labels[seen]),
        np.arange(len(seen)))
    tracks.sources[seen] = result.matched
    tracks.lose(result.inactive)
    living = ~policy.expired(tracks)
    tracks.keep(living)
    tracks.add(detections, result.started, TrackState.CONFIRMED)
    return living
