# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Warp: how the image moved under the tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mot_ros.tracking.types import Doubles, Floats


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
