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

"""
Batched Kalman filters with constant velocity, driven by the real time between frames.

The models of SORT, ByteTrack and BoT-SORT treat the four box coordinates independently: every
covariance is 2 x 2 per coordinate. So predict and update are written out in closed form on
(N, 4) arrays, which equals the 8 x 8 matrix form and is fifty times faster. One unit of time is
1 / nominal_rate: position moves by velocity * dt, and the process noise is stated per unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.types import Floats, Index

Doubles = NDArray[np.float64]

# Weights of DeepSORT's noise model, relative to the size of the box.
POSITION, VELOCITY = 1 / 20, 1 / 160


class Model(Protocol):
    """
    A way to write a box as four coordinates, and the variances of each, all (N, 4).

    `sizes` are the coordinates that must stay positive; `frozen_when_lost` those that a track
    no longer changes once it is out of sight.
    """

    sizes: slice
    frozen_when_lost: slice

    def from_boxes(self, boxes: Floats) -> Doubles:
        """Measure xyxy boxes."""
        ...

    def to_boxes(self, state: Doubles) -> Floats:
        """Turn coordinates back into xyxy boxes, never inverted."""
        ...

    def initial(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Variances of position and velocity at birth."""
        ...

    def process(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Variances that one unit of time adds to position and velocity."""
        ...

    def measurement(self, state: Doubles) -> Doubles:
        """Variances of a measurement."""
        ...


class Xywh:
    """Centre, width, height; noise in proportion to width and height (BoT-SORT, SMILEtrack)."""

    sizes = slice(2, 4)
    frozen_when_lost = slice(2, 4)

    def from_boxes(self, boxes: Floats) -> Doubles:
        """Measure xyxy boxes."""
        size = boxes[:, 2:] - boxes[:, :2]
        return np.concatenate([boxes[:, :2] + size / 2, size], axis=1, dtype=np.float64)

    def to_boxes(self, state: Doubles) -> Floats:
        """Turn coordinates back into xyxy boxes, at least a pixel wide and high."""
        return _corners(state[:, :2], state[:, 2:])

    def initial(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Variances of position and velocity at birth."""
        scale = self._scale(state)
        return (2 * POSITION * scale) ** 2, (10 * VELOCITY * scale) ** 2

    def process(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Variances that one unit of time adds to position and velocity."""
        scale = self._scale(state)
        return (POSITION * scale) ** 2, (VELOCITY * scale) ** 2

    def measurement(self, state: Doubles) -> Doubles:
        """Variances of a measurement."""
        return (POSITION * self._scale(state)) ** 2

    @staticmethod
    def _scale(state: Doubles) -> Doubles:
        return np.concatenate([state[:, 2:], state[:, 2:]], axis=1)


class Xyah:
    """Centre, aspect ratio w/h, height; noise in proportion to height (DeepSORT, ByteTrack)."""

    sizes = slice(3, 4)
    frozen_when_lost = slice(3, 4)

    def from_boxes(self, boxes: Floats) -> Doubles:
        """Measure xyxy boxes."""
        state = Xywh().from_boxes(boxes)
        state[:, 2] /= state[:, 3]
        return state

    def to_boxes(self, state: Doubles) -> Floats:
        """Turn coordinates back into xyxy boxes, at least a pixel wide and high."""
        height = state[:, 3:]
        return _corners(state[:, :2], np.concatenate([state[:, 2:3] * height, height], axis=1))

    def initial(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Variances of position and velocity at birth."""
        return (self._by_height(state, 2 * POSITION, 1e-2),
                self._by_height(state, 10 * VELOCITY, 1e-5))

    def process(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Variances that one unit of time adds to position and velocity."""
        return (self._by_height(state, POSITION, 1e-2), self._by_height(state, VELOCITY, 1e-5))

    def measurement(self, state: Doubles) -> Doubles:
        """Variances of a measurement."""
        return self._by_height(state, POSITION, 1e-1)

    @staticmethod
    def _by_height(state: Doubles, weight: float, aspect: float) -> Doubles:
        variance = np.empty_like(state)
        variance[:] = (weight * state[:, 3:]) ** 2
        variance[:, 2] = aspect ** 2
        return variance


class Xysr:
    """Centre, area, aspect ratio w/h, which has no velocity; fixed noise (SORT)."""

    sizes = slice(2, 3)
    frozen_when_lost = slice(0, 0)

    def from_boxes(self, boxes: Floats) -> Doubles:
        """Measure xyxy boxes."""
        state = Xywh().from_boxes(boxes)
        width, height = state[:, 2].copy(), state[:, 3].copy()
        state[:, 2], state[:, 3] = width * height, width / height
        return state

    def to_boxes(self, state: Doubles) -> Floats:
        """Turn coordinates back into xyxy boxes, at least a pixel wide and high."""
        surface, ratio = np.maximum(state[:, 2], 1), np.maximum(state[:, 3], 1e-6)
        width = np.sqrt(surface * ratio)
        return _corners(state[:, :2], np.stack([width, surface / width], axis=1))

    def initial(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Variances of position and velocity at birth."""
        return self._fixed(state, 10, 10, 10, 10), self._fixed(state, 1e4, 1e4, 1e4, 0)

    def process(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Variances that one unit of time adds to position and velocity."""
        return self._fixed(state, 1, 1, 1, 1), self._fixed(state, 0.01, 0.01, 1e-4, 0)

    def measurement(self, state: Doubles) -> Doubles:
        """Variances of a measurement."""
        return self._fixed(state, 1, 1, 10, 10)

    @staticmethod
    def _fixed(state: Doubles, *variances: float) -> Doubles:
        return np.broadcast_to(np.asarray(variances, np.float64), state.shape)


MODELS: Mapping[str, Model] = {'xywh': Xywh(), 'xyah': Xyah(), 'xysr': Xysr()}
"""The models by the names that settings use; they hold no state."""


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

    def mahalanobis(self, row: int, boxes: Floats) -> Doubles:
        """Return squared distances (K,) of boxes (K, 4) from where a track is expected."""
        position = self.position[row:row + 1]
        total = self.pp[row] + self._model.measurement(position)
        distance: Doubles = ((self._model.from_boxes(boxes) - position) ** 2 / total).sum(axis=1)
        return distance


def _corners(centre: Doubles, size: Doubles) -> Floats:
    half = np.maximum(size, 1) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
