# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Image messages to BGR arrays: works on any object with a message's fields, needs no ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.image_reading import AUTO, FLOATS, ImageError, ImageReading
from mot_ros.tracking.runtime.image_headers import (
    is_truncated,
    MAX_PIXELS,
    PictureError,
    read_header,
)
from mot_ros.tracking.runtime.image_sizes import check_size
from mot_ros.tracking.runtime.user_files import MAX_IMAGE_BYTES, read_bytes

Pixels = NDArray[np.uint8]

PIXEL_LIMIT = 1 << 26
"""Most pixels of a compressed image: 8192 x 8192. A bomb of a few kB would fill the memory."""


@dataclass(frozen=True)
class _Encoding:
    """Bytes per pixel in a row, rows per two image rows, and OpenCV's conversion to BGR."""

    pixel: int
    conversion: int | None
    two_rows: int = 2
    deep: bool = False
    """16 bits per number, of which the upper 8 are used."""
    shared: tuple[int, int] = (1, 1)
    """Pixels across and down that have one colour together: sides are multiples of it."""


_COLOURS = {
    'bgr': (3, None), 'rgb': (3, cv2.COLOR_RGB2BGR), 'bgra': (4, cv2.COLOR_BGRA2BGR),
    'rgba': (4, cv2.COLOR_RGBA2BGR), 'mono': (1, cv2.COLOR_GRAY2BGR),
    # OpenCV names the pattern by its second row, ROS by its first
    'bayer_rggb': (1, cv2.COLOR_BayerBG2BGR), 'bayer_bggr': (1, cv2.COLOR_BayerRG2BGR),
    'bayer_gbrg': (1, cv2.COLOR_BayerGR2BGR), 'bayer_grbg': (1, cv2.COLOR_BayerGB2BGR)}
_ENCODINGS: dict[str, _Encoding] = {
    **{f'{name}8': _Encoding(pixel, code) for name, (pixel, code) in _COLOURS.items()},
    **{f'{name}16': _Encoding(2 * pixel, code, deep=True)
       for name, (pixel, code) in _COLOURS.items()},
    'yuv422': _Encoding(2, cv2.COLOR_YUV2BGR_UYVY, shared=(2, 1)),
    'uyvy': _Encoding(2, cv2.COLOR_YUV2BGR_UYVY, shared=(2, 1)),
    'yuv422_yuy2': _Encoding(2, cv2.COLOR_YUV2BGR_YUY2, shared=(2, 1)),
    'yuyv': _Encoding(2, cv2.COLOR_YUV2BGR_YUY2, shared=(2, 1)),
    # half as many rows of colour below those of grey
    'nv12': _Encoding(1, cv2.COLOR_YUV2BGR_NV12, two_rows=3, shared=(2, 2)),
    'nv21': _Encoding(1, cv2.COLOR_YUV2BGR_NV21, two_rows=3, shared=(2, 2)),
}
_FLOATS = _Encoding(4, cv2.COLOR_GRAY2BGR)
_SIZES = {FLOATS: _FLOATS.pixel, **{name: found.pixel for name, found in _ENCODINGS.items()}}
"""Bytes per pixel."""


DARK = 16
"""Of 255: 16-bit images without a brighter pixel hold 12 bits or fewer, or the cap is on."""


class ImageFields(Protocol):
    """The fields of a sensor_msgs/Image, whichever library read it."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Any


def to_bgr(
        message: ImageFields, reading: ImageReading = AUTO,
        other: Callable[[ImageFields], Pixels] | None = None) -> Pixels:
    """
    Return the image as (H, W, 3) uint8 BGR; raises ImageError if the message is inconsistent.

    A bgr8 image is not copied: the result is a view into the message, its rows `step` apart. Of
    16 bits the upper 8 are used unless `reading` states a range; YUV is that of video (BT.601,
    16 to 235). Messages of an encoding that is unknown here are left to `other`.
    """
    name = reading.encoding_of(message.encoding, _SIZES)
    encoding = _ENCODINGS.get(name)
    if name not in _SIZES or (encoding is None and name != FLOATS):
        if other is not None:
            return other(message)
        raise ImageError(
            'encoding', f'image encoding is {message.encoding!r}; publish one of '
            f'{", ".join(_ENCODINGS)}')
    if encoding is None:
        encoding = _FLOATS
    # older OpenCV converts what it is given, and reads beyond the end
    if message.width % encoding.shared[0] or message.height % encoding.shared[1]:
        raise ImageError(
            'size', f'image of {message.width}x{message.height} in {name!r} cannot '
            'be converted: such images have even sides')
    rows = _rows(message, encoding, name)
    order = '>' if message.is_bigendian else '<'
    if encoding is _FLOATS:
        rows = reading.scale(np.ascontiguousarray(rows).view(f'{order}f4'))
    elif encoding.deep and reading.ranged:
        rows = reading.scale(np.ascontiguousarray(rows).view(f'{order}u2'))
    elif encoding.deep:
        # the upper byte comes first or last
        rows = rows[:, (0 if message.is_bigendian else 1)::2]
    channels = 1 if encoding.two_rows == 3 else rows.shape[1] // message.width
    view = rows.reshape(len(rows), message.width, channels)
    if encoding.conversion is None:
        return view
    try:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(view), encoding.conversion), np.uint8)
    except cv2.error as error:
        raise ImageError(
            'size', f'image of {message.width}x{message.height} in {name!r} cannot '
            f'be converted: {error.err}') from error


def too_dark(message: ImageFields, bgr: Pixels, reading: ImageReading = AUTO) -> str:
    """Return what to do about 16-bit images that use the lowest bits alone; '' for any other."""
    name = message.encoding if reading.encoding == 'auto' else reading.encoding
    if not name.endswith('16') or reading.ranged or not bgr.size or bgr.max() >= DARK:
        return ''
    return (
        f'an image of {message.encoding} has no value above {DARK * 256 - 1}, so that it is '
        'nearly black and nothing can be found: set range to 0 to 1023 for a camera of 10 bits, '
        'to 4095 for one of 12')


def compressed_size(data: Any, kind: str) -> tuple[int, int]:
    """
    Return (width, height) of the `data` of a sensor_msgs/CompressedImage, undecoded.

    `kind` is its `format`. Raises ImageError for anything but a whole JPEG or PNG of at most
    PIXEL_LIMIT pixels.
    """
    if 'compressedDepth' in kind:
        raise ImageError('encoding', f'image format is {kind!r}, a depth image; choose a picture')
    try:
        header = read_header(bytes(data))
    except PictureError as error:
        raise ImageError(
            'data', f'an image of format {kind!r} is no picture: {error}; send JPEG or PNG, not '
            'WebP, nor another video format than H.264 and H.265') from error
    if not header.complete:
        raise ImageError(
            'truncated', f'a {header.kind} of {header.width}x{header.height} breaks off after '
            f'{len(data)} bytes: the camera driver or a message size limit cut it')
    if not 0 < header.width * header.height <= PIXEL_LIMIT:
        raise ImageError(
            'too large', f'a {header.kind} says it is {header.width}x{header.height}; at most '
            f'{PIXEL_LIMIT} pixels are decoded')
    return header.width, header.height


def compressed_to_bgr(data: Any, kind: str) -> Pixels:
    """Decode a sensor_msgs/CompressedImage to (H, W, 3) uint8 BGR; ImageError likewise."""
    width, height = compressed_size(data, kind)
    try:
        # as the pixels lie: a note on how the camera was held must not turn the boxes
        image = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        image = None
    if image is None or image.shape[:2] != (height, width):
        raise ImageError(
            'data', f'{len(data)} bytes of format {kind!r} begin like an image of '
            f'{width}x{height}, but cannot be decoded: they were damaged on the way')
    return np.asarray(image, np.uint8)


def decode_file(
        path: Path, flags: int = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION,
        most: int = MAX_PIXELS) -> Pixels:
    """
    Decode an image file to (H, W, 3) uint8 BGR; ImageError for what is cut off or no image.

    Its pixels come as they are stored, as those of a message do, unless `flags` of OpenCV say
    otherwise: an EXIF orientation is ignored. More than `most` pixels are refused.
    """
    try:
        content = read_bytes(path, MAX_IMAGE_BYTES)
        if content:
            check_size(content, most)
    except OSError as error:
        raise ImageError('data', f'it cannot be read ({error.strerror or error})') from error
    except PictureError as error:
        raise ImageError('data', f'it is no image that is decoded: {error}') from error
    if is_truncated(content):
        raise ImageError(
            'truncated', f'the image breaks off after {len(content)} bytes; copy it again')
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        # no bytes at all, or beyond OpenCV's limit of pixels
        image = None
    if image is None:
        raise ImageError(
            'data', f'its {len(content)} bytes are no image that OpenCV can decode; they begin '
            f'with {content[:8]!r}')
    return image  # type: ignore[return-value]


def _rows(message: ImageFields, encoding: _Encoding, name: str) -> Pixels:
    """Return the bytes of the rows without their padding, (rows, W * pixel), as a view."""
    width, height, step = message.width, message.height, message.step
    if width == 0 or height == 0:
        raise ImageError(
            'size', f'image size is {width}x{height}; both sides must be positive: is the camera '
            'driver sending before it has a picture?')
    wanted = width * encoding.pixel
    if step < wanted:
        raise ImageError(
            'step', f'a row takes {step} bytes (step), but {width} pixels of {name} '
            f'need {wanted}: the driver sets step or encoding wrongly')
    count = height * encoding.two_rows // 2
    if len(message.data) != count * step:
        raise ImageError(
            'data length', f'the image holds {len(message.data)} bytes, but {count} rows of '
            f'{step} bytes (height x step) are {count * step}: the message was cut or padded')
    flat = np.frombuffer(message.data, np.uint8)
    return np.lib.stride_tricks.as_strided(flat, (count, wanted), (step, 1))
