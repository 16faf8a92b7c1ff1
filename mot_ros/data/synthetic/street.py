# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Street without end before a car: sky, road, pavement, houses on both sides, all drawn."""

from __future__ import annotations

from collections.abc import Sequence
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.synthetic.backgrounds import lay_ground, tiled, WALL_HEIGHT
from mot_ros.data.synthetic.ground_camera import GroundCamera
from mot_ros.data.synthetic.textures import (
    coloured,
    facades,
    noise,
    PIXELS_PER_METRE,
    road,
    sky,
    Texture,
)

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]

HALF_WIDTH = 7.5
"""Metres from the middle of the road to the houses."""
HALF_ROAD = 3.6
"""Metres from the middle of the road to its kerbs."""
FARTHEST = 300.0
"""Metres beyond which the houses are a few pixels and not drawn."""


class Street:
    """
    The textures of a street, and how they look from a place in it.

    With `photographs` these stand in place of drawn house fronts. `turn` is by how many radians
    the camera is turned at most.
    """

    def __init__(self, generator: np.random.Generator, view: GroundCamera, size: tuple[int, int],
                 turn: float, photographs: Sequence[Image] = ()) -> None:
        self._view = view
        self._size = size
        self._road = Texture(road(generator, HALF_WIDTH, HALF_ROAD, 1024))
        tall = round(WALL_HEIGHT * PIXELS_PER_METRE)
        self._walls = {
            side: Texture(facades(generator, 2048, tall, photographs)) for side in (-1, 1)}
        self._spare = math.ceil(view.focal * math.tan(turn)) + size[0] // 50 + 8
        self._sky = self._panorama(generator)

    def _panorama(self, generator: np.random.Generator) -> Image:
        """Draw the sky, wider than the image, with trees along the horizon."""
        height = math.ceil(self._view.horizon) + self._size[1] // 8
        width = self._size[0] + 2 * self._spare
        image = sky(generator, (height, width))
        crowns = noise(generator, (1, width), (24, 64))[0]
        tops = self._view.horizon - (.05 + .03 * crowns) * self._size[1]
        green = coloured(40 * noise(generator, (height, width), (3, 8)), (45, 75, 60))
        trees = np.arange(height)[:, None] > tops[None]
        image[trees] = green[trees]
        return image

    def draw(self, along: float, turn: float, pitch: float) -> Image:
        """
        Draw the street from `along` metres on, turned to the right by `turn` radians.

        `pitch` moves the horizon down by pixels.
        """
        width, height = self._size
        view = GroundCamera(self._view.focal, self._view.middle, self._view.horizon + pitch,
                    self._view.height)
        image = np.empty((height, width, 3), np.uint8)
        shift = np.array([[1, 0, -self._spare - view.focal * math.tan(turn)], [0, 1, pitch]])
        cv2.warpAffine(self._sky, shift, (width, height), dst=image,
                       borderMode=cv2.BORDER_REPLICATE)
        cosine, sine = math.cos(turn), math.sin(turn)
        period = self._road.image.shape[0] / PIXELS_PER_METRE
        # to metres from the left houses and along the street, then to the texture
        place = np.array([
            [cosine, sine, HALF_WIDTH], [-sine, cosine, along % period], [0, 0, 1]])
        lay_ground(image, view, self._road,
                   np.diag([PIXELS_PER_METRE, PIXELS_PER_METRE, 1.0]) @ place)
        for side, wall in self._walls.items():
            self._draw_wall(image, view, side, wall, along, turn)
        return image

    def _draw_wall(self, image: Image, view: GroundCamera, side: int, wall: Texture, along: float,
                   turn: float) -> None:
        """Draw the houses of one side in stretches, each twice as long as the one before."""
        cosine, sine = math.cos(turn), math.sin(turn)
        middle, focal = view.middle, view.focal
        along %= wall.image.shape[1] / PIXELS_PER_METRE
        # the ray through a column goes (across, ahead) metres for each metre of depth
        across = np.array([cosine / focal, 0, sine - cosine * middle / focal])
        ahead = np.array([-sine / focal, 0, cosine + sine * middle / focal])
        rise = np.array([0, -1 / focal, view.horizon / focal])
        to_wall = np.array([
            along * across + side * HALF_WIDTH * ahead,
            (WALL_HEIGHT - view.height) * across - side * HALF_WIDTH * rise, across])

        def column(depth: float) -> float:
            return middle + focal * (side * HALF_WIDTH / depth - sine) / cosine

        near, last = HALF_WIDTH / 4, image.shape[1] if side > 0 else 0
        while near < FARTHEST:
            far = 2 * near
            first = int(np.clip(round(column(far)), 0, image.shape[1]))
            left, right = min(first, last), max(first, last)
            if right > left:
                texels = PIXELS_PER_METRE * far / focal * math.sqrt(far / HALF_WIDTH)
                copy, shrink = wall.shrunk(texels / 2)
                scale = np.diag([PIXELS_PER_METRE * shrink, PIXELS_PER_METRE * shrink, 1.0])
                self._draw_stretch(
                    image[:, left:right], copy, scale @ to_wall, across, view, left)
            near, last = far, first

    @staticmethod
    def _draw_stretch(
            image: Image, wall: Image, matrix: Matrix, across: Matrix, view: GroundCamera,
                      left: int) -> None:
        """Draw a wall over some columns of an image; `left` is the number of the first."""
        # metres across for each metre of depth; the sign is the side of the wall
        columns = np.arange(left, left + image.shape[1]) + .5
        per_depth = np.abs(across[0] * columns + across[2]) / HALF_WIDTH * view.focal
        roofs = view.horizon - (WALL_HEIGHT - view.height) * per_depth
        feet = view.horizon + view.height * per_depth
        top, bottom = max(0, math.floor(roofs.min())), min(len(image), math.ceil(feet.max()))
        picture = tiled(wall, matrix, (left, top), (image.shape[1], bottom - top))
        rows = np.arange(top, bottom)[:, None] + .5
        here = (rows >= roofs) & (rows < feet) & (picture[..., 3] > 127)
        cv2.copyTo(picture[..., :3], here.view(np.uint8), image[top:bottom])
