# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Opening the frames of a video, of images, or of a camera."""

from __future__ import annotations

import glob
from pathlib import Path

from mot_ros.data.bags.bag_layout import is_bag
from mot_ros.data.video.frame_source import FrameSource
from mot_ros.data.video.image_files import (
    IMAGE_SUFFIXES,
    ImageFiles,
    images_in,
    only_images,
    others_in,
)
from mot_ros.data.video.live_address import is_live
from mot_ros.data.video.live_source import LiveSource
from mot_ros.data.video.video_file import VideoFile
from mot_ros.tracking.errors import SourceError


def open_source(
        source: str | Path, fps: float | None = None, start: int = 0,
        frames: int | None = None) -> FrameSource:
    """
    Open a video file, a folder of images, one image, a pattern of images, or a live source.

    Live are a URL (rtsp://, http://, ...), a device (/dev/video0) and the number of one (0).

    A folder with a seqinfo.ini and no images of its own is read as a MOTChallenge sequence.
    `fps` in Hz overrides the rate that the file states. Raises SourceError naming the path and
    the remedy.
    """
    if is_live(source):
        return LiveSource(source, fps, start, frames)
    path = Path(source)
    if path.is_dir():
        files = images_in(path) or images_in(path / 'img1')
        if not files:
            others = others_in(path)
            if others:
                raise SourceError(
                    f'{path} holds images of kinds that are not decoded only, such as '
                    f'{others[0].name}; convert them to JPEG or PNG')
            raise SourceError(
                f'{path} holds no images ({", ".join(IMAGE_SUFFIXES)}); name the folder that '
                'they lie in')
    elif path.exists():
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            if is_bag(path):
                raise SourceError(
                    f'{path} is a bag, not a video; name it where a bag is expected, or publish '
                    'it with the replay node')
            return VideoFile(path, fps, start, frames)
        files = [path]
    elif glob.has_magic(str(source)):
        # Path.glob takes no absolute pattern
        names = glob.glob(str(source), recursive=True)  # noqa: PTH207
        files = only_images(Path(name) for name in names)
        if not files:
            raise SourceError(f'no image matches {source}; quote the pattern and check its folder')
    else:
        raise SourceError(
            f'{source} does not exist; give a video file, a folder of images, a pattern such '
            'as "img1/*.jpg", a camera (0, /dev/video0) or a stream (rtsp://..., http://...)')
    return ImageFiles(path, files, fps, start, frames)

