# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Decode videos with PyAV (10 or newer), to the presentation times and nearly the pixels of OpenCV.

Values differ by 2 of 255 at most in the sample video (benchmarks/video_decoders.py). OpenCV 4.13
and later decodes interlaced video to black images without an error.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.reformatter import VideoReformatter
import cv2
import numpy as np

from mot_ros.data.video.frame_source import DecodedImage
from mot_ros.data.video.video_info import refuse_special, VideoInfo
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.image_headers import MAX_PIXELS
from mot_ros.tracking.sequence import NANOSECONDS

ROTATIONS = {
    90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def read_info(path: Path) -> VideoInfo:
    """Return rate and length; SourceError for what is no video."""
    with open_container(path) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        if stream.frames:
            return VideoInfo(rate, int(stream.frames), exact=True)
        seconds = (
            float(stream.duration * stream.time_base) if stream.duration is not None
            else container.duration / av.time_base if container.duration is not None else 0.0)
        return VideoInfo(rate, round(seconds * rate) or None, exact=False)


def decode(path: Path, start: int = 0) -> Generator[DecodedImage, None, None]:
    """
    Yield every image with its presentation time; those before `start` are not converted.

    Those have no image then.
    """
    # PyAV gives the display matrix in no interface that every version has
    rotation = ROTATIONS.get(_orientation(path))
    convert = VideoReformatter()
    with open_container(path) as container:
        stream = container.streams.video[0]
        for index, frame in enumerate(_frames(container, stream)):
            if frame is None:
                yield DecodedImage(None, None, 'the video is damaged there')
                continue
            time = _nanoseconds(frame.pts, stream)
            if index < start:
                yield DecodedImage(None, time)
                continue
            image: Any = convert.reformat(frame, format='bgr24').to_ndarray()
            if rotation is not None:
                image = cv2.rotate(image, rotation)
            yield DecodedImage(np.ascontiguousarray(image, np.uint8), time)


def presentation_times(path: Path) -> list[int | None]:
    """Return the presentation time of every frame in nanoseconds, in their order."""
    with open_container(path) as container:
        stream = container.streams.video[0]
        packets = [packet.pts for packet in container.demux(stream) if packet.size]
        if len(packets) == stream.frames and None not in packets:
            return [_nanoseconds(pts, stream) for pts in sorted(packets)]
    # packets may hold no frame, or half of one
    with open_container(path) as container:
        stream = container.streams.video[0]
        return [None if frame is None else _nanoseconds(frame.pts, stream)
                for frame in _frames(container, stream)]


def open_container(path: Path) -> Any:
    """Open a file with a video stream; SourceError for anything else."""
    refuse_special(path)
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise SourceError(_refusal(path, str(error))) from error
    if not container.streams.video or not container.streams.video[0].codec_context:
        container.close()
        raise SourceError(_refusal(path, 'it has no stream of images'))
    stream = container.streams.video[0]
    if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
        size = f'{stream.codec_context.width}x{stream.codec_context.height}'
        container.close()
        raise SourceError(_refusal(
            path, f'it has {size} pixels, and no more than {MAX_PIXELS} are decoded'))
    # the size can change on the way
    stream.codec_context.options = {'max_pixels': str(MAX_PIXELS)}
    stream.thread_type = 'AUTO'
    return container


def _refusal(path: Path, reason: str) -> str:
    return (f'{path} is not a video that can be opened ({reason}); give a video file, a folder '
            'of images or a pattern such as "img1/*.jpg"')


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield decoded frames, and None for a damaged one that others follow."""
    damaged = 0
    try:
        for packet in container.demux(stream):
            try:
                found = packet.decode()
            except av.error.FFmpegError:
                damaged += 1
                continue
            for frame in found:
                yield from [None] * damaged
                damaged = 0
                yield frame
    except av.error.FFmpegError:
        # the file ends within a packet
        return


def _nanoseconds(pts: int | None, stream: Any) -> int | None:
    if pts is None:
        return None
    return round(Fraction(pts - (stream.start_time or 0)) * stream.time_base * NANOSECONDS)


def _orientation(path: Path) -> int:
    """Return by how many degrees the container wants its images turned clockwise."""
    capture = cv2.VideoCapture(str(path))
    try:
        return round(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360
    finally:
        capture.release()
