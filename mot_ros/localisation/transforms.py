# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Rigid transforms between coordinate frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mot_ros.tracking.types import Doubles

PARALLEL = 0.9995
"""Cosine between quaternions from which they are interpolated along the chord."""


@dataclass(frozen=True, eq=False)
class Transform:
    """A point p of one frame is `rotation` (3, 3) @ p + `translation` (3,) in another one."""

    rotation: Doubles
    translation: Doubles

    @classmethod
    def identity(cls) -> Transform:
        """Return the transform that changes nothing."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def of(
            cls, translation: Sequence[float] | Doubles,
            quaternion: Sequence[float] | Doubles) -> Transform:
        """Return the transform of a translation in metres and a unit quaternion (x, y, z, w)."""
        return cls(rotation_of(np.array(quaternion, np.float64)),
                   np.array(translation, np.float64))

    @property
    def inverse(self) -> Transform:
        """The transform back."""
        return Transform(self.rotation.T, -self.rotation.T @ self.translation)

    def after(self, first: Transform) -> Transform:
        """Return the transform that applies `first` and then this one."""
        return Transform(self.rotation @ first.rotation,
                         self.rotation @ first.translation + self.translation)

    def points(self, points: Doubles) -> Doubles:
        """Return points (N, 3) in the other frame."""
        return np.asarray(points @ self.rotation.T + self.translation)


def rotation_of(quaternion: Doubles) -> Doubles:
    """Return the rotation matrix (3, 3) of a unit quaternion (x, y, z, w)."""
    x, y, z, w = quaternion.tolist()
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def slerp(first: Doubles, second: Doubles, share: float) -> Doubles:
    """Interpolate between unit quaternions (4,): 0 is the first one, 1 the second one."""
    cosine = float(first @ second)
    # a quaternion and its negative are the same rotation; the shorter way is taken
    if cosine < 0:
        second, cosine = -second, -cosine
    if cosine > PARALLEL:
        mixed = first + share * (second - first)
        return np.asarray(mixed / np.linalg.norm(mixed))
    angle = np.arccos(cosine)
    return np.asarray(
        (np.sin((1 - share) * angle) * first + np.sin(share * angle) * second) / np.sin(angle))
