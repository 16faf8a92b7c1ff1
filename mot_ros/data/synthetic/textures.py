# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Textures of ground, walls and sky, drawn; each can be tiled without a seam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

PIXELS_PER_METRE = 32
HALVINGS = 5


class Texture:
    """Mipmap of a surface: copies, each half as large, to avoid aliasing far away."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._copies = [image]
        for halvings in range(1, HALVINGS + 1):
            size = (max(1, image.shape[1] >> halvings), max(1, image.shape[0] >> halvings))
            self._copies.append(cv2.resize(  # type: ignore[arg-type]
                self._copies[-1], size, interpolation=cv2.INTER_AREA))

    def shrunk(self, texels: float) -> tuple[Image, float]:
        """Return the copy of which about one pixel is drawn for each pixel, and its scale."""
        halvings = int(np.clip(np.round(np.log2(max(texels, 1e-6))), 0, HALVINGS))
        return self._copies[halvings], 1 / (1 << halvings)


def noise(
        generator: np.random.Generator, shape: tuple[int, int], grains: Sequence[int]) -> Floats:
    """
    Return noise (H, W) float32 about 0, mostly within [-1, 1].

    It is the mean of one layer for each of `grains`, the size of its grains in pixels.
    """
    total = np.zeros(shape, np.float32)
    for grain in grains:
        coarse = (max(2, shape[0] // grain), max(2, shape[1] // grain))
        layer = generator.uniform(-1, 1, coarse).astype(np.float32)
        # one more row and column of the other side, so that the tile goes on without a seam
        layer = np.pad(layer, 1, mode='wrap')
        scale = (shape[1] / coarse[1], shape[0] / coarse[0])
        rows = (np.arange(shape[0], dtype=np.float32) + .5) / scale[1] + .5
        columns = (np.arange(shape[1], dtype=np.float32) + .5) / scale[0] + .5
        total += cv2.remap(
            layer, np.tile(columns, (shape[0], 1)), np.tile(rows[:, None], (1, shape[1])),
            cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mean: Floats = total / np.float32(len(grains))
    return mean


def coloured(levels: Floats, colour: NDArray[Any] | Sequence[float]) -> Image:
    """Add brightness (H, W) to a BGR colour, or to colours (H, W, 3)."""
    tinted = np.asarray(colour, np.float32) + levels[..., None]
    image: Image = np.clip(tinted, 0, 255).astype(np.uint8)
    return image


def pavement(generator: np.random.Generator, shape: tuple[int, int]) -> Image:
    """Return slabs with joints, (H, W, 3); the sides of `shape` should be multiples of 64."""
    slab = int(generator.choice([16, 32]))
    rows, columns = np.indices(shape)
    joints = ((rows % slab == 0) | (columns % slab == 0)).astype(np.float32)
    slabs = generator.normal(0, 7, (shape[0] // slab, shape[1] // slab)).astype(np.float32)
    levels = np.kron(slabs, np.ones((slab, slab), np.float32)) - 22 * joints
    levels += 26 * noise(generator, shape, (2, 16, 128))
    return coloured(levels, generator.uniform(105, 165) + generator.normal(0, 7, 3))


def asphalt(generator: np.random.Generator, shape: tuple[int, int]) -> Image:
    """Return a grey, stained surface, (H, W, 3)."""
    levels = 34 * noise(generator, shape, (2, 4, 32, 256))
    return coloured(levels, generator.uniform(75, 110) + generator.normal(0, 3, 3))


def road(generator: np.random.Generator, width: float, half_road: float, length: int) -> Image:
    """
    Return a street seen from above, (length, W, 3), with column 0 at -width metres.

    Asphalt within `half_road` metres of the middle, with dashed marks, kerbs, and pavement
    beside it.
    """
    columns = round(2 * width * PIXELS_PER_METRE)
    whole = (length, -(-columns // 64) * 64)
    image = pavement(generator, whole)[:, :columns]
    across = (np.arange(columns) + .5) / PIXELS_PER_METRE - width
    middle = np.abs(across) < half_road
    image[:, middle] = asphalt(generator, (length, columns))[:, middle]
    kerb = np.abs(np.abs(across) - half_road) < .15
    image[:, kerb] = coloured(12 * noise(generator, (length, int(kerb.sum())), (4,)), (165,) * 3)
    dashed = np.flatnonzero(np.arange(length) % (length // 4) < length // 8)
    image[np.ix_(dashed, np.abs(across) < .09)] = 215
    return image


def facade(generator: np.random.Generator, width: int, height: int) -> Image:
    """Return one house front (height, width, 3) at 32 pixels per metre, with rows of windows."""
    colour = generator.uniform(80, 185) + generator.normal(0, 14, 3) + (-16, 0, 10)
    levels = 24 * noise(generator, (height, width), (3, 24, 160))
    rows = np.arange(height)[:, None]
    if generator.random() < .5:
        levels = levels - 12 * (rows % 6 == 0)
    image = coloured(levels.astype(np.float32), colour)
    storey, pitch = int(generator.integers(88, 112)), int(generator.integers(56, 100))
    pane = (int(pitch * generator.uniform(.35, .7)), int(storey * generator.uniform(.35, .6)))
    glass = generator.uniform(25, 80) + generator.normal(6, 6, 3)
    for top in range(height - storey + 10, 0, -storey):
        for left in range(pitch // 4, width - pane[0], pitch):
            shade = glass + generator.uniform(-15, 60)
            corner = (left + pane[0], top + pane[1])
            cv2.rectangle(image, (left, top), corner, shade.tolist(), -1)
            cv2.rectangle(image, (left, top), corner, (colour * .6).tolist(), 3)
            cv2.line(image, (left + pane[0] // 2, top), (left + pane[0] // 2, corner[1]),
                     (colour * .6).tolist(), 2)
    return image


def facades(
        generator: np.random.Generator, length: int, height: int,
        photographs: Sequence[Image] = ()) -> Image:
    """
    Return a row of house fronts (height, length, 4), transparent above their roofs.

    With photographs, these take the place of drawn fronts.
    """
    row = np.zeros((height, length, 4), np.uint8)
    left = 0
    while left < length:
        width = min(int(generator.integers(192, 448)), length - left)
        if length - left - width < 128:
            width = length - left
        tall = int(height * generator.uniform(.5, .97))
        if photographs:
            picture = photographs[int(generator.integers(len(photographs)))]
            front = fill(picture, (width, tall))
        else:
            front = facade(generator, width, tall)
        row[height - tall:, left:left + width] = np.dstack(
            [front, np.full(front.shape[:2], 255, np.uint8)])
        left += width
    return row


def sky(generator: np.random.Generator, shape: tuple[int, int]) -> Image:
    """Return clouds (H, W, 3), lighter towards the bottom."""
    high = np.array([generator.uniform(190, 240), generator.uniform(150, 195), 130])
    low = np.full(3, generator.uniform(215, 245))
    down = np.linspace(0, 1, shape[0])[:, None, None]
    clouds = np.clip(noise(generator, shape, (32, 128)) * 2.2, 0, 1)
    colours = (high * (1 - down) + low * down) * np.ones((1, shape[1], 1))
    return coloured(70 * clouds, colours)


def fill(image: Image, size: tuple[int, int]) -> Image:
    """Scale an image to cover (width, height), and cut what is too much from its middle."""
    scale = max(size[0] / image.shape[1], size[1] / image.shape[0])
    large = (max(size[0], round(image.shape[1] * scale)),
             max(size[1], round(image.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, large, interpolation=way)
    left, top = (large[0] - size[0]) // 2, (large[1] - size[1]) // 2
    return np.ascontiguousarray(scaled[top:top + size[1], left:left + size[0]])
