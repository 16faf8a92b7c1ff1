# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Boxes exactly as they were observed, for methods that look where their tracks are themselves.

SiamMOT, Tracktor and SMOT find a track again in the image, from where it was; a filter would only
come between what they found and where they look next.
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
    Boxes that stay where they were seen; their velocity is a mean over about `memory` seconds.

    With `moving` they move on at that velocity until they are seen again.
    """

    memory: float = 0.3
    moving: bool = False

    def start(self) -> LastObservationModel:
        """Return the motion of no tracks yet."""
        return LastObservationModel(self)


class LastObservationModel:
    """
    The last observed boxes of N tracks, in the order of the tracks.

    `velocities` (N, 2) of the box centres are in pixels/s: the exponential mean of the changes
    from one observation to the next, each with the weight of the time that it took. The first
    change counts in full.
    """

    def __init__(self, kind: LastObservation) -> None:
        self._kind = kind
        self._boxes: Doubles = np.zeros((0, 4))
        self._seen: Doubles = np.zeros((0, 2))
        """Centres at the last observation, moved along with the image (N, 2)."""
        self.velocities: Doubles = np.zeros((0, 2))
        self._known: Doubles = np.zeros(0)
        """Weight of what is in `velocities`, 0 before the second observation (N,)."""
        self._since: Doubles = np.zeros(0)
        """Seconds since the last observation (N,)."""

    def __len__(self) -> int:
        return len(self._boxes)

    @property
    def boxes(self) -> Floats:
        """Where the tracks are, (N, 4) xyxy pixels."""
        return self._boxes.astype(np.float32)

    @property
    def centre_velocity(self) -> Floats:
        """How fast the box centres move, (N, 2) pixels/s."""
        return self.velocities.astype(np.float32)

    def add(self, boxes: Floats) -> None:
        """Append tracks at rest at boxes (K, 4)."""
        new, zero = boxes.astype(np.float64), np.zeros(len(boxes))
        self._boxes = np.concatenate([self._boxes, new])
        self._seen = np.concatenate([self._seen, centres(new)])
        self.velocities = np.concatenate([self.velocities, np.zeros((len(boxes), 2))])
        self._known = np.concatenate([self._known, zero])
        self._since = np.concatenate([self._since, zero])

    def keep(self, index: Index) -> None:
        """Forget all tracks but the indexed ones."""
        self._boxes, self._seen = self._boxes[index], self._seen[index]
        self.velocities, self._known = self.velocities[index], self._known[index]
        self._since = self._since[index]

    def predict(self, seconds: float, lost: Index | None = None) -> None:
        """Let time pass; boxes move only if this kind says so, lost ones like the others."""
        self._since = self._since + seconds
        if self._kind.moving:
            self._boxes = self._boxes + seconds * np.tile(self.velocities, 2)

    def expect(self, boxes: Floats) -> None:
        """Put every track where it is expected by now, (N, 4), without its having been seen."""
        self._boxes = boxes.astype(np.float64)

    def update(self, rows: Index, boxes: Floats) -> None:
        """Put the indexed tracks (K,) at the boxes (K, 4) observed."""
        new = boxes.astype(np.float64)
        centre, passed = centres(new), self._since[rows]
        moved = passed > 0
        speed = np.divide(
            centre - self._seen[rows], passed[:, None], where=moved[:, None],
            out=self.velocities[rows])
        # what the mean of before is still worth, against the change seen now
        old = self._known[rows] * np.exp(-passed / self._kind.memory)
        fresh = np.where(moved, -np.expm1(-passed / self._kind.memory), 0.0)
        total = np.maximum(old + fresh, np.finfo(np.float64).tiny)
        share = (fresh / total)[:, None]
        self.velocities[rows] = (1 - share) * self.velocities[rows] + share * speed
        self._known[rows] = np.where(moved, old + fresh, self._known[rows])
        self._boxes[rows], self._seen[rows], self._since[rows] = new, centre, 0.0

    def warp(self, warp: Warp, *, mix_sizes: bool = False) -> None:
        """
        Move every track along with the image; sizes are scaled, never mixed.

        What is left of the motion in `centre_velocity` is that of the object alone.
        """
        if warp.is_identity or not len(self):
            return
        half = (self._boxes[:, 2:] - self._boxes[:, :2]) / 2 * warp.scale
        centre = warp.points(centres(self._boxes))
        self._boxes = np.concatenate([centre - half, centre + half], axis=1)
        self._seen = warp.points(self._seen)
        self.velocities = self.velocities @ warp.matrix[:, :2].T
