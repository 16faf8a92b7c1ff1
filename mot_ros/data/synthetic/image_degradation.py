# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Image degradation by camera and file format: motion blur, brightness, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.errors import ConfigError

Image = NDArray[np.uint8]

LONGEST = 41
"""Pixels of blur at most; the kernel grows with its square."""
SPARE = 64
"""Rows and columns by which the noise is larger than the image, to be shifted."""


@dataclass(frozen=True)
class Look:
    """
    Set the degradation of images.

    `brightness` is how far it swings, as a part of itself, with a `period` in seconds; `noise`
    is in grey levels; `jpeg` is a quality from 1 to 100, or None for none; `exposure` is how
    long the shutter is open, in seconds.
    """

    brightness: float = 0.08
    period: float = 7.0
    noise: float = 2.0
    jpeg: int | None = 90
    exposure: float = 1 / 100

    def __post_init__(self) -> None:
        if not 0 <= self.brightness < 1 or self.period <= 0 or self.noise < 0 or (
                self.exposure < 0) or not (self.jpeg is None or 1 <= self.jpeg <= 100):
            raise ConfigError(
                f'{self} cannot be; brightness lies in [0, 1), period above 0, noise and '
                'exposure are not negative, jpeg lies in [1, 100]')


class Lens:
    """Apply one degradation to the images of a camera, reproducibly by seed."""

    def __init__(self, look: Look, size: tuple[int, int], seed: int) -> None:
        self.look = look
        self._seed = seed
        generator = np.random.default_rng((seed, 1))
        self._phase = generator.uniform(0, 2 * math.pi)
        shape = (size[1] + SPARE, size[0] + SPARE)
        self._noise = np.round(
            generator.standard_normal(shape, np.float32) * look.noise).astype(np.int16)

    def __call__(self, image: Image, time: float) -> Image:
        """Return the image as the camera gives it at a time in seconds."""
        look = self.look
        gain = 1 + look.brightness * math.sin(2 * math.pi * time / look.period + self._phase)
        if look.brightness:
            image = np.asarray(cv2.convertScaleAbs(image, alpha=gain), np.uint8)
        if look.noise:
            # shifted differently every time, as a field of noise is slow to make
            place = np.random.default_rng((self._seed, 2, abs(round(time * 1e6))))
            row, column = place.integers(SPARE, size=2)
            field = self._noise[row:row + image.shape[0], column:column + image.shape[1]]
            image = np.asarray(
                cv2.add(image, cv2.merge([field] * 3), dtype=cv2.CV_8U), np.uint8)
        return image if look.jpeg is None else jpeg(image, look.jpeg)


def jpeg(image: Image, quality: int) -> Image:
    """Return the image after JPEG compression of a quality from 1 to 100."""
    done, content = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done  # noqa: S101
    return cv2.imdecode(content, cv2.IMREAD_COLOR)  # type: ignore[return-value]


def smeared(image: Image, smear: tuple[float, float]) -> Image:
    """Return the image blurred along (dx, dy) pixels; below a pixel and a half as it is."""
    if math.hypot(*smear) < 1.5:
        return image
    return cv2.filter2D(  # type: ignore[return-value]
        image, -1, line_kernel(*smear), borderType=cv2.BORDER_REPLICATE)


def line_kernel(dx: float, dy: float) -> NDArray[np.float32]:
    """Return the kernel (K, K), of sum 1, of a motion by (dx, dy) pixels about its middle."""
    length = math.hypot(dx, dy)
    shrink = min(1.0, LONGEST / max(length, 1e-9))
    half = math.ceil(max(abs(dx), abs(dy)) * shrink / 2)
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for place in np.linspace(-.5, .5, max(3, 4 * half + 1)):
        x, y = half + dx * shrink * place, half + dy * shrink * place
        left, top = math.floor(x), math.floor(y)
        for row, down in ((top, top + 1 - y), (top + 1, y - top)):
            for column, across in ((left, left + 1 - x), (left + 1, x - left)):
                if down * across > 0:
                    kernel[min(row, 2 * half), min(column, 2 * half)] += down * across
    kernel /= kernel.sum()
    return kernel
