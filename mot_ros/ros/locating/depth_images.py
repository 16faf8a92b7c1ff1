# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Read depth images: 16UC1 in millimetres and 32FC1 in metres (REP 118)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from mot_ros.data.decode import ImageError

ENCODINGS: Mapping[str, tuple[np.dtype[Any], float]] = {
    '16UC1': (np.dtype(np.uint16), 0.001), 'mono16': (np.dtype(np.uint16), 0.001),
    '32FC1': (np.dtype(np.float32), 1.0)}
"""Type of a pixel, and its unit in metres."""


def to_depths(image: Image) -> tuple[NDArray[Any], float]:
    """
    Return the pixels (H, W) of a depth image, uncopied, and their unit in metres.

    Raises ImageError for another encoding, or data that does not fit the size.
    """
    if image.encoding not in ENCODINGS:
        raise ImageError('depth image of unknown encoding', (
            f'a depth image has the encoding {image.encoding!r}; known are '
            f'{", ".join(ENCODINGS)}: have the camera publish depth, not disparity or colour'))
    kind, unit = ENCODINGS[image.encoding]
    row = image.width * kind.itemsize
    if image.step < row or len(image.data) < image.step * image.height or not row:
        raise ImageError('damaged depth image', (
            f'a depth image of {image.width} x {image.height} has {len(image.data)} bytes with '
            f'a step of {image.step}'))
    data = np.frombuffer(image.data, np.uint8, image.step * image.height)
    pixels = np.ascontiguousarray(data.reshape(image.height, image.step)[:, :row])
    return pixels.view(kind.newbyteorder('>' if image.is_bigendian else '<')), unit
