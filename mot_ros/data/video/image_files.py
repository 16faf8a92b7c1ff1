# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Images in files: which files of a folder are images, and decoding them one by one."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
import configparser
import math
from pathlib import Path
import re

from mot_ros.data.decode import decode_file
from mot_ros.data.video.frame_source import (
    checked_rate,
    DecodedImage,
    DEFAULT_IMAGE_RATE,
    FrameSource,
    MAX_RATE,
    rate_of_text,
)
from mot_ros.tracking.errors import FrameError, SourceError
from mot_ros.tracking.runtime.user_files import read_text

MOST_DIGITS = 1000
IMAGE_SUFFIXES = (
    '.bmp', '.jfif', '.jpe', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
OTHER_SUFFIXES = (
    '.arw', '.avif', '.cr2', '.dng', '.gif', '.heic', '.heif', '.j2k', '.jp2', '.jxl', '.nef',
    '.raw')
"""Of images that are not decoded; a folder may hold some beside others."""


class ImageFiles(FrameSource):
    """One image file per frame, in the order given; sizes may differ."""

    def __init__(
            self, path: Path, files: Sequence[Path], fps: float | None = None, start: int = 0,
            frames: int | None = None) -> None:
        rate = checked_rate(fps) or _sequence_rate(files[0].parent) or DEFAULT_IMAGE_RATE
        self._others = others_in(files[0].parent) if path.is_dir() else []
        super().__init__(path, files, len(files), rate, start, frames)

    @property
    def files(self) -> Sequence[Path]:
        """The images by index."""
        return self._files

    @property
    def shortcomings(self) -> list[str]:
        """Sentences on what the last loop could not read, and on images of other kinds."""
        found = super().shortcomings
        if self._others:
            found.append(
                f'{self.path}: {len(self._others)} images of kinds that are not decoded were left '
                f'out, the first is {self._others[0].name}; the others are numbered without '
                'them. Convert them to JPEG or PNG')
        return found

    def _images(self, start: int) -> Generator[DecodedImage, None, None]:
        for file in self._files[start:]:
            yield read_image(file)


def read_image(file: Path) -> DecodedImage:
    """Decode an image file, its pixels as they are stored; the problem where that fails."""
    try:
        return DecodedImage(decode_file(file))
    except FrameError as error:
        return DecodedImage(None, problem=f'{file.name}: {error}')


def images_in(folder: Path) -> list[Path]:
    """Return the images of a folder in natural order, none if there is no such folder."""
    return only_images(folder.iterdir()) if folder.is_dir() else []


def others_in(folder: Path) -> list[Path]:
    """Return the images of a folder that are of kinds that are not decoded, sorted."""
    return sorted(path for path in folder.iterdir()
                  if path.suffix.lower() in OTHER_SUFFIXES and not path.name.startswith('.'))


def only_images(paths: Iterable[Path]) -> list[Path]:
    """Return the paths that end like images in natural order; hidden files are none."""
    # macOS leaves a ._NAME beside each NAME on foreign disks and in archives
    images = [path for path in paths
              if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith('.')]
    return sorted(images, key=lambda path: natural_key(str(path)))


def natural_key(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts 'image10' after 'image9'."""
    return [(int(part), '') if part.isdecimal() and len(part) < MOST_DIGITS else (-1, part)
            for part in re.split(r'(\d+)', name)]


def _sequence_rate(folder: Path) -> float | None:
    """Return the rate that a seqinfo.ini beside the images states, None where there is none."""
    for path in (folder / 'seqinfo.ini', folder.parent / 'seqinfo.ini'):
        if path.is_file():
            parser = configparser.ConfigParser(interpolation=None)
            try:
                parser.read_string(read_text(path))
                rate = rate_of_text(parser.get('Sequence', 'frameRate'))
            except (configparser.Error, ValueError, OSError) as error:
                raise SourceError(
                    f'{path}: no usable frameRate ({" ".join(str(error).split())}); give --fps') \
                    from error
            if not (math.isfinite(rate) and 0 < rate <= MAX_RATE):
                raise SourceError(f'{path}: frameRate is {rate:g}; give --fps')
            return rate
    return None
