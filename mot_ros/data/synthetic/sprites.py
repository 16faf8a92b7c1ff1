# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Sprites: cut-outs prepared to be drawn at any size, and their placement in an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.synthetic.cutouts import Cutout

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]

SHADOW = 95
"""Alpha of the shadow on the ground below the feet, of 255, where it is darkest."""
SMALLEST = 8
"""Pixels on the shorter side below which no smaller copy is made."""


@dataclass(frozen=True, eq=False)
class Level:
    """A copy of a sprite: BGRA multiplied by alpha, with shadow, and cover without shadow."""

    image: Image
    cover: Image


class Sprite:
    """
    A cut-out in ever smaller copies, each half as large, with its shadow on the ground.

    Points of it are in pixels of the cut-out, x = 0 and y = 0 being its upper left corner; the
    copies have a margin, since the shadow is wider than the feet.
    """

    def __init__(self, cutout: Cutout, *, shadow: bool = True) -> None:
        width, height = cutout.size
        self.size = (width, height)
        self.label = cutout.label
        self.margin = max(2, round(.12 * width)) if shadow else 2
        self._image = cutout.image
        self._shadow = shadow

    @cached_property
    def levels(self) -> list[Level]:
        """The copies, the full one first; made when one is drawn for the first time."""
        made = [_with_margin(self._image, self.margin, self._shadow)]
        while min(made[-1].cover.shape) >= 2 * SMALLEST:
            made.append(_half(made[-1]))
        return made

    def at_scale(self, scale: float) -> tuple[Level, Matrix]:
        """Return the copy to draw at this scale, and the map (3, 3) from it to the cut-out."""
        number = int(np.clip(np.floor(-np.log2(max(scale, 1e-6)) + .25), 0, len(self.levels) - 1))
        level, full = self.levels[number], self.levels[0].cover.shape
        # a side that is odd loses half a pixel on the way, so ask how large the copy is
        across = full[1] / level.cover.shape[1]
        down = full[0] / level.cover.shape[0]
        return level, np.array(
            [[across, 0, -self.margin], [0, down, -self.margin], [0, 0, 1.0]])


@dataclass(frozen=True, eq=False)
class SpritePlacement:
    """
    A sprite in an image.

    `matrix` (2, 3) maps its points to pixels of the image, x = 0 being the left edge of the
    first pixel. What has the greater `depth` is drawn first. `id` 0 is for things that are no
    truth and only hide others. `smear` (dx, dy) is how far it moves in pixels while the shutter
    is open.
    """

    sprite: Sprite
    matrix: Matrix
    depth: float
    id: int = 0
    smear: tuple[float, float] = field(default=(0.0, 0.0))


def standing(
        sprite: Sprite, feet: tuple[float, float], height: float, *, lean: float = 0.0,
        mirrored: bool = False, broad: float = 1.0) -> Matrix:
    """
    Return the map (2, 3) that makes a sprite `height` pixels tall with its feet at a point.

    `lean` turns it about its feet, in radians; `broad` stretches its width.
    """
    scale = height / sprite.size[1]
    across = scale * broad * (-1 if mirrored else 1)
    cosine, sine = np.cos(lean), np.sin(lean)
    turn = np.array([[across * cosine, -scale * sine], [across * sine, scale * cosine]])
    shift = np.asarray(feet) - turn @ (sprite.size[0] / 2, sprite.size[1])
    return np.column_stack([turn, shift])


def boxed(sprite: Sprite, matrix: Matrix) -> NDArray[np.float64]:
    """Return the box (4,) around the mapped rectangle of a sprite; the figure lies within."""
    width, height = sprite.size
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]])
    points = corners @ matrix.T
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _with_margin(image: Image, margin: int, shadow: bool) -> Level:
    """Put a shadow behind a figure, and multiply it by alpha."""
    edge = (margin, margin)
    padded = np.pad(image, (edge, edge, (0, 0)))
    cover = np.ascontiguousarray(padded[..., 3])
    alpha = cover.astype(np.float32)
    colour = padded[..., :3] * (alpha / 255)[..., None]
    if shadow:
        width = cover.shape[1]
        # nothing of it reaches above the feet by more than a margin or two
        ground = alpha[-4 * margin:]
        dark = np.zeros(ground.shape, np.uint8)
        centre = (width // 2, len(ground) - margin - 1)
        radii = (round(.44 * (width - 2 * margin)) + margin // 2, max(2, margin - 1))
        cv2.ellipse(dark, centre, radii, 0, 0, 360, SHADOW, -1)
        soft = cv2.GaussianBlur(dark, (0, 0), max(1.0, margin / 4))
        ground += soft * (1 - ground / 255)
    return Level(np.round(np.dstack([colour, alpha])).astype(np.uint8), cover)


def _half(level: Level) -> Level:
    height, width = level.cover.shape
    size = (-(-width // 2), -(-height // 2))
    return Level(*(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
                   for picture in (level.image, level.cover)))
