# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Decode videos with OpenCV, where PyAV is missing."""

from __future__ import annotations

from collections.abc import Generator, Iterator
import contextlib
from pathlib import Path

import cv2
import numpy as np

from mot_ros.data.video.frame_source import DecodedImage
from mot_ros.data.video.video_info import refuse_special, VideoInfo
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.image_headers import MAX_PIXELS

COUNTED = ('.avi', '.mov', '.mp4', '.m4v')
"""Containers that store how many frames they hold; of others OpenCV estimates it."""
BLACKENS = tuple(map(int, cv2.__version__.split('.')[:2])) >= (4, 13)
BLACK = (
    'OpenCV decoded it to black; it does so with interlaced video from 4.13 on: pip install av')


def read_info(path: Path) -> VideoInfo:
    """Return rate and length; SourceError for what is no video."""
    with _opened(path) as capture:
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        # streams have no count, or an absurd one
        return VideoInfo(
            capture.get(cv2.CAP_PROP_FPS), int(count) if 0 < count < 1e9 else None,
            path.suffix.lower() in COUNTED)


def decode(path: Path, start: int = 0) -> Generator[DecodedImage, None, None]:
    """Yield every image with its presentation time, without the image before `start`."""
    with _opened(path) as capture:
        index = 0
        while capture.grab():
            time = _nanoseconds(capture)
            if index < start:
                yield DecodedImage(None, time)
            else:
                intact, image = capture.retrieve()
                black = BLACKENS and intact and not image.any()
                yield DecodedImage(
                    np.asarray(image, np.uint8) if intact and not black else None, time,
                    BLACK if black else 'the video is damaged there')
            index += 1


def presentation_times(path: Path) -> list[int | None]:
    """Return the presentation time of every frame in nanoseconds, in their order."""
    found: list[int | None] = []
    with _opened(path) as capture:
        while capture.grab():
            found.append(_nanoseconds(capture))
    return found


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    refuse_special(path)
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise SourceError(
                f'{path} is not a video that OpenCV can open; give a video file, a folder of '
                'images or a pattern such as "img1/*.jpg", or install PyAV, which knows more '
                'formats (pip install av)')
        if capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(
                cv2.CAP_PROP_FRAME_HEIGHT) > MAX_PIXELS:
            raise SourceError(f'{path} has more than the {MAX_PIXELS} pixels that are decoded')
        yield capture
    finally:
        capture.release()


def _nanoseconds(capture: cv2.VideoCapture) -> int:
    return round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
