# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""TiledDetector: run a detector on overlapping tiles of an image and merge the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray
import torch

from mot_ros.tracking import boxes as box
from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.preprocess import detector_pixels
from mot_ros.tracking.detectors.wrappers.base import AroundDetector
from mot_ros.tracking.nets.ops.nms import nms
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections, Floats, Frame

BORDER = 0.02
"""Distance to an inner edge, relative to the tile's side, below which a box may be cut."""
COVERED = 0.7
"""Share of a cut box's area above which a box of another tile replaces it."""


@dataclass(frozen=True)
class Tile:
    """Part of an image, xyxy in pixels, and its sides inside the image."""

    left: int
    top: int
    right: int
    bottom: int
    open_sides: tuple[bool, bool, bool, bool]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top

    @property
    def corners(self) -> Floats:
        """The tile as a box (1, 4)."""
        return np.array([[self.left, self.top, self.right, self.bottom]], np.float32)

    def cut(self, boxes: Floats) -> NDArray[np.bool_]:
        """Return which boxes (N, 4), pixels of the image, touch an inner side."""
        margin = BORDER * np.array([*self.size, *self.size], np.float32)
        near = (np.abs(boxes - self.corners) <= margin) & np.array(self.open_sides)
        result: NDArray[np.bool_] = near.any(axis=1)
        return result


def tiles_of(size: tuple[int, int], columns: int, rows: int, overlap: float) -> list[Tile]:
    """
    Return the tiles of an image of (width, height), row by row, all of one size.

    Neighbours overlap by the fraction `overlap` of their side, within a pixel; an object no larger
    than the overlap is whole in one of them.
    """
    width, height = size
    across, down = (_spans(side, count, overlap)
                    for side, count in ((width, columns), (height, rows)))
    return [
        Tile(left, top, right, bottom, (left > 0, top > 0, right < width, bottom < height))
        for top, bottom in down for left, right in across]


def _spans(side: int, count: int, overlap: float) -> list[tuple[int, int]]:
    """Return begin and end of `count` parts of a side that share `overlap` of their length."""
    length = min(side, math.ceil(side / (count - (count - 1) * overlap)))
    begins = [(side - length) * number // max(1, count - 1) for number in range(count)]
    return [(begin, begin + length) for begin in dict.fromkeys(begins)]


class TiledDetector(AroundDetector):
    """
    Run a detector on all tiles of an image, and on the whole image if `tile_full` is set.

    Each object is returned once: from a tile that contains it whole, else from the full image,
    else its largest part in a tile.
    """

    def __init__(self, detector: Detector, settings: DetectorSettings) -> None:
        super().__init__(detector)
        self._settings = settings

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the detections of each frame, best score first, from one batch of all tiles."""
        settings = self._settings
        parts: list[Frame] = []
        per_frame: list[list[Tile]] = []
        for frame in frames:
            tiles = tiles_of(
                frame.size, settings.tile_columns, settings.tile_rows, settings.tile_overlap)
            if settings.tile_full:
                tiles.append(Tile(0, 0, *frame.size, (False,) * 4))
            per_frame.append(tiles)
            parts += [_part(frame, tile) for tile in tiles]
        found = iter(self._detector.detect(parts))
        return [
            merge(tiles, [next(found) for _ in tiles], settings.nms_iou)
            [:settings.max_detections]
            for tiles in per_frame]


def _part(frame: Frame, tile: Tile) -> Frame:
    image = detector_pixels(frame)
    return Frame(image[tile.top:tile.bottom, tile.left:tile.right], frame.stamp, tile.size)


def merge(
        tiles: Sequence[Tile], found: Sequence[Detections], threshold: float) -> Detections:
    """
    Merge the detections of tiles, in pixels of each, to those of the image, best score first.

    Boxes that no inner edge cuts go through NMS at an IoU of `threshold`. Cut boxes follow, the
    largest first, and are kept unless _is_known.
    """
    moved = [
        Detections(seen.boxes + np.tile(tile.corners[:, :2], 2), seen.scores, seen.labels)
        for tile, seen in zip(tiles, found, strict=True)]
    every = Detections.concatenate(Detections.empty(), *moved)
    of_tile = np.repeat(np.arange(len(tiles)), [len(seen) for seen in moved])
    cut = np.concatenate([
        tile.cut(seen.boxes) for tile, seen in zip(tiles, moved, strict=True)])
    whole = np.flatnonzero(~cut)
    boxes, scores, labels = (
        torch.from_numpy(column[whole]) for column in every.columns().values())
    kept = whole[nms(boxes, scores, labels, threshold).numpy()]
    parts = np.flatnonzero(cut)
    for row in parts[np.argsort(-box.area(every.boxes[parts]), kind='stable')].tolist():
        rivals = kept[(every.labels[kept] == every.labels[row]) & (of_tile[kept] != of_tile[row])]
        if not _is_known(
                every.boxes[row:row + 1], every.boxes[rivals], tiles[of_tile[row]], threshold):
            kept = np.append(kept, row)
    joined = every[kept]
    return joined[np.argsort(-joined.scores, kind='stable')]


def _is_known(part: Floats, rivals: Floats, tile: Tile, threshold: float) -> bool:
    """
    Return whether another tile's boxes (N, 4) show the object of a cut box (1, 4) better.

    They do if one of them, restricted to this tile, has an IoU above `threshold` with it, or if
    one covers most of it.
    """
    corners = tile.corners
    visible = _shared(rivals, corners)
    covered = box.area(_shared(rivals, part)) / box.area(part)
    return bool((box.iou(part, visible) > threshold).any() or (covered > COVERED).any())


def _shared(a: Floats, b: Floats) -> Floats:
    """Return the intersections of boxes (N, 4) with one (1, 4); inverted if empty."""
    return np.concatenate(
        [np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])], axis=1)
