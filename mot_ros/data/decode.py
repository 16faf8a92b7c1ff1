# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Image messages to BGR arrays: works on any object with a message's fields, needs no ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.errors import FrameError

Pixels = NDArray[np.uint8]

_TO_BGR: dict[str, tuple[int, int | None]] = {
    'bgr8': (3, None),
    'rgb8': (3, cv2.COLOR_RGB2BGR),
    'bgra8': (4, cv2.COLOR_BGRA2BGR),
    'rgba8': (4, cv2.COLOR_RGBA2BGR),
    'mono8': (1, cv2.COLOR_GRAY2BGR),
}
"""8-bit encodings that are decoded here: channels, and OpenCV's conversion to BGR."""

_BY_LIBRARY: dict[str, int] = {
    'mono16': 2, 'bgr16': 6, 'rgb16': 6, 'bgra16': 8, 'rgba16': 8,
    'yuv422': 2, 'uyvy': 2, 'yuv422_yuy2': 2, 'yuyv': 2,
    **{f'bayer_{order}{bits}': bits // 8
       for order in ('rggb', 'bggr', 'gbrg', 'grbg') for bits in (8, 16)},
}
"""Encodings that are left to a library: bytes per pixel."""


class ImageError(FrameError):
    """An image message that cannot be decoded; `reason` is the short name it is counted under."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ImageMessage(Protocol):
    """The fields of a sensor_msgs/Image, whichever library read it."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Any


@dataclass(frozen=True)
class PackedImage:
    """An image whose rows lie side by side: what the libraries, which ignore `step`, take."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Pixels
    """(height * step,) bytes."""


Convert = Callable[[PackedImage], Any]
"""Turns an image of an encoding that is not decoded here into (H, W, 3) BGR."""


def to_bgr(message: ImageMessage, library: Callable[[], Convert] | None = None) -> Pixels:
    """
    Return the image as (H, W, 3) uint8 BGR; raises ImageError if the message is inconsistent.

    A bgr8 image is not copied: the result is a view into the message, its rows `step` apart.
    `library` returns what converts 16-bit, Bayer and YUV images, rosbags-image by default.
    """
    if message.encoding in _TO_BGR:
        channels, conversion = _TO_BGR[message.encoding]
        rows = _rows(message, channels)
        view = rows.reshape(message.height, message.width, channels)
        return view if conversion is None else np.asarray(cv2.cvtColor(view, conversion), np.uint8)
    if message.encoding in _BY_LIBRARY:
        rows = _rows(message, _BY_LIBRARY[message.encoding])
        return _by_library(message, rows, library or rosbags_image)
    raise ImageError(
        'encoding',
        f'image encoding is {message.encoding!r}; publish one of '
        f'{", ".join([*_TO_BGR, *_BY_LIBRARY])}')


def compressed_to_bgr(data: Any, kind: str) -> Pixels:
    """Decode the `data` of a sensor_msgs/CompressedImage of the `format` named `kind`."""
    if 'compressedDepth' in kind:
        raise ImageError('encoding', f'image format is {kind!r}, a depth image; choose a picture')
    content = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except cv2.error:
        # beyond OpenCV's limit of pixels, for example
        image = None
    if image is None:
        raise ImageError(
            'data', f'{content.size} bytes of format {kind!r} are no image that OpenCV knows: '
            'the message was cut, or is of a format such as H.264 that needs its neighbours')
    return np.asarray(image, np.uint8)


def rosbags_image() -> Convert:
    """Return the conversion of rosbags-image; raises ImportError where it is not installed."""
    from rosbags.image import message_to_cvimage
    return lambda packed: message_to_cvimage(cast(Any, packed), 'bgr8')


def _rows(message: ImageMessage, pixel: int) -> Pixels:
    """Return the bytes of the rows without their padding, (H, W * pixel), as a view."""
    width, height, step = message.width, message.height, message.step
    if width == 0 or height == 0:
        raise ImageError(
            'size', f'image size is {width}x{height}; both sides must be positive: is the camera '
            'driver sending before it has a picture?')
    if step < width * pixel:
        raise ImageError(
            'step', f'a row takes {step} bytes (step), but {width} pixels of {message.encoding} '
            f'need {width * pixel}: the driver sets step or encoding wrongly')
    if len(message.data) != height * step:
        raise ImageError(
            'data length', f'the image holds {len(message.data)} bytes, but {height} rows of '
            f'{step} bytes (height x step) are {height * step}: the message was cut or padded')
    flat = np.frombuffer(message.data, np.uint8)
    return np.lib.stride_tricks.as_strided(flat, (height, width * pixel), (step, 1))


def _by_library(
        message: ImageMessage, rows: Pixels, library: Callable[[], Convert]) -> Pixels:
    # the libraries ignore step and would shear the picture, so the rows are packed first
    packed = PackedImage(
        message.height, message.width, message.encoding, message.is_bigendian, rows.shape[1],
        np.ascontiguousarray(rows).reshape(-1))
    try:
        convert = library()
    except ImportError as error:
        raise ImageError(
            'encoding', f'image encoding {message.encoding!r} needs cv_bridge or '
            f'rosbags-image ({error}): install one of them, or publish '
            f'{", ".join(_TO_BGR)}') from error
    try:
        return np.ascontiguousarray(convert(packed), np.uint8)
    except Exception as error:
        raise ImageError(
            'encoding', f'image of {message.width}x{message.height} in {message.encoding!r} could '
            f'not be converted ({error}): publish {", ".join(_TO_BGR)}') from error
