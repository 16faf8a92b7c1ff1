# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Decode image messages, those of unknown encodings by cv_bridge where it is installed."""

from __future__ import annotations

from functools import lru_cache
import importlib
from typing import Any

import numpy as np

from mot_ros.data import decode
from mot_ros.data.decode import ImageFields, Pixels
from mot_ros.data.image_reading import AUTO, ImageError, ImageReading


def to_bgr(message: ImageFields, reading: ImageReading = AUTO) -> Pixels:
    """
    Return the image as (H, W, 3) uint8 BGR; raises ImageError if it cannot be decoded.

    cv_bridge never gets a message whose encoding is decoded here, with its row step.
    """
    return decode.to_bgr(message, reading, _by_bridge)


def _by_bridge(message: ImageFields) -> Pixels:
    """Return what cv_bridge makes of a message; ImageError with its reason if nothing."""
    bridge = _bridge()
    if bridge is None:
        raise ImageError(
            'encoding', f'image encoding is {message.encoding!r}, which is not known here, and '
            'cv_bridge, which may know it, is not installed; publish bgr8')
    try:
        image = np.asarray(bridge.imgmsg_to_cv2(message, 'bgr8'))
    except Exception as error:
        # its errors come from C++ and have several types
        raise ImageError(
            'encoding', f'image encoding is {message.encoding!r}, which is not known here, nor '
            f'to cv_bridge ({" ".join(str(error).split())}); publish bgr8') from error
    if image.dtype != np.uint8 or image.shape != (message.height, message.width, 3):
        raise ImageError(
            'encoding', f'image encoding is {message.encoding!r}, of which cv_bridge makes '
            f'{image.dtype} of shape {image.shape}; publish bgr8')
    return image


@lru_cache(maxsize=1)
def _bridge() -> Any:
    try:
        return importlib.import_module('cv_bridge').CvBridge()
    except Exception:
        # a build for another ROS or numpy fails in any way there is
        return None
