# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Motion model without a filter: the last observed box and a mean velocity.

SiamMOT, Tracktor and SMOT search the image around the last position of a track, so a filter would
only distort the box between observation and search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mot_ros.tracking.boxes import centres
from mot_ros.tracking.motion.warp import Warp
from mot_ros.tracking.types import Doubles, Floats, Index


@dataclass(frozen=True)
class LastObservation:
    """
    Configuration: constant position, with a mean velocity over about `memory` seconds.

    With `moving`, constant velocity until the next observation.
    """

    memory: float = 0.3
    moving: bool = False

    def start(self) -> LastObservationModel:
        """Return a motion model with no tracks."""
        return LastObservationModel(self)


class LastObservationModel:
    """
    Last observed boxes of N tracks, in the order of the tracks.

    `velocities` (N, 2) of the box centres in pixels/s are an exponential mean of the change
    between observations, weighted by its duration. The first change has full weight.
    """

    def __init__(self, kind: LastObservation) -> None:
        self._kind = kind
        self._boxes: Doubles = np.zeros((0, 4))
        self._centres: Doubles = np.zeros((0, 2))
        """Centres at the last observation, warped with the image (N, 2)."""
        self.velocities: Doubles = np.zeros((0, 2))
        self._weight: Doubles = np.zeros(0)
        """Weight of the mean in `velocities`, 0 before the second observation (N,)."""
        self._since: Doubles = np.zeros(0)
        """Seconds since the last observation (N,)."""

    def __len__(self) -> int:
        return len(self._boxes)

    @property
    def boxes(self) -> Floats:
        """Current boxes of the tracks, (N, 4) xyxy pixels."""
        return self._boxes.astype(np.float32)

    @property
    def centre_velocity(self) -> Floats:
        """Velocity of the box centres, (N, 2) pixels/s."""
        return self.velocities.astype(np.float32)

    def add(self, boxes: Floats) -> None:
        """Append tracks at rest at boxes (K, 4)."""
        new, zero = boxes.astype(np.float64), np.zeros(len(boxes))
        self._boxes = np.concatenate([self._boxes, new])
        self._centres = np.concatenate([self._centres, centres(new)])
        self.velocities = np.concatenate([self.velocities, np.zeros((len(boxes), 2))])
        self._weight = np.concatenate([self._weight, zero])
        self._since = np.concatenate([self._since, zero])

    def keep(self, index: Index) -> None:
        """Keep the indexed tracks, drop the others."""
        self._boxes, self._centres = self._boxes[index], self._centres[index]
        self.velocities, self._weight = self.velocities[index], self._weight[index]
        self._since = self._since[index]

    def predict(self, seconds: float, lost: Index | None = None) -> None:
        """Advance the time; boxes, also lost ones, move only with `moving`."""
        self._since = self._since + seconds
        if self._kind.moving:
            self._boxes = self._boxes + seconds * np.tile(self.velocities, 2)

    def expect(self, boxes: Floats) -> None:
        """Set the predicted boxes of all tracks (N, 4) without counting an observation."""
        self._boxes = boxes.astype(np.float64)

    def update(self, rows: Index, boxes: Floats) -> None:
        """Set the indexed tracks (K,) to the observed boxes (K, 4)."""
        new = boxes.astype(np.float64)
        centre, passed = centres(new), self._since[rows]
        moved = passed > 0
        speed = np.divide(
            centre - self._centres[rows], passed[:, None], where=moved[:, None],
            out=self.velocities[rows])
        # decayed weight of the mean, against the weight of the new change
        old = self._weight[rows] * np.exp(-passed / self._kind.memory)
        fresh = np.where(moved, -np.expm1(-passed / self._kind.memory), 0.0)
        total = np.maximum(old + fresh, np.finfo(np.float64).tiny)
        share = (fresh / total)[:, None]
        self.velocities[rows] = (1 - share) * self.velocities[rows] + share * speed
        self._weight[rows] = np.where(moved, old + fresh, self._weight[rows])
        self._boxes[rows], self._centres[rows], self._since[rows] = new, centre, 0.0

    def warp(self, warp: Warp, *, mix_sizes: bool = False) -> None:
        """
        Apply a warp of the image to every track; sizes are scaled, never mixed.

        `centre_velocity` then holds the motion of the object without that of the camera.
        """
        if warp.is_identity or not len(self):
            return
        half = (self._boxes[:, 2:] - self._boxes[:, :2]) / 2 * warp.scale
        centre = warp.points(centres(self._boxes))
        self._boxes = np.concatenate([centre - half, centre + half], axis=1)
        self._centres = warp.points(self._centres)
        self.velocities = self.velocities @ warp.matrix[:, :2].T
