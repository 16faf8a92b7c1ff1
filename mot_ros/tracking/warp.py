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

"""Warp: how the image moved under the tracks, and tracks moved along with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mot_ros.tracking.motion import Doubles, KalmanFilter, Model, Xyah, Xysr
from mot_ros.tracking.types import Floats

SMALLEST = 1.0
"""Pixels, or their square, that a size keeps whatever the rotation."""


@dataclass(frozen=True, eq=False)
class Warp:
    """
    Where points of the last image are in this one: x' = R x + t.

    `matrix` (2, 3) is [R | t] in pixels, x = 0 being the left edge of the first one. `ok` is
    False where it could not be found; the matrix is then the identity.
    """

    matrix: Doubles
    ok: bool = True

    @staticmethod
    def identity(*, ok: bool = True) -> Warp:
        """Nothing moved."""
        return Warp(np.eye(2, 3), ok)

    @property
    def is_identity(self) -> bool:
        """Whether nothing moved at all."""
        return bool((self.matrix == np.eye(2, 3)).all())

    @property
    def scale(self) -> float:
        """How much larger things became."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def points(self, points: Doubles | Floats) -> Doubles:
        """Move points (..., 2)."""
        moved: Doubles = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        return moved

    def shift(self, size: tuple[int, int]) -> float:
        """Return how far it moves the corner of an image of (width, height) that it moves most."""
        width, height = size
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
        return float(np.linalg.norm(self.points(corners) - corners, axis=1).max())


def linear_part(model: Model, warp: Warp, *, mix_sizes: bool) -> Doubles:
    """
    Return what multiplies a model's four coordinates, and their velocities, (4, 4).

    The centre takes R. With `mix_sizes` width and height take R too, as BoT-SORT and SMILEtrack
    have it, so that a rotation makes one narrower and the other higher; else, and always for the
    other models, sizes are scaled: width and height by the root of |det R|, an area by |det R|, a
    ratio not at all.
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


def warp_tracks(motion: KalmanFilter, model: Model, warp: Warp, *, mix_sizes: bool) -> None:
    """
    Move all tracks of a filter with this model along: mean' = L mean + t, P' = L P L'.

    The filter keeps no covariance between coordinates, so of P' the 2 x 2 block of each
    coordinate is taken, which is exact, and what a rotation puts beside them, at most the sine
    of its angle times the difference of the variances, is left out.
    """
    if warp.is_identity or not len(motion):
        return
    whole = linear_part(model, warp, mix_sizes=mix_sizes)
    squared = whole ** 2
    motion.position = motion.position @ whole.T
    motion.position[:, :2] += warp.matrix[:, 2]
    sizes = motion.position[:, model.sizes]
    np.maximum(sizes, SMALLEST, out=sizes)
    motion.velocity = motion.velocity @ whole.T
    motion.pp = motion.pp @ squared.T
    motion.pv = motion.pv @ squared.T
    motion.vv = motion.vv @ squared.T
