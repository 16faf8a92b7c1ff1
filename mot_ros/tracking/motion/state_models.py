# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""State models of a box (xywh, xyah, xysr) and their noise, for the Kalman filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from mot_ros.tracking.motion.warp import Warp
from mot_ros.tracking.types import Doubles, Floats

# Weights of DeepSORT's noise model, relative to the size of the box.
POSITION, VELOCITY = 1 / 20, 1 / 160


class Model(Protocol):
    """
    Four coordinates of a box and the variances of each, all (N, 4).

    `sizes` are the coordinates that must stay positive, `frozen_when_lost` those that stay
    constant while a track is lost.
    """

    sizes: slice
    frozen_when_lost: slice

    def from_boxes(self, boxes: Floats) -> Doubles:
        """Convert xyxy boxes to coordinates."""
        ...

    def to_boxes(self, state: Doubles) -> Floats:
        """Convert coordinates to xyxy boxes, never inverted."""
        ...

    def initial(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Return the variances of position and velocity of a new track."""
        ...

    def process(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Return the process noise of one unit of time, for position and velocity."""
        ...

    def measurement(self, state: Doubles) -> Doubles:
        """Return the measurement noise."""
        ...


class Xywh:
    """Centre, width, height; noise in proportion to width and height (BoT-SORT, SMILEtrack)."""

    sizes = slice(2, 4)
    frozen_when_lost = slice(2, 4)

    def from_boxes(self, boxes: Floats) -> Doubles:
        """Convert xyxy boxes to coordinates."""
        size = boxes[:, 2:] - boxes[:, :2]
        return np.concatenate([boxes[:, :2] + size / 2, size], axis=1, dtype=np.float64)

    def to_boxes(self, state: Doubles) -> Floats:
        """Convert coordinates to xyxy boxes, at least a pixel wide and high."""
        return _corners(state[:, :2], state[:, 2:])

    def initial(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Return the variances of position and velocity of a new track."""
        scale = self._scale(state)
        return (2 * POSITION * scale) ** 2, (10 * VELOCITY * scale) ** 2

    def process(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Return the process noise of one unit of time, for position and velocity."""
        scale = self._scale(state)
        return (POSITION * scale) ** 2, (VELOCITY * scale) ** 2

    def measurement(self, state: Doubles) -> Doubles:
        """Return the measurement noise."""
        return (POSITION * self._scale(state)) ** 2

    @staticmethod
    def _scale(state: Doubles) -> Doubles:
        return np.concatenate([state[:, 2:], state[:, 2:]], axis=1)


class Xyah:
    """Centre, aspect ratio w/h, height; noise in proportion to height (DeepSORT, ByteTrack)."""

    sizes = slice(3, 4)
    frozen_when_lost = slice(3, 4)

    def from_boxes(self, boxes: Floats) -> Doubles:
        """Convert xyxy boxes to coordinates."""
        state = Xywh().from_boxes(boxes)
        state[:, 2] /= state[:, 3]
        return state

    def to_boxes(self, state: Doubles) -> Floats:
        """Convert coordinates to xyxy boxes, at least a pixel wide and high."""
        height = state[:, 3:]
        return _corners(state[:, :2], np.concatenate([state[:, 2:3] * height, height], axis=1))

    def initial(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Return the variances of position and velocity of a new track."""
        return (self._by_height(state, 2 * POSITION, 1e-2),
                self._by_height(state, 10 * VELOCITY, 1e-5))

    def process(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Return the process noise of one unit of time, for position and velocity."""
        return (self._by_height(state, POSITION, 1e-2), self._by_height(state, VELOCITY, 1e-5))

    def measurement(self, state: Doubles) -> Doubles:
        """Return the measurement noise."""
        return self._by_height(state, POSITION, 1e-1)

    @staticmethod
    def _by_height(state: Doubles, weight: float, aspect: float) -> Doubles:
        variance = np.empty_like(state)
        variance[:] = (weight * state[:, 3:]) ** 2
        variance[:, 2] = aspect ** 2
        return variance


class DeepSortXyah(Xyah):
    """Xyah without ByteTrack's rule: the height of a lost track goes on at its speed."""

    frozen_when_lost = slice(0, 0)


class Xysr:
    """Centre, area, aspect ratio w/h, which has no velocity; fixed noise (SORT)."""

    sizes = slice(2, 3)
    frozen_when_lost = slice(0, 0)

    def from_boxes(self, boxes: Floats) -> Doubles:
        """Convert xyxy boxes to coordinates."""
        state = Xywh().from_boxes(boxes)
        width, height = state[:, 2].copy(), state[:, 3].copy()
        state[:, 2], state[:, 3] = width * height, width / height
        return state

    def to_boxes(self, state: Doubles) -> Floats:
        """Convert coordinates to xyxy boxes, at least a pixel wide and high."""
        surface, ratio = np.maximum(state[:, 2], 1), np.maximum(state[:, 3], 1e-6)
        width = np.sqrt(surface * ratio)
        return _corners(state[:, :2], np.stack([width, surface / width], axis=1))

    def initial(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Return the variances of position and velocity of a new track."""
        return self._fixed(state, 10, 10, 10, 10), self._fixed(state, 1e4, 1e4, 1e4, 0)

    def process(self, state: Doubles) -> tuple[Doubles, Doubles]:
        """Return the process noise of one unit of time, for position and velocity."""
        return self._fixed(state, 1, 1, 1, 1), self._fixed(state, 0.01, 0.01, 1e-4, 0)

    def measurement(self, state: Doubles) -> Doubles:
        """Return the measurement noise."""
        return self._fixed(state, 1, 1, 10, 10)

    @staticmethod
    def _fixed(state: Doubles, *variances: float) -> Doubles:
        return np.broadcast_to(np.asarray(variances, np.float64), state.shape)


MODELS: Mapping[str, Model] = {
    'xywh': Xywh(), 'xyah': Xyah(), 'deepsort': DeepSortXyah(), 'xysr': Xysr()}
"""State models by their names in settings; they hold no state."""


def linear_part(model: Model, warp: Warp, *, mix_sizes: bool) -> Doubles:
    """
    Return the (4, 4) matrix by which a warp multiplies coordinates and their velocities.

    R applies to the centre. With `mix_sizes` it also applies to width and height, as in BoT-SORT
    and SMILEtrack, so that a rotation narrows one and extends the other. Otherwise, and for the
    other state models, sizes are scaled: width and height by the root of |det R|, area by |det R|,
    aspect ratio not at all.
    """
    whole = np.zeros((4, 4))
    whole[:2, :2] = warp.matrix[:, :2]
    if isinstance(model, Xyah):
        whole[2:, 2:] = np.diag([1, warp.scale])
    elif isinstance(model, Xysr):
        whole[2:, 2:] = np.diag([warp.scale ** 2, 1])
    elif mix_sizes:
        whole[2:, 2:] = warp.matrix[:, :2]
    else:
        whole[2:, 2:] = np.eye(2) * warp.scale
    return whole


def _corners(centre: Doubles, size: Doubles) -> Floats:
    half = np.maximum(size, 1) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
