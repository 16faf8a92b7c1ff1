# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""How lives go on, end and begin where tracks are found in the image: SiamMOT and Tracktor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mot_ros.tracking.lifecycle import TrackPool
from mot_ros.tracking.motion import AnyMotion
from mot_ros.tracking.siam_solver import Claims, Mask, Verdict
from mot_ros.tracking.two_pass import STAMP_NOISE
from mot_ros.tracking.types import Detections, TrackState


@dataclass(frozen=True)
class Patience:
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


def settle(
        tracks: TrackPool[AnyMotion], claims: Claims, detections: Detections, verdict: Verdict,
        patience: Patience) -> Mask:
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
