# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""How lives go on, end and begin where tracks are found in the image: SiamMOT and Tracktor."""

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
    How long a track is looked for that is not found.

    `tau` counts processed frames, as published: a track not found in frame f is looked for
    tau - 1 times more and given up in frame f + tau - 1; with tau 1 in frame f itself. With
    `seconds` above 0 it is given up once it has not been seen for so long instead, which at 30
    frames/s is the same for 1 s and tau 30.
    """

    tau: int
    seconds: float = 0.0

    def given_up(self, tracks: TrackPool[AnyMotion]) -> Mask:
        """Return which tracks had their time (N,)."""
        if self.seconds:
            late: Mask = tracks.unseen >= self.seconds - STAMP_NOISE
            return late & (tracks.misses > 0)
        exhausted: Mask = tracks.misses >= self.tau
        return exhausted


def apply_result(
        tracks: TrackPool[
            AnyMotion], claims: TrackCandidates, detections: Detections, verdict: SolverResult,
        patience: MissPolicy) -> Mask:
    """
    Carry out a verdict over the tracks of a pool, in whose order the claims are.

    Returns which tracks there were before go on living (N,); in the pool these come first, in
    their order, then those that start. A track's source is the detection it suppressed.
    """
    seen = verdict.active
    tracks.observe(
        seen, Detections(claims.boxes[seen], claims.scores[seen], claims.labels[seen]),
        np.arange(len(seen)))
    tracks.sources[seen] = verdict.matched
    tracks.lose(verdict.inactive)
    living = ~patience.given_up(tracks)
    tracks.keep(living)
    tracks.add(detections, verdict.started, TrackState.CONFIRMED)
    return living
