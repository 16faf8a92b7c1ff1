# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Sizes of image files of every format that is read, from their headers and without decoding.

A file of some kilobytes can state any size, and a decoder takes memory for it at once.
"""

from __future__ import annotations

import re
import struct

from mot_ros.tracking.runtime.image_headers import HEADERS, MAX_PIXELS, PictureError, read_header

FORMATS = 'JPEG, PNG, BMP, TIFF, WebP or PNM'
TIFF = {b'II*\0': '<', b'MM\0*': '>'}
TIFF_WIDTH, TIFF_HEIGHT = 256, 257
TIFF_SHORT, TIFF_LONG = 3, 4
BMP_CORE = 12
"""Bytes of the oldest header, in which sides take 16 bits."""
PNM = re.compile(rb'P[1-6](?:\s|#[^\n]{0,1000}\n)+(\d{1,9})(?:\s|#[^\n]{0,1000}\n)+(\d{1,9})')


def check_size(content: bytes, most: int = MAX_PIXELS) -> None:
    """Raise PictureError for an image file of more than `most` pixels, or of no known format."""
    width, height = _size(content)
    if width < 1 or height < 1 or width * height > most:
        raise PictureError(
            f'it has {width}x{height} pixels; at least one and at most {most} are decoded')


def _size(content: bytes) -> tuple[int, int]:
    """Return (width, height)."""
    if content.startswith(HEADERS):
        header = read_header(content)
        return header.width, header.height
    try:
        if content.startswith(b'BM'):
            return _bmp(content)
        if content[:4] == b'RIFF' and content[8:12] == b'WEBP':
            return _webp(content)
        if content[:4] in TIFF:
            return _tiff(content)
    except struct.error as error:
        raise PictureError(f'its {len(content)} bytes end within the header') from error
    found = PNM.match(content[:1 << 16])
    if found is None:
        raise PictureError(
            f'its {len(content)} bytes begin with {content[:8]!r}, not as a {FORMATS} does')
    return int(found[1]), int(found[2])


def _bmp(content: bytes) -> tuple[int, int]:
    length, = struct.unpack_from('<I', content, 14)
    width, height = struct.unpack_from('<HH' if length == BMP_CORE else '<ii', content, 18)
    # a negative height says that the top row comes first
    return width, abs(height)


def _webp(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b'VP8X':
        return tuple(1 + int.from_bytes(content[at:at + 3], 'little') for at in (24, 27))  # type: ignore[return-value]
    if kind == b'VP8L':
        bits, = struct.unpack_from('<I', content, 21)
        return 1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff)
    if kind == b'VP8 ':
        width, height = struct.unpack_from('<HH', content, 26)
        return width & 0x3fff, height & 0x3fff
    raise PictureError(f'a WebP must begin with VP8, VP8L or VP8X, not {kind!r}')


def _tiff(content: bytes) -> tuple[int, int]:
    """Return the size that the first directory states."""
    order = TIFF[content[:4]]
    start, = struct.unpack_from(f'{order}I', content, 4)
    count, = struct.unpack_from(f'{order}H', content, start)
    sides: dict[int, int] = {}
    for entry in range(count):
        tag, kind = struct.unpack_from(f'{order}HH', content, start + 2 + 12 * entry)
        if tag in (TIFF_WIDTH, TIFF_HEIGHT) and kind in (TIFF_SHORT, TIFF_LONG):
            sides[tag], = struct.unpack_from(
                f'{order}{"H" if kind == TIFF_SHORT else "I"}', content, start + 10 + 12 * entry)
    if len(sides) < 2:
        raise PictureError('a TIFF must state its width and its height')
    return sides[TIFF_WIDTH], sides[TIFF_HEIGHT]
