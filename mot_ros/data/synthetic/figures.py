# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Drawn figures of people, for tests and where there are no images of people."""

from __future__ import annotations

import cv2
import numpy as np

from mot_ros.data.synthetic.cutouts import Cutout, OPAQUE, PERSON
from mot_ros.data.synthetic.textures import noise

HEIGHT, WIDTH = 320, 160
"""Size of the canvas; drawn four times as large, and then made smaller for soft edges."""
FINE = 4
SKIN = ((120, 150, 205), (90, 125, 190), (60, 85, 140), (45, 60, 95), (140, 175, 225))


def draw_figures(count: int, seed: int = 0, label: int = PERSON) -> list[Cutout]:
    """Draw `count` figures, no two alike; the same seed gives the same ones."""
    return [draw_figure(np.random.default_rng((seed, index)), label) for index in range(count)]


def draw_figure(generator: np.random.Generator, label: int = PERSON) -> Cutout:
    """Draw one figure that walks: head, hair, patterned torso, arms, legs and shoes."""
    draw = _Canvas(generator)
    skin = SKIN[int(generator.integers(len(SKIN)))]
    hair = tuple(int(value) for value in generator.integers(10, 90, 3))
    trousers, coat, shoes = (draw.colour(low) for low in (20, 30, 5))
    middle, stride = WIDTH / 2, generator.uniform(8, 30)
    broad, hip = generator.uniform(27, 36), generator.uniform(150, 170)
    for side in (-1, 1):
        foot = middle + side * stride
        draw.limb((middle + side * 10, hip), (foot, 300), generator.uniform(17, 24), trousers)
        draw.limb((foot, 306), (foot + generator.uniform(4, 9), 307), 14, shoes)
    swing = generator.uniform(0, 26)
    for side in (-1, 1):
        hand = (middle + side * (broad - 4 + swing), 165)
        draw.limb((middle + side * broad, 72), hand, 15, draw.darker(coat))
        draw.limb(hand, (hand[0], hand[1] + 4), 11, skin)
    torso = np.array([
        (middle - broad, 62), (middle + broad, 62), (middle + broad - 6, hip + 10),
        (middle - broad + 6, hip + 10)])
    draw.patterned(torso, coat)
    draw.limb((middle, 48), (middle, 62), 16, skin)
    draw.disc((middle, 30), (18, 24), skin)
    draw.disc((middle, 22), (20, 17), hair)
    return draw.finish(label)


class _Canvas:
    """Draws in pixels of the finished figure, on a larger canvas."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        shape = (HEIGHT * FINE, WIDTH * FINE)
        self._image = np.zeros((*shape, 3), np.uint8)
        self._alpha = np.zeros(shape, np.uint8)

    def colour(self, low: int) -> tuple[int, ...]:
        return tuple(int(value) for value in self._generator.integers(low, 240, 3))

    @staticmethod
    def darker(colour: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(value * 3 // 4 for value in colour)

    def limb(self, start: tuple[float, float], end: tuple[float, float], width: float,
             colour: tuple[int, ...]) -> None:
        points = [tuple(round(value * FINE) for value in point) for point in (start, end)]
        for canvas, value in ((self._image, colour), (self._alpha, 255)):
            cv2.line(canvas, *points, value, round(width * FINE))  # type: ignore[call-overload]

    def disc(self, centre: tuple[float, float], radii: tuple[float, float],
             colour: tuple[int, ...]) -> None:
        place, axes = (tuple(round(value * FINE) for value in pair) for pair in (centre, radii))
        for canvas, value in ((self._image, colour), (self._alpha, 255)):
            cv2.ellipse(canvas, place, axes, 0, 0, 360, value, -1)

    def patterned(self, corners: np.ndarray, colour: tuple[int, ...]) -> None:
        """Fill a polygon with plain cloth, stripes or checks."""
        mask = np.zeros_like(self._alpha)
        cv2.fillPoly(mask, [np.round(corners * FINE).astype(np.int32)], 255)
        rows, columns = np.indices(mask.shape) // (FINE * int(self._generator.integers(6, 16)))
        kind = int(self._generator.integers(4))
        second = (np.zeros_like(rows), rows, columns, rows + columns)[kind] % 2
        cloth = np.array([colour, self.colour(30)], np.uint8)[second]
        self._image[mask > 0] = cloth[mask > 0]
        self._alpha |= mask

    def finish(self, label: int) -> Cutout:
        """Add grain and light from one side, make it small, and cut it to its box."""
        grain = noise(self._generator, (HEIGHT, WIDTH), (4, 16))[..., None] * 30
        slope = 18 if self._generator.random() < .5 else -18
        light = np.linspace(-slope, slope, WIDTH)[None, :, None]
        image = cv2.resize(self._image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(self._alpha, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        # a small canvas darkens the colour where it is part transparent
        full = image * (255 / np.maximum(alpha, 1))[..., None]
        cloth = np.clip(full + grain + light, 0, 255).astype(np.uint8)
        x, y, width, height = cv2.boundingRect((alpha >= OPAQUE).astype(np.uint8))
        cut = np.dstack([cloth, alpha])[y:y + height, x:x + width]
        return Cutout(np.ascontiguousarray(cut), label)
