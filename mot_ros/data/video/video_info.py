# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Rate and length that a video file states, and what is no video file at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.user_files import ANY_SIZE, open_regular

HEAD = 64
PLAYLISTS = (b'#EXTM3U', b'ffconcat', b'<?xml', b'<MPD', b'v=0')
"""How files begin that make FFmpeg open others, of any kind and over the network."""

ARCHIVES = (b'PK\3\4', b'7z\xbc\xaf', b'Rar!', b'\x1f\x8b', b'\xfd7zXZ')
"""How zip, 7z, rar, gzip and xz files begin."""
HEIC = (b'ftyphei', b'ftyphev', b'ftypmif1', b'ftypmsf1')
"""What follows the first 4 bytes of an image or a sequence of images of telephones."""


@dataclass(frozen=True)
class VideoInfo:
    """
    `rate` in Hz, 0 where the file states none, and the number of frames, None likewise.

    Without `exact` the number is an estimate, duration times rate.
    """

    rate: float
    count: int | None
    exact: bool


def refuse_special(path: Path) -> None:
    """Raise SourceError for what is no regular file, and for a list of other files."""
    try:
        with open_regular(path, ANY_SIZE) as file:
            head = file.read(HEAD)
    except OSError as error:
        raise SourceError(f'{path} cannot be read: {error.strerror or error}') from error
    if head.lstrip(b'\xef\xbb\xbf \r\n\t').startswith(PLAYLISTS):
        raise SourceError(f'{path} is a list of other files; give one of the videos in it')
    if head.startswith(ARCHIVES):
        raise SourceError(f'{path} is an archive; unpack it and give what lies in it')
    if head[4:].startswith(HEIC):
        raise SourceError(
            f'{path} is an image of the kind HEIC, which is not decoded; convert it to JPEG or '
            'PNG')
