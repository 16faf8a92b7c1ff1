# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Pinhole camera above level ground, with a horizontal optical axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar('Number', float, NDArray[np.float64])


@dataclass(frozen=True)
class GroundCamera:
    """
    Project points on the ground into the image.

    `focal` in pixels, `middle` the column straight ahead, `horizon` the row of the horizon,
    `height` of the camera in metres. Points are x metres to the right and z metres ahead.
    """

    focal: float
    middle: float
    horizon: float
    height: float

    def column(self, x: Number, z: Number) -> Number:
        """Return the column of a point."""
        return self.middle + self.focal * x / z

    def row(self, z: Number) -> Number:
        """Return the row of the ground at a distance."""
        return self.horizon + self.focal * self.height / z

    def scale(self, z: Number) -> Number:
        """Return how many pixels a metre is at a distance."""
        return self.focal / z

    def distance(self, scale: float) -> float:
        """Return where a metre is `scale` pixels."""
        return self.focal / scale

    def half_width(self, z: float, columns: float) -> float:
        """Return how many metres half of an image of so many columns spans at a distance."""
        return columns / 2 * z / self.focal
