# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Camera motion of a synthetic scene: pan, shake, zoom and roll, reproducible by seed."""

from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.errors import ConfigError

Matrix = NDArray[np.float64]

TONES = 3
"""Oscillations that are added up in each direction, so that nothing repeats soon."""


@dataclass(frozen=True)
class SyntheticCameraMotion:
    """
    Set the amplitudes of a camera's motion.

    `pan` and `shake` are parts of the width of the image, to either side: the former within
    about `period` seconds, the latter several times a second. `zoom` is the part by which
    the scale grows and shrinks, `roll` is in radians.
    """

    pan: float = 0.08
    shake: float = 0.002
    zoom: float = 0.08
    roll: float = 0.004
    period: float = 8.0

    def __post_init__(self) -> None:
        values = (self.pan, self.shake, self.zoom, self.roll)
        if min(values) < 0 or max(values) > 1 or self.period <= 0:
            raise ConfigError(
                f'{self} cannot be; pan, shake, zoom and roll lie in [0, 1], period above 0')


STILL = SyntheticCameraMotion(0, 0, 0, 0)


class CameraPath:
    """Path of a camera that shows a part of a larger picture, by time."""

    def __init__(self, motion: SyntheticCameraMotion, size: tuple[int, int], seed: int) -> None:
        self._motion = motion
        self._size = size
        generator = np.random.default_rng((seed, 3))
        slow = generator.uniform(.6, 1.6, (4, TONES)) / motion.period
        # a hand trembles at some 3 to 8 Hz
        fast = generator.uniform(3, 8, (2, TONES))
        self._rates = 2 * math.pi * np.concatenate([slow, fast])
        self._phases = generator.uniform(0, 2 * math.pi, self._rates.shape)

    @property
    def picture_size(self) -> tuple[int, int]:
        """Return width and height of a picture that contains the whole path."""
        motion, (width, height) = self._motion, self._size
        reach = 2 * (motion.pan + motion.shake) * width
        tilt = motion.roll * (width + height)
        wide = (width + tilt) * math.exp(motion.zoom) + reach
        tall = (height + tilt) * math.exp(motion.zoom) + reach / 2
        return math.ceil(wide) + 2, math.ceil(tall) + 2

    def at(self, time: float) -> Matrix:
        """Return the map (2, 3) from the picture to the image at a time in seconds."""
        motion, (width, height) = self._motion, self._size
        waves = np.sin(self._rates * time + self._phases).mean(axis=1)
        across = (motion.pan * waves[0] + motion.shake * waves[4]) * width
        # people look around more than up and down
        down = (motion.pan * waves[1] + motion.shake * waves[5]) * width / 2
        scale = math.exp(motion.zoom * waves[2])
        angle = motion.roll * waves[3]
        cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
        turn = np.array([[cosine, -sine], [sine, cosine]])
        picture = self.picture_size
        looked_at = np.array([picture[0] / 2 + across, picture[1] / 2 + down])
        return np.column_stack([turn, np.array([width, height]) / 2 - turn @ looked_at])
