# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Draw placed sprites over a background, and compute the ground truth from the drawn pixels."""

from __future__ import annotations

from collections.abc import Iterable
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.synthetic.cutouts import OPAQUE
from mot_ros.data.synthetic.image_degradation import smeared
from mot_ros.data.synthetic.sprites import Matrix, SpritePlacement
from mot_ros.data.synthetic.truth import SyntheticTruth

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]

LARGEST = 4
"""Sides of the image that a drawn figure measures at most; one nearer than that is left out."""
NOTHING = (0, 0, 0, 0)


def paint(
        canvas: Image, placements: Iterable[
            SpritePlacement], camera: Matrix | None = None) -> SyntheticTruth:
    """
    Draw the placements over `canvas` (H, W, 3), which is changed, and return the truth.

    A pixel belongs to the nearest figure that covers half of it. Blur along motion changes how a
    figure looks and not which pixels are its own.
    """
    size = (int(canvas.shape[1]), int(canvas.shape[0]))
    owners = np.zeros(canvas.shape[:2], np.int16)
    drawn: list[tuple[SpritePlacement, Box, int, Box]] = []
    for placement in sorted(placements, key=lambda place: (-place.depth, place.id)):
        region = _region(placement, size)
        if region is None:
            continue
        inside = _cut(region, size)
        picture, cover = _render(placement, region)
        mask = (cover >= OPAQUE).astype(np.uint8)
        left, top = inside[0] - region[0], inside[1] - region[1]
        part = np.s_[top:top + inside[3] - inside[1], left:left + inside[2] - inside[0]]
        here = np.s_[inside[1]:inside[3], inside[0]:inside[2]]
        _blend(canvas[here], picture[part])
        own = mask[part].view(np.bool_)
        whole = int(cv2.countNonZero(mask))
        if own.any():
            drawn.append((placement, _around(mask, region), whole, inside))
            # one more than its place in the list: 0 is the background
            owners[here][own] = len(drawn)
    rows = (_row(owners, number, *entry) for number, entry in enumerate(drawn, 1) if entry[0].id)
    return SyntheticTruth.of(rows, camera)


def _row(
        owners: NDArray[np.int16], number: int, placement: SpritePlacement, box: Box, whole: int,
        inside: Box) -> tuple[Box, Box, float, int, int]:
    mine = (owners[inside[1]:inside[3], inside[0]:inside[2]] == number).view(np.uint8)
    count = int(cv2.countNonZero(mine))
    visible = _around(mine, inside) if count else NOTHING
    return box, visible, count / whole, placement.id, placement.sprite.label


def _region(placement: SpritePlacement, size: tuple[int, int]) -> Box | None:
    """Return the image region of a sprite; None if it lies outside the image."""
    sprite, reach = placement.sprite, np.abs(placement.smear) / 2 + 1
    width, height = sprite.size
    edge = sprite.margin
    corners = np.array([[-edge, -edge, 1], [width + edge, -edge, 1], [-edge, height + edge, 1],
                        [width + edge, height + edge, 1]])
    points = corners @ placement.matrix.T
    x1, y1 = (math.floor(value) for value in points.min(axis=0) - reach)
    x2, y2 = (math.ceil(value) for value in points.max(axis=0) + reach)
    outside = x2 <= 0 or y2 <= 0 or x1 >= size[0] or y1 >= size[1]
    if outside or max(x2 - x1, y2 - y1) > LARGEST * max(size):
        return None
    return x1, y1, x2, y2


def _cut(region: Box, size: tuple[int, int]) -> Box:
    return (max(region[0], 0), max(region[1], 0), min(region[2], size[0]),
            min(region[3], size[1]))


def _render(placement: SpritePlacement, region: Box) -> tuple[Image, Image]:
    """Return the picture (h, w, 4), smeared, and the cover (h, w) of a region."""
    scale = math.sqrt(abs(np.linalg.det(placement.matrix[:, :2])))
    level, to_sprite = placement.sprite.at_scale(scale)
    matrix = placement.matrix @ to_sprite
    # OpenCV puts the centre of the first pixel at 0, we its edge
    matrix[:, 2] += matrix[:, :2] @ (.5, .5) - (region[0] + .5, region[1] + .5)
    size = (region[2] - region[0], region[3] - region[1])
    picture, cover = (
        np.asarray(cv2.warpAffine(source, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)
        for source in (level.image, level.cover))
    return smeared(picture, placement.smear), cover


def _blend(canvas: Image, picture: Image) -> None:
    """Draw a picture that is multiplied by its alpha over the canvas, in place."""
    through = 255 - picture[..., 3:].astype(np.uint16)
    shining = (canvas * through + 127) // 255
    # rounding may exceed white by one
    np.minimum(shining + picture[..., :3], 255, out=shining)
    canvas[:] = shining


def _around(mask: Image, region: Box) -> Box:
    x, y, width, height = cv2.boundingRect(mask)
    x, y = x + region[0], y + region[1]
    return x, y, x + width, y + height
