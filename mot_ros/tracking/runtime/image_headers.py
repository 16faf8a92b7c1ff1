# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a JPEG or PNG says of itself, read without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
import struct

PNG = b'\x89PNG\r\n\x1a\n'
JPEG = b'\xff\xd8'
HEADERS = (PNG, JPEG)
END_OF_JPEG = b'\xff\xd9'
# Markers without a length (ISO 10918-1, table B.1), and those of frames, which hold the size.
ALONE = {0x01, *range(0xd0, 0xd9)}
FRAMES = set(range(0xc0, 0xd0)) - {0xc4, 0xc8, 0xcc}
SCAN = 0xda
MOST_CHUNKS = 200_000
CHUNK = 12
"""Bytes of a chunk of PNG around its content."""
MOST_MARKERS = 2000
"""More never come before the size; without a bound, bytes made for it take seconds to read."""
MAX_PIXELS = 1 << 27
"""Of an image file; the largest cameras have 108 megapixels."""


class PictureError(ValueError):
    """Bytes that are neither a JPEG nor a PNG."""


@dataclass(frozen=True)
class PictureHeader:
    """Kind, size in pixels, and whether the end is there too."""

    kind: str
    width: int
    height: int
    complete: bool


def read_header(content: bytes) -> PictureHeader:
    """Return what the first bytes say; PictureError if they are no JPEG or PNG."""
    try:
        if content.startswith(PNG):
            return _read_png(content)
        if content.startswith(JPEG):
            return _read_jpeg(content)
    except struct.error as error:
        raise PictureError(f'its {len(content)} bytes end within the header') from error
    raise PictureError(
        f'its {len(content)} bytes begin with {content[:8]!r}, not as a JPEG or PNG does')


def is_truncated(content: bytes) -> bool:
    """Say whether an image file ends before its image does, as far as its format tells."""
    if content.startswith((PNG, JPEG)):
        try:
            return not read_header(content).complete
        except PictureError:
            # cut within the header, or none: the decoder refuses it
            return False
    if content.startswith(b'RIFF') and len(content) >= 8:
        return len(content) < 8 + int.from_bytes(content[4:8], 'little')
    if content.startswith(b'BM') and len(content) >= 6:
        return len(content) < int.from_bytes(content[2:6], 'little')
    return False


def _read_png(content: bytes) -> PictureHeader:
    chunk, width, height = struct.unpack_from('>4sII', content, len(PNG) + 4)
    if chunk != b'IHDR':
        raise PictureError(f'a PNG must begin with the chunk IHDR, not {chunk!r}')
    return PictureHeader('PNG', width, height, _ends(content))


def _ends(content: bytes) -> bool:
    """
    Return whether the chunks of a PNG lead to its end.

    OpenCV takes memory for whatever length a chunk states, up to 4 GB, before it reads it.
    """
    place = len(PNG)
    for _ in range(MOST_CHUNKS):
        if place + 8 > len(content):
            return False
        length, kind = struct.unpack_from('>I4s', content, place)
        place += CHUNK + length
        if kind == b'IEND':
            return bool(place <= len(content))
    return False


def _read_jpeg(content: bytes) -> PictureHeader:
    """Go from marker to marker until the size comes."""
    place = len(JPEG)
    for _ in range(MOST_MARKERS):
        fill, marker = struct.unpack_from('>BB', content, place)
        if fill != 0xff:
            raise PictureError(f'a JPEG needs a marker at byte {place}, where {fill:#x} is')
        if marker == 0xff:
            place += 1
        elif marker in ALONE:
            place += 2
        elif marker in FRAMES:
            height, width = struct.unpack_from('>HH', content, place + 5)
            # the end of a thumbnail lies before this place
            return PictureHeader('JPEG', width, height, content.rfind(END_OF_JPEG) > place)
        elif marker == SCAN:
            raise PictureError('a JPEG must state its size before its pixels')
        else:
            place += 2 + struct.unpack_from('>H', content, place + 2)[0]
    raise PictureError(f'a JPEG must state its size within {MOST_MARKERS} markers')
