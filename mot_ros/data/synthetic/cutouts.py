# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Cut-outs: people cut out of annotated images.

Penn-Fudan has a mask for every image, in which the pixels of person k are k (Wang et al., Object
Detection Combining Recognition and Segmentation, ACCV 2007). Outlines are text files beside the
images, one line for each object: its class and the corners x y of a polygon, relative to the
size of the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.splits import splits
from mot_ros.data.datasets.text_table import read_text_lines
from mot_ros.data.limits import EXACT
from mot_ros.data.photographs import read_mask_file, read_photograph
from mot_ros.data.video.image_files import IMAGE_SUFFIXES
from mot_ros.tracking.errors import SourceError

Image = NDArray[np.uint8]

PERSON = 0
"""The label of people, as in COCO's order of classes."""
FARTHEST_POINT = 100
"""Largest coordinate of an outline, relative to the size of the image."""
OPAQUE = 128
"""A pixel belongs to a figure whose cover of it is at least this, of 255."""


@dataclass(frozen=True, eq=False)
class Cutout:
    """
    Hold a figure on transparent ground.

    `image` (H, W, 4) uint8 BGRA, not multiplied by alpha; the box of its pixels with alpha
    >= 128 is the whole image. `label` is its class, `path` the file that it was cut out of.
    """

    image: Image
    label: int = PERSON
    path: Path | None = None

    def __post_init__(self) -> None:
        shape, kind = self.image.shape, self.image.dtype
        if len(shape) != 3 or shape[2] != 4 or kind != np.uint8 or not min(shape):
            raise SourceError(f'a cut-out has shape {shape} of {kind}, expected (H, W, 4) uint8')

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.image.shape[1]), int(self.image.shape[0])


@dataclass(frozen=True)
class CutoutFilter:
    """
    Select the figures that are cut out.

    `height` in pixels at least, `shape` is the least and the most of height over width: outside
    it, somebody sits, lies, or is half hidden by something.
    """

    height: int = 80
    shape: tuple[float, float] = (1.6, 4.5)

    def fits(self, width: int, height: int) -> bool:
        """Return whether a figure of this size is accepted."""
        return height >= self.height and self.shape[0] <= height / width <= self.shape[1]


def cut_out(image: Image, mask: NDArray[np.bool_], label: int = PERSON) -> Cutout | None:
    """
    Cut one figure out of a BGR image; None if the border of the image cuts it too.

    The edge is softened by a pixel, so that a network cannot learn hard outlines. Only the
    largest of several pieces is taken: a mask in two pieces is that of a partly hidden person.
    """
    count, pieces, table, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(table[1:, cv2.CC_STAT_AREA]))
    x, y, width, height = (int(value) for value in table[largest, :4])
    if x <= 0 or y <= 0 or x + width >= mask.shape[1] or y + height >= mask.shape[0]:
        return None
    region = np.s_[y - 1:y + height + 1, x - 1:x + width + 1]
    inside = (pieces[region] == largest).astype(np.uint8) * 255
    # the outermost pixels of a mask show the ground behind as often as the figure
    alpha = cv2.min(cv2.GaussianBlur(inside, (3, 3), 0), inside)
    cut = np.dstack([image[region], alpha])
    x, y, width, height = cv2.boundingRect((alpha >= OPAQUE).astype(np.uint8))
    if not width or not height:
        return None
    return Cutout(np.ascontiguousarray(cut[y:y + height, x:x + width]), label)


def penn_fudan_cutouts(folder: str | Path, wanted: CutoutFilter | None = None) -> list[Cutout]:
    """Read the people of a folder with `images` and `masks`; SourceError if there are none."""
    root, found = Path(folder), []
    for path in sorted((root / 'masks').glob('*.png')):
        mask = read_mask_file(path)
        file, image = image_beside(root / 'images', path.stem)
        if mask.shape != image.shape[:2]:
            raise SourceError(
                f'{path} cannot be read as a mask of one channel of the image of its name')
        for number in range(1, int(mask.max()) + 1):
            found += _good(cut_out(image, mask == number), wanted, file)
    return _some(found, root)


def polygon_cutouts(
        folder: str | Path, labels: Mapping[int, int] | None = None,
        wanted: CutoutFilter | None = None) -> list[Cutout]:
    """
    Read the objects of a folder with `images` and `polygons`, or with splits in these.

    `labels` tells which classes of the files to take, and the label of each; by default people,
    who are the lowest class that there is. Raises SourceError if nothing is found.
    """
    found = []
    texts = [(root / 'images' / split, path.stem, list(read_outlines(path)))
             for root, split in splits(folder)
             for path in sorted((root / 'polygons' / split).glob('*.txt'))]
    if labels is None:
        labels = {min((number for _, _, lines in texts for number, _ in lines),
                      default=0): PERSON}
    for images, stem, lines in texts:
        outlines = [(number, points) for number, points in lines if number in labels]
        if not outlines:
            continue
        file, image = image_beside(images, stem)
        for number, points in outlines:
            height, width = image.shape[:2]
            mask = np.zeros((height, width), np.uint8)
            corners = np.round(points * (width, height)).astype(np.int32)
            cv2.fillPoly(mask, [corners], 1)
            found += _good(cut_out(image, mask.astype(bool), labels[number]), wanted, file)
    return _some(found, Path(folder))


def read_outlines(path: Path) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield class and corners (N, 2), relative to the image, of every line of a file."""
    for number, line in enumerate(read_text_lines(path), 1):
        if not line.strip():
            continue
        try:
            kind, *values = (float(word) for word in line.split())
        except ValueError as error:
            raise SourceError(
                f'{path}, line {number}: {str(error)[:200]}') from error
        good = abs(kind) < EXACT and kind == int(kind) and (
            np.abs(values) <= FARTHEST_POINT).all()
        if len(values) < 6 or len(values) % 2 or not good:
            raise SourceError(
                f'{path}, line {number}: {len(values)} coordinates; an outline is a class and at '
                f'least three corners x y, relative to the image and at most {FARTHEST_POINT}')
        yield int(kind), np.array(values).reshape(-1, 2)


def read_cutouts(folder: str | Path, wanted: CutoutFilter | None = None) -> list[Cutout]:
    """Read the people of a folder, whether it has masks or outlines."""
    root = Path(folder)
    if (root / 'masks').is_dir():
        return penn_fudan_cutouts(root, wanted)
    if (splits(root)[0][0] / 'polygons').is_dir():
        return polygon_cutouts(root, wanted=wanted)
    raise SourceError(
        f'{root} has neither a folder masks (as Penn-Fudan) nor a folder polygons (YOLO '
        'outlines), so nobody can be cut out')


def image_beside(folder: Path, stem: str) -> tuple[Path, Image]:
    """Find and read the image of a name without its ending, BGR; SourceError if there is none."""
    for suffix in IMAGE_SUFFIXES:
        path = folder / f'{stem}{suffix}'
        if path.exists():
            return path, read_photograph(path)
    raise SourceError(f'{folder} has no image called {stem}; is the folder complete?')


def _good(cutout: Cutout | None, wanted: CutoutFilter | None, path: Path) -> list[Cutout]:
    wanted = wanted or CutoutFilter()
    if cutout is None or not wanted.fits(*cutout.size):
        return []
    return [replace(cutout, path=path)]


def _some(found: Sequence[Cutout], folder: Path) -> list[Cutout]:
    if not found:
        raise SourceError(
            f'{folder}: nobody in it is whole and large enough to be cut out; is it the right '
            'folder?')
    return list(found)
