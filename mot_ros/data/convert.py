# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Frames and boxes from one layout to another: rosbag2, MOTChallenge folder, video."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.bags.topics import IMAGE_TOPIC
from mot_ros.data.bags.types import COMPRESSED_IMAGE, DETECTIONS, IMAGE
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.datasets.mot import Ints, MotRows
from mot_ros.data.datasets.mot_folder import write_info
from mot_ros.data.output import encode_image, VideoWriter
from mot_ros.data.video.frame_source import FrameSource
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.output_file import new_folder
from mot_ros.tracking.sequence import NANOSECONDS
from mot_ros.tracking.types import Frame

Progress = Callable[[FrameSource], Iterable[Frame]]
"""Goes through the frames, and shows how far it is."""
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class BagLayout:
    """
    What a bag is made like.

    JPEG of `quality` (1 to 100), or uncompressed images for None. The frame of index i is
    stamped `first_stamp` + i / fps seconds; not 0, which stands for a missing stamp.
    """

    topic: str = IMAGE_TOPIC
    storage: str = 'mcap'
    quality: int | None = None
    frame_id: str = 'camera'
    first_stamp: float = 1.0


def write_bag(
        source: FrameSource, path: Path, layout: BagLayout, boxes: Mapping[str, MotRows],
        progress: Progress = iter, labels: Mapping[str, Ints] | None = None) -> list[str]:
    """
    Write images, and for each image the boxes of every topic in `boxes`; return mismatches.

    Frame n of the boxes is the frame of index n - 1 of the source. `labels` (N,) are the classes
    of the rows of a topic, 0 where it has none. The same input gives the same bytes.
    """
    topics = {layout.topic: IMAGE if layout.quality is None else COMPRESSED_IMAGE}
    topics |= dict.fromkeys(boxes, DETECTIONS)
    if len(topics) < len(boxes) + 1:
        raise SourceError(f'{layout.topic} is wanted for images and for boxes; name another topic')
    first = round(layout.first_stamp * NANOSECONDS)
    frames: list[int] = []
    with new_folder(path, make=False) as folder, \
            BagWriter(folder, topics, layout.storage, whole=True) as writer:
        for frame in progress(source):
            index = source.index_of(frame)
            frames.append(index + 1)
            stamp = first + round(frame.stamp * NANOSECONDS)
            if layout.quality is None:
                writer.write_image(layout.topic, stamp, pixels(frame), layout.frame_id)
            else:
                writer.write_jpeg(
                    layout.topic, stamp, pixels(frame), layout.quality, layout.frame_id)
            for topic, rows in boxes.items():
                here = rows.span(index + 1)
                kinds = labels[topic][here] if labels and topic in labels else None
                writer.write_boxes(topic, stamp, rows[here], layout.frame_id, kinds)
    return left_out(source, frames, boxes)


def write_mot(
        source: FrameSource, folder: Path, truth: MotRows | None = None,
        detections: MotRows | None = None, quality: int = 95,
        progress: Progress = iter, classes: Ints | None = None) -> list[str]:
    """
    Write img1/*.jpg, gt/gt.txt, det/det.txt and seqinfo.ini; return mismatches.

    Frames are numbered from 1 in the order of what is written, and the boxes with them. With the
    `classes` (N,) of the truth its lines are those of MOT16, else those of MOT15.
    """
    frames: list[int] = []
    stamps: list[float] = []
    with new_folder(folder) as part:
        (part / 'img1').mkdir()
        for frame in progress(source):
            frames.append(source.index_of(frame) + 1)
            stamps.append(frame.stamp)
            write_jpeg(part / 'img1' / f'{len(frames):06d}.jpg', pixels(frame), quality)
        boxes = {name: rows for name, rows in (('gt', truth), ('det', detections))
                 if rows is not None}
        for name, rows in boxes.items():
            (part / name).mkdir()
            (part / name / f'{name}.txt').write_text(
                ''.join(_lines(rows, frames, classes if name == 'gt' else None)),
                encoding='ascii')
        write_info(part, source.fps, len(frames), source.size)
    return left_out(source, frames, boxes) + uneven(stamps, source.fps)


def write_video(source: FrameSource, path: Path, progress: Progress = iter) -> list[str]:
    """Write the images as .mp4 or .avi at the rate of the source; return mismatches."""
    stamps: list[float] = []
    with VideoWriter(path, source.fps, whole=True) as writer:
        for frame in progress(source):
            writer.write(pixels(frame))
            stamps.append(frame.stamp)
    return uneven(stamps, source.fps)


def pixels(frame: Frame) -> Image:
    """Return the image of a frame that came from a source, which is in host memory."""
    return cast(Image, frame.image)


def write_jpeg(path: Path, image: Image, quality: int) -> None:
    """Write an image; `quality` from 1 to 100."""
    # not by OpenCV, which takes a file that a full disk cut for a whole one
    path.write_bytes(encode_image(path, image, (cv2.IMWRITE_JPEG_QUALITY, quality)))


def _lines(
        rows: MotRows, frames: Sequence[int], classes: Ints | None = None) -> Iterator[str]:
    for number, frame in enumerate(frames, 1):
        here = rows.span(frame)
        found = rows[here]
        # MOT16 and later have the class and how much of the object is visible
        ends = ['-1,-1,-1'] * len(found) if classes is None else [
            f'{kind},1' for kind in classes[here].tolist()]
        for identity, (x1, y1, x2, y2), value, end in zip(
                found.ids.tolist(), found.boxes.tolist(), found.values.tolist(), ends,
                strict=True):
            box = ','.join(map(_short, (x1, y1, x2 - x1, y2 - y1)))
            yield f'{number},{identity},{box},{value:.6g},{end}\n'


def _short(number: float) -> str:
    """Return a number to a thousandth of a pixel, as MOTChallenge gives them."""
    text = f'{number:.3f}'.rstrip('0').rstrip('.')
    return '0' if text == '-0' else text


def left_out(
        source: FrameSource, frames: Sequence[int], boxes: Mapping[str, MotRows]) -> list[str]:
    """Say which boxes had no image, apart from those that were not asked for."""
    found = []
    length = source.length
    limited = length is not None and (
        source.announced is None or source.start + length < source.announced)
    for name, rows in boxes.items():
        lost = (rows.frames > source.start) & ~np.isin(rows.frames, frames)
        if limited:
            lost &= rows.frames <= max(frames, default=0)
        if lost.any():
            found.append(
                f'{int(lost.sum())} boxes of {name} have no image and are left out, the first is '
                f'in frame {int(rows.frames[lost][0])}')
    return found


def uneven(stamps: Sequence[float], fps: float) -> list[str]:
    """Say that stamps are lost where frames are spaced evenly."""
    steps = np.diff(np.array(stamps)) * fps
    odd = int((np.abs(steps - 1) > 0.5).sum())
    if not odd:
        return []
    return [f'{odd} of {len(steps)} steps between stamps are not of 1/{fps:g} s; what was '
            'written has no stamps, and spaces its frames evenly']
