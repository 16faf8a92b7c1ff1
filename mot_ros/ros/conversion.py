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

"""Messages to and from mot_ros' types: pure functions, no node."""

from __future__ import annotations

import array
from collections.abc import Sequence
import re
from typing import Any, TYPE_CHECKING
import zlib

from builtin_interfaces.msg import Time
import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesisWithPose,
    VisionClass,
)

from mot_ros.tracking.boxes import area, clip, xyxy_to_cxcywh
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.types import Floats, Tracks, TrackState

if TYPE_CHECKING:
    from mot_ros_msgs.msg import TrackArray

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
"""Encodings that are left to cv_bridge or rosbags-image: bytes per pixel."""


class ImageError(FrameError):
    """An image message that cannot be decoded; `reason` is the short name it is counted under."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def to_bgr(message: Image) -> Pixels:
    """
    Return the image as (H, W, 3) uint8 BGR; raises ImageError if the message is inconsistent.

    A bgr8 image is not copied: the result is a view into the message, its rows `step` apart.
    """
    if message.encoding in _TO_BGR:
        channels, conversion = _TO_BGR[message.encoding]
        rows = _rows(message, channels)
        view = rows.reshape(message.height, message.width, channels)
        return view if conversion is None else np.asarray(cv2.cvtColor(view, conversion), np.uint8)
    if message.encoding in _BY_LIBRARY:
        return _by_library(message, _rows(message, _BY_LIBRARY[message.encoding]))
    raise ImageError(
        'encoding',
        f'image encoding is {message.encoding!r}; publish one of '
        f'{", ".join([*_TO_BGR, *_BY_LIBRARY])}')


def _rows(message: Image, pixel: int) -> Pixels:
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


def _by_library(message: Image, rows: Pixels) -> Pixels:
    """Convert with cv_bridge where ROS has one that works, else with rosbags-image."""
    # both ignore step and would shear the picture, so the rows are packed first
    packed = Image(
        header=message.header, height=message.height, width=message.width,
        encoding=message.encoding, is_bigendian=message.is_bigendian, step=rows.shape[1])
    packed.data = _to_array(rows)
    try:
        # built against another NumPy it raises more than ImportError
        from cv_bridge import CvBridge
        convert: Any = CvBridge().imgmsg_to_cv2
    except Exception:
        try:
            from rosbags.image import message_to_cvimage
            convert = message_to_cvimage
        except ImportError as error:
            raise ImageError(
                'encoding', f'image encoding {message.encoding!r} needs cv_bridge or '
                f'rosbags-image ({error}): install one of them, or publish '
                f'{", ".join(_TO_BGR)}') from error
    try:
        return np.ascontiguousarray(convert(packed, 'bgr8'), np.uint8)
    except Exception as error:
        raise ImageError(
            'encoding', f'image of {message.width}x{message.height} in {message.encoding!r} could '
            f'not be converted ({error}): publish {", ".join(_TO_BGR)}') from error


def to_image(bgr: Pixels, header: Header) -> Image:
    """Wrap a BGR image (H, W, 3) into a message of encoding bgr8."""
    height, width, channels = bgr.shape
    message = Image(
        header=header, height=height, width=width, encoding='bgr8', step=width * channels)
    message.data = _to_array(bgr)
    return message


def _to_array(pixels: Pixels) -> array.array[int]:
    # rclpy takes an array.array as it is; a list, an ndarray or, on Humble, bytes would be
    # checked element by element, 100 ms and more for a camera image
    data = array.array('B')
    data.frombytes(np.ascontiguousarray(pixels).data.cast('B'))
    return data


def to_seconds(stamp: Time) -> float:
    """Return a stamp in seconds; a double resolves 0.25 us of today's epoch."""
    return float(stamp.sec + stamp.nanosec * 1e-9)


def to_stamp(seconds: float) -> Time:
    """Return seconds since the epoch as a stamp, to the nearest nanosecond."""
    whole, nanoseconds = divmod(round(seconds * 1e9), 1_000_000_000)
    return Time(sec=whole, nanosec=nanoseconds)


def to_detections(
        tracks: Tracks, header: Header, size: tuple[int, int], *,
        id_prefix: str = '', amodal: bool = False) -> Detection2DArray:
    """
    Return the confirmed tracks observed in an image of `size` (width, height).

    Boxes are cut to the image unless `amodal`; a track with nothing left in the image is not
    published. The header is the image's, for the array and for each detection.
    """
    tracks = tracks.observed
    cut = clip(tracks.boxes, size)
    inside = area(cut) > 0
    boxes = (tracks.boxes if amodal else cut)[inside]
    seen = tracks[inside]
    message = Detection2DArray(header=header)
    message.detections = [
        Detection2D(
            header=header, id=f'{id_prefix}{number}', bbox=bbox, results=[_hypothesis(*what)])
        for number, bbox, what in zip(
            seen.ids.tolist(), _bounding_boxes(boxes),
            zip(seen.labels.tolist(), seen.scores.tolist(), strict=True), strict=True)]
    return message


def to_tracks(message: Detection2DArray) -> Tracks:
    """
    Return published detections as observed tracks, for drawing and for text files.

    The id is the number at the end of the string, or made from all of it where there is none;
    what the message does not hold (ages, velocities) is 0.
    """
    count = len(message.detections)
    boxes = np.zeros((count, 4), np.float32)
    scores, labels = np.zeros(count, np.float32), np.zeros(count, np.int64)
    ids = np.zeros(count, np.int64)
    for row, detection in enumerate(message.detections):
        centre, bbox = detection.bbox.center.position, detection.bbox
        boxes[row] = (centre.x - bbox.size_x / 2, centre.y - bbox.size_y / 2,
                      centre.x + bbox.size_x / 2, centre.y + bbox.size_y / 2)
        number = re.search(r'[0-9]{1,18}$', detection.id)
        ids[row] = int(number.group()) if number else zlib.crc32(detection.id.encode())
        if detection.results:
            hypothesis = detection.results[0].hypothesis
            scores[row] = hypothesis.score
            labels[row] = int(hypothesis.class_id) if hypothesis.class_id.isdecimal() else -1
    zeros = np.zeros(count, np.float32)
    return Tracks(
        boxes, scores, labels, ids, np.full(count, TrackState.CONFIRMED, np.uint8), zeros, zeros,
        np.zeros((count, 2), np.float32), np.ones(count, np.float32), np.full(count, -1))


def to_track_array(tracks: Tracks, header: Header, *, id_prefix: str = '') -> TrackArray:
    """Return every live track, lost and tentative ones too, with its box as filtered, uncut."""
    from mot_ros_msgs.msg import Track, TrackArray

    message = TrackArray(header=header)
    message.tracks = [
        Track(
            id=f'{id_prefix}{tracks.ids[row]}',
            state=int(tracks.states[row]),
            class_id=str(tracks.labels[row]),
            score=float(tracks.scores[row]),
            visibility=float(tracks.visibilities[row]),
            bbox=bbox,
            velocity_x=float(tracks.velocities[row, 0]),
            velocity_y=float(tracks.velocities[row, 1]),
            age=float(tracks.ages[row]),
            time_since_seen=float(tracks.unseen[row]))
        for row, bbox in enumerate(_bounding_boxes(tracks.boxes))]
    return message


def to_label_info(names: Sequence[str], header: Header, threshold: float) -> LabelInfo:
    """Return what the class ids in the detections mean, and the least score looked at."""
    return LabelInfo(
        header=header, threshold=threshold,
        class_map=[VisionClass(class_id=label, class_name=name)
                   for label, name in enumerate(names)])


def _bounding_boxes(boxes: Floats) -> list[BoundingBox2D]:
    result = []
    for x, y, width, height in xyxy_to_cxcywh(boxes.astype(np.float64)).tolist():
        bbox = BoundingBox2D(size_x=width, size_y=height)
        bbox.center.position.x = x
        bbox.center.position.y = y
        result.append(bbox)
    return result


def _hypothesis(label: int, score: float) -> ObjectHypothesisWithPose:
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id = str(label)
    result.hypothesis.score = score
    return result
