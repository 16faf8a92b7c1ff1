# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Read image files of data sets, in the bounded way of decode_file."""

from __future__ import annotations

from pathlib import Path

import cv2

from mot_ros.data.decode import decode_file, Pixels
from mot_ros.tracking.errors import FrameError, SourceError
from mot_ros.tracking.runtime.image_headers import MAX_PIXELS

MAX_MASK_PIXELS = 1 << 25
"""8K; a mask is decoded as it is, with up to 8 bytes a pixel, before it is refused."""


def read_photograph(path: str | Path) -> Pixels:
    """
    Return an image as (H, W, 3) uint8 BGR, turned as its EXIF orientation says.

    Raises SourceError naming the file for what is no image or cut off.
    """
    return _read(path, cv2.IMREAD_COLOR)


def read_mask_file(path: str | Path) -> Pixels:
    """Return a mask (H, W) uint8 of numbers of objects; SourceError for anything else."""
    mask = _read(path, cv2.IMREAD_UNCHANGED, MAX_MASK_PIXELS)
    if mask.ndim != 2 or mask.dtype != 'uint8':
        raise SourceError(f'{path} cannot be read as a mask of one channel of 8 bits')
    return mask


def _read(path: str | Path, flags: int, most: int = MAX_PIXELS) -> Pixels:
    try:
        return decode_file(Path(path), flags, most)
    except FrameError as error:
        raise SourceError(f'{path} cannot be read as an image: {error}') from error
