# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Warp: affine motion of the image between two frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mot_ros.tracking.types import Doubles, Floats


@dataclass(frozen=True, eq=False)
class Warp:
    """
    Map points of the last image to this one: x' = R x + t.

    `matrix` (2, 3) is [R | t] in pixels, x = 0 is the left edge of the first pixel. `ok` is False
    if the motion could not be estimated; the matrix is then the identity.
    """

    matrix: Doubles
    ok: bool = True

    @staticmethod
    def identity(*, ok: bool = True) -> Warp:
        """Return the identity."""
        return Warp(np.eye(2, 3), ok)

    @property
    def is_identity(self) -> bool:
        """Whether the matrix is exactly the identity."""
        return bool((self.matrix == np.eye(2, 3)).all())

    @property
    def scale(self) -> float:
        """Scale of lengths, the root of |det R|."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def points(self, points: Doubles | Floats) -> Doubles:
        """Transform points (..., 2)."""
        moved: Doubles = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        return moved

    def shift(self, size: tuple[int, int]) -> float:
        """Return the largest shift of a corner of an image of (width, height), in pixels."""
        width, height = size
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
        return float(np.linalg.norm(self.points(corners) - corners, axis=1).max())
