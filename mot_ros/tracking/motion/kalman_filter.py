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
"""Least size, in pixels or square pixels, that a size keeps after a warp."""


class Motion(Protocol):
    """Boxes of N tracks and their motion, in the order of the tracks."""

    @property
    def boxes(self) -> Floats:
        """Current boxes of the tracks, (N, 4) xyxy pixels."""
        ...

    @property
    def centre_velocity(self) -> Floats:
        """Velocity of the box centres, (N, 2) pixels/s."""
        ...

    def __len__(self) -> int:
        ...

    def add(self, boxes: Floats) -> None:
        """Append tracks at rest at boxes (K, 4)."""
        ...

    def keep(self, index: Index) -> None:
        """Keep the indexed tracks, drop the others."""
        ...

    def predict(self, seconds: float, lost: Index | None = None) -> None:
        """Predict every track `seconds` ahead; `lost` indexes the lost tracks."""
        ...

    def update(self, rows: Index, boxes: Floats) -> None:
        """Correct the indexed tracks (K,) with the observed boxes (K, 4)."""
        ...

    def warp(self, warp: Warp, *, mix_sizes: bool = False) -> None:
        """Apply a warp of the image to every track."""
        ...


AnyMotion = TypeVar('AnyMotion', bound=Motion, covariant=True)


class MotionKind(Protocol[AnyMotion]):
    """Configuration of a motion model; equal ones move tracks alike."""

    def start(self) -> AnyMotion:
        """Return a motion model with no tracks."""
        ...


@dataclass(frozen=True)
class KalmanConfig:
    """Configuration of a Kalman filter over a state model's coordinates; `nominal_rate` in Hz."""

    model: Model
    nominal_rate: float

    def start(self) -> KalmanFilter:
        """Return a filter with no tracks."""
        return KalmanFilter(self.model, self.nominal_rate)

class KalmanFilter:
    """
    Kalman filter of N tracks at once, in the order of the tracks.

    `position` and `velocity` (N, 4) are in the state model's coordinates, velocity per unit of
    time; `pp`, `pv`, `vv` (N, 4) are the entries of each coordinate's 2 x 2 covariance.
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
        """Current boxes of the tracks, (N, 4) xyxy pixels."""
        return self._model.to_boxes(self.position)

    @property
    def centre_velocity(self) -> Floats:
        """Velocity of the box centres, (N, 2) pixels/s."""
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
        """Keep the indexed tracks, drop the others."""
        self.position, self.velocity = self.position[index], self.velocity[index]
        self.pp, self.pv, self.vv = self.pp[index], self.pv[index], self.vv[index]

    def predict(self, seconds: float, lost: Index | None = None) -> None:
        """
        Predict every track `seconds` ahead; the size of a lost track stays constant.

        x += v dt; P = F P F' + Q dt with F = [[1, dt], [0, 1]] per coordinate.
        """
        dt = seconds * self.nominal_rate
        if lost is not None:
            self.velocity[lost, self._model.frozen_when_lost] = 0
        # as in SORT: a size that would become negative gets zero velocity (both are views, so
        # this writes to the velocity)
        size, growth = self.position[:, self._model.sizes], self.velocity[:, self._model.sizes]
        growth[size + dt * growth <= 0] = 0
        noise_p, noise_v = self._model.process(self.position)
        self.position = self.position + dt * self.velocity
        self.pp = self.pp + dt * (2 * self.pv + dt * self.vv + noise_p)
        self.pv = self.pv + dt * self.vv
        self.vv = self.vv + dt * noise_v

    def update(self, rows: Index, boxes: Floats) -> None:
        """Correct the indexed tracks (K,) with the observed boxes (K, 4)."""
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
        """Return squared Mahalanobis distances (N, M) from tracks to boxes (M, 4)."""
        measured = self._model.from_boxes(boxes)
        total = self.pp + self._model.measurement(self.position)
        apart = (measured[None] - self.position[:, None]) ** 2 / total[:, None]
        distances: Doubles = apart.sum(axis=2)
        return distances

    def warp(self, warp: Warp, *, mix_sizes: bool = False) -> None:
        """
        Apply a warp of the image to all tracks: mean' = L mean + t, P' = L P L'.

        The filter keeps no covariance between coordinates. It takes the 2 x 2 block of each
        coordinate of P', which is exact, and drops the cross terms of a rotation, which are at
        most the sine of its angle times the difference of the variances.
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
