# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Batched Kalman filters with constant velocity, driven by the real time between frames.

The models of SORT, ByteTrack and BoT-SORT treat the four box coordinates independently: every
covariance is 2 x 2 per coordinate. So predict and update are written out in closed form on
(N, 4) arrays, which equals the 8 x 8 matrix form and is fifty times faster. One unit of time is
1 / nominal_rate: position moves by velocity * dt, and the process noise is stated per unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from mot_ros.tracking.motion.state_models import linear_part, Model
from mot_ros.tracking.motion.warp import Warp
from mot_ros.tracking.types import Doubles, Floats, Index

SMALLEST = 1.0
"""Pixels, or their square, that a size keeps whatever the rotation."""


class Motion(Protocol):
    """Where N tracks are and how they move, in the order of the tracks."""

    @property
    def boxes(self) -> Floats:
        """Where the tracks are, (N, 4) xyxy pixels."""
        ...

    @property
    def centre_velocity(self) -> Floats:
        """How fast the box centres move, (N, 2) pixels/s."""
        ...

    def __len__(self) -> int:
        ...

    def add(self, boxes: Floats) -> None:
        """Append tracks at rest at boxes (K, 4)."""
        ...

    def keep(self, index: Index) -> None:
        """Forget all tracks but the indexed ones."""
        ...

    def predict(self, seconds: float, lost: Index | None = None) -> None:
        """Move every track on by `seconds`; `lost` are those out of sight."""
        ...

    def update(self, rows: Index, boxes: Floats) -> None:
        """Correct the indexed tracks (K,) with the boxes (K, 4) observed."""
        ...

    def warp(self, warp: Warp, *, mix_sizes: bool = False) -> None:
        """Move every track along with the image."""
        ...


AnyMotion = TypeVar('AnyMotion', bound=Motion, covariant=True)


class MotionKind(Protocol[AnyMotion]):
    """A kind of motion, with its settings; equal ones move tracks alike."""

    def start(self) -> AnyMotion:
        """Return the motion of no tracks yet."""
        ...


@dataclass(frozen=True)
class KalmanConfig:
    """A Kalman filter over the coordinates of a model; `nominal_rate` in Hz."""

    model: Model
    nominal_rate: float

    def start(self) -> KalmanFilter:
        """Return the filter of no tracks yet."""
        return KalmanFilter(self.model, self.nominal_rate)

class KalmanFilter:
    """
    The motion of N tracks at once, in the order of the tracks.

    `position` and `velocity` (N, 4) in the model's coordinates, velocity per unit of time;
    `pp`, `pv`, `vv` (N, 4) are the entries of each coordinate's 2 x 2 covariance.
    """

    def __init__(self, model: Model, nominal_rate: float) -> None:
        self._model = model
        self.nominal_rate = nominal_rate
        empty = np.zeros((0, 4))
        self.position = self.velocity = self.pp = self.pv = self.vv = empty

    def __len__(self) -> int:
        return len(self.position)

    @property
    def boxes(self) -> Floats:
        """Where the tracks are, (N, 4) xyxy pixels."""
        return self._model.to_boxes(self.position)

    @property
    def centre_velocity(self) -> Floats:
        """How fast the box centres move, (N, 2) pixels/s."""
        return (self.velocity[:, :2] * self.nominal_rate).astype(np.float32)

    def add(self, boxes: Floats) -> None:
        """Append tracks at rest at boxes (K, 4)."""
        position = self._model.from_boxes(boxes)
        pp, vv = self._model.initial(position)
        zero = np.zeros_like(position)
        self.position = np.concatenate([self.position, position])
        self.velocity = np.concatenate([self.velocity, zero])
        self.pp = np.concatenate([self.pp, pp])
        self.pv = np.concatenate([self.pv, zero])
        self.vv = np.concatenate([self.vv, vv])

    def keep(self, index: Index) -> None:
        """Forget all tracks but the indexed ones."""
        self.position, self.velocity = self.position[index], self.velocity[index]
        self.pp, self.pv, self.vv = self.pp[index], self.pv[index], self.vv[index]

    def predict(self, seconds: float, lost: Index | None = None) -> None:
        """
        Move every track on by `seconds`; a lost track no longer changes its size.

        x += v dt; P = F P F' + Q dt with F = [[1, dt], [0, 1]] per coordinate.
        """
        dt = seconds * self.nominal_rate
        if lost is not None:
            self.velocity[lost, self._model.frozen_when_lost] = 0
        # as SORT does with its area: what would shrink below nothing stops shrinking (both are
        # views, so this writes to the velocity)
        size, growth = self.position[:, self._model.sizes], self.velocity[:, self._model.sizes]
        growth[size + dt * growth <= 0] = 0
        noise_p, noise_v = self._model.process(self.position)
        self.position = self.position + dt * self.velocity
        self.pp = self.pp + dt * (2 * self.pv + dt * self.vv + noise_p)
        self.pv = self.pv + dt * self.vv
        self.vv = self.vv + dt * noise_v

    def update(self, rows: Index, boxes: Floats) -> None:
        """Correct the indexed tracks (K,) with the boxes (K, 4) observed."""
        position, pp, pv = self.position[rows], self.pp[rows], self.pv[rows]
        total = pp + self._model.measurement(position)
        gain_p, gain_v = pp / total, pv / total
        surprise = self._model.from_boxes(boxes) - position
        self.position[rows] = position + gain_p * surprise
        self.velocity[rows] += gain_v * surprise
        self.vv[rows] -= gain_v * pv
        self.pv[rows] = pv - gain_p * pv
        self.pp[rows] = pp - gain_p * pp

    def squared_distances(self, boxes: Floats) -> Doubles:
        """Return squared Mahalanobis distances (N, M) of boxes (M, 4) from where tracks are."""
        measured = self._model.from_boxes(boxes)
        total = self.pp + self._model.measurement(self.position)
        apart = (measured[None] - self.position[:, None]) ** 2 / total[:, None]
        distances: Doubles = apart.sum(axis=2)
        return distances

    def warp(self, warp: Warp, *, mix_sizes: bool = False) -> None:
        """
        Move all tracks along with the image: mean' = L mean + t, P' = L P L'.

        The filter keeps no covariance between coordinates, so of P' the 2 x 2 block of each
        coordinate is taken, which is exact, and what a rotation puts beside them, at most the
        sine of its angle times the difference of the variances, is left out.
        """
        if warp.is_identity or not len(self):
            return
        whole = linear_part(self._model, warp, mix_sizes=mix_sizes)
        squared = whole ** 2
        self.position = self.position @ whole.T
        self.position[:, :2] += warp.matrix[:, 2]
        sizes = self.position[:, self._model.sizes]
        np.maximum(sizes, SMALLEST, out=sizes)
        self.velocity = self.velocity @ whole.T
        self.pp, self.pv, self.vv = self.pp @ squared.T, self.pv @ squared.T, self.vv @ squared.T
