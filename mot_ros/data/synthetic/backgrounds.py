# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Backgrounds of synthetic scenes: photographs of a folder, or a drawn square with houses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.splits import splits
from mot_ros.data.datasets.text_table import read_text_lines
from mot_ros.data.synthetic.cutouts import Cutout, PERSON
from mot_ros.data.synthetic.ground_camera import GroundCamera
from mot_ros.data.synthetic.textures import (
    asphalt,
    coloured,
    facades,
    noise,
    pavement,
    PIXELS_PER_METRE,
    sky,
    Texture,
)
from mot_ros.data.video.image_files import IMAGE_SUFFIXES
from mot_ros.tracking.errors import SourceError

Image = NDArray[np.uint8]

WALL_HEIGHT = 15.0
"""Metres of the tallest house."""


def background_files(folder: str | Path) -> list[Path]:
    """
    List the images without people of a folder, or of `images` in it or its splits.

    People are looked up in `labels` beside `images`, YOLO's text files (class 0); without these
    every image is taken. Raises SourceError if none is left.
    """
    count, files = 0, []
    for root, split in splits(folder):
        images = root / 'images' / split if (root / 'images').is_dir() else root
        labels = root / 'labels' / split
        for path in sorted(images.iterdir()) if images.is_dir() else []:
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith('.'):
                count += 1
                if not _has_people(labels / f'{path.stem}.txt'):
                    files.append(path)
    if not files:
        raise SourceError(
            f'{folder}: no image of {count} is without people; name a folder of images')
    return files


def draw_square(generator: np.random.Generator, size: tuple[int, int], view: GroundCamera,
                wall: float, photographs: Sequence[Image] = ()) -> Image:
    """
    Draw a paved square of (width, height) pixels, with houses `wall` metres away.

    The houses are drawn, or `photographs` in their place. Faint stains over everything keep the
    drawn lines from being too clean.
    """
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    above = max(1, round(view.horizon) + 1)
    image[:above] = sky(generator, (above, width))
    ground = (pavement if generator.random() < .7 else asphalt)(generator, (512, 512))
    lay_ground(image, view, Texture(ground))
    scale = view.scale(wall)
    length = round(width / scale * PIXELS_PER_METRE)
    front = facades(generator, length, round(WALL_HEIGHT * PIXELS_PER_METRE), photographs)
    tall = round(WALL_HEIGHT * scale)
    front = np.asarray(
        cv2.resize(front, (width, tall), interpolation=cv2.INTER_AREA), np.uint8)
    foot = round(view.row(wall))
    cut = max(0, tall - foot)
    part, region = front[cut:], image[foot - tall + cut:foot]
    region[part[..., 3] > 127] = part[part[..., 3] > 127][:, :3]
    stains = 10 * noise(generator, (height, width), (8, 64))
    return coloured(stains, image)


def lay_ground(image: Image, view: GroundCamera, texture: Texture,
               to_texture: NDArray[np.float64] | None = None) -> None:
    """
    Draw level ground below the horizon, in place.

    `to_texture` (3, 3) maps metres right and ahead of the camera to pixels of the texture,
    which is laid in tiles; by default PIXELS_PER_METRE. Nearer the horizon smaller copies of
    the texture are used: the full one would flicker.
    """
    if to_texture is None:
        to_texture = np.diag([PIXELS_PER_METRE, PIXELS_PER_METRE, 1.0])
    # (x w, z w, w) of the ground seen at (column, row, 1), w being the row below the horizon
    seen = np.array([
        [view.height, 0, -view.height * view.middle], [0, 0, view.focal * view.height],
        [0, 1, -view.horizon]])
    height, width = image.shape[:2]
    density = float(np.sqrt(abs(np.linalg.det(to_texture[:2, :2]))))
    top, below = max(0, int(view.horizon) + 2), height
    while below > top:
        # one copy for each halving of the distance to the horizon
        start = max(top, int(view.horizon + (below - view.horizon) / 2))
        down = (start + below) / 2 - view.horizon
        z = view.focal * view.height / down
        texels = density * z / view.focal * np.sqrt(z / view.height)
        copy, shrink = texture.shrunk(float(texels))
        matrix = np.diag([shrink, shrink, 1.0]) @ to_texture @ seen
        image[start:below] = tiled(copy, matrix, (0, start), (width, below - start))
        if start == top:
            break
        below = start
    if top < height:
        image[max(0, int(view.horizon)):top] = image[top]


def tiled(texture: Image, matrix: NDArray[np.float64], corner: tuple[int, int],
          size: tuple[int, int]) -> Image:
    """
    Draw a region (width, height) of an image, from its left upper `corner` on.

    `matrix` (3, 3) maps points of the image to points of the texture, which is laid in tiles.
    """
    # OpenCV puts the centre of the first pixel at 0, we its edge
    to_edge, to_centre = np.eye(3), np.eye(3)
    to_edge[:2, 2] = corner[0] + .5, corner[1] + .5
    to_centre[:2, 2] = -.5
    return np.asarray(cv2.warpPerspective(
        texture, to_centre @ matrix @ to_edge, size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_WRAP), np.uint8)


def obstacle(generator: np.random.Generator, background: Image) -> tuple[Cutout, float]:
    """
    Return something to stand in the way, made of a piece of background, and its height in metres.

    It is a pole or a board; nothing of it tells it from what is behind it but its edges.
    """
    if generator.random() < .6:
        tall, broad = generator.uniform(2.8, 5), generator.uniform(.15, .4)
    else:
        tall, broad = generator.uniform(.9, 1.5), generator.uniform(.8, 2)
    height = 256
    width = max(6, round(height * broad / tall))
    rows, columns = background.shape[:2]
    size = (min(columns, max(8, width)), min(rows, max(8, height)))
    left = int(generator.integers(columns - size[0] + 1))
    top = int(generator.integers(rows - size[1] + 1))
    piece = cv2.resize(background[top:top + size[1], left:left + size[0]], (width, height))
    shade = 1 - .35 * np.abs(np.linspace(-1, 1, width))[None, :, None] ** 2
    tinted = np.clip(piece * shade * generator.uniform(.5, .9), 0, 255).astype(np.uint8)
    alpha = np.full((height, width), 255, np.uint8)
    return Cutout(np.dstack([tinted, alpha])), tall


def _has_people(path: Path) -> bool:
    if not path.exists():
        return False
    lines = read_text_lines(path)
    return any(line.split()[0] == str(PERSON) for line in lines if line.strip())
