# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Mosaics: several annotated images in one, to train on people as small as in street scenes.

In most annotated images people are large; a detector trained on these alone misses people of 50
to 150 pixels, the usual height before street cameras.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.labelled_images import LabelledImage
from mot_ros.data.synthetic.frame_pairs import PairSample
from mot_ros.data.synthetic.image_pairs import Augmentation, FrameView, pair_of, view_of
from mot_ros.tracking.boxes import area, clip
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.types import Floats

KEPT = 0.3
"""The visible part of a box that must lie in its tile for it to be taken."""
GREY = 114
"""Where an image does not fill its tile."""


class MosaicPairs:
    """
    Draw pairs of mosaics of `sides` (least, most) tiles in each direction.

    `heights` are those of the people in pixels: in each tile, one of them is made that tall.
    Images without people are not used.
    """

    def __init__(self, images: Sequence[LabelledImage], size: tuple[int, int] = (960, 640),
                 sides: tuple[int, int] = (3, 5), heights: tuple[float, float] = (50, 150),
                 augmentation: Augmentation | None = None, seed: int = 0) -> None:
        self._images = [image for image in images if (~image.ignored).any()]
        if not self._images:
            raise ConfigError(f'none of {len(images)} images has anybody on it')
        if not (1 <= sides[0] <= sides[1] and 0 < heights[0] <= heights[1]
                and min(size) >= 32 * sides[1]):
            raise ConfigError(
                f'sides {sides}, heights {heights} and size {size} cannot be; sides are 1 <= '
                'least <= most, heights above 0, and a tile at least 32 pixels')
        self._size = size
        self._sides = sides
        self._heights = heights
        self._augmentation = augmentation or Augmentation()
        self._seed = seed

    def sample(self, index: int) -> PairSample:
        """Return the pair of a number from 0 on."""
        generator = np.random.default_rng((self._seed, index))
        side = int(generator.integers(*self._sides, endpoint=True))
        views = [
            view_of(self._images[int(number)])
            for number in generator.integers(len(self._images), size=side * side)]
        return pair_of(mosaic(views, self._size, self._heights, generator), generator,
                       self._augmentation)


def mosaic(views: Sequence[FrameView], size: tuple[int, int], heights: tuple[float, float],
           generator: np.random.Generator) -> FrameView:
    """Lay a square number of views into tiles of an image of (width, height)."""
    side = round(len(views) ** .5)
    if side * side != len(views):
        raise ConfigError(f'{len(views)} views fill no square of tiles')
    canvas = np.full((size[1], size[0], 3), GREY, np.uint8)
    columns, rows = (np.linspace(0, length, side + 1).round().astype(int) for length in size)
    parts = []
    for number, view in enumerate(views):
        left, top = int(columns[number % side]), int(rows[number // side])
        tile = (int(columns[number % side + 1]) - left, int(rows[number // side + 1]) - top)
        part = cut_tile(view, tile, heights, generator)
        canvas[top:top + part.size[1], left:left + part.size[0]] = part.image
        parts.append(part.scaled(part.image, (1.0, 1.0), (-left, -top)))
    count = sum(len(part.boxes) for part in parts)
    return FrameView(
        canvas, np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.visible for part in parts]), np.arange(1, count + 1),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.regions for part in parts]))


def cut_tile(view: FrameView, tile: tuple[int, int], heights: tuple[float, float],
             generator: np.random.Generator) -> FrameView:
    """
    Scale a view so that one person has a wanted height, and cut a tile with that one in it.

    Boxes are cut to the tile, and left out where it shows too little of them.
    """
    scale, target = 1.0, np.array([0, 0, *view.size], np.float64)
    if len(view.boxes):
        chosen = int(generator.integers(len(view.boxes)))
        target = view.boxes[chosen].astype(np.float64)
        tall = float(target[3] - target[1])
        # rather larger than with an empty border, as far as the heights allow
        filling = max(tile[0] / view.size[0], tile[1] / view.size[1])
        scale = max(generator.uniform(*heights) / tall, min(filling, heights[1] / tall))
    width, height = (max(1, round(length * scale)) for length in view.size)
    exact = (width / view.size[0], height / view.size[1])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image: NDArray[np.uint8] = np.asarray(
        cv2.resize(view.image, (width, height), interpolation=way), np.uint8)
    corner = []
    for axis, length in enumerate((width, height)):
        # somewhere in the tile, not always in its middle
        middle = (target[axis] + target[axis + 2]) / 2 * exact[axis]
        wanted = middle - tile[axis] * generator.uniform(.35, .65)
        corner.append(int(np.clip(wanted, 0, max(0, length - tile[axis]))))
    left, top = corner
    part = view.scaled(image[top:top + tile[1], left:left + tile[0]], exact, (0.0, 0.0))
    part = part.scaled(part.image, (1.0, 1.0), (left, top))
    boxes, visible, regions = (
        clip(each, part.size) for each in (part.boxes, part.visible, part.regions))
    kept = _share(visible, part.visible) > KEPT
    part = FrameView(part.image, boxes, visible, part.ids, part.labels, regions[area(regions) > 0])
    return part.only(kept & (area(boxes) > 0))


def _share(cut: Floats, whole: Floats) -> Floats:
    share: Floats = (area(cut) / np.maximum(area(whole), 1e-6)).astype(np.float32)
    return share
