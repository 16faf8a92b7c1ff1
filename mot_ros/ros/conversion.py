# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Convert between messages and the types of mot_ros; pure functions."""

from __future__ import annotations

import array
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from builtin_interfaces.msg import Time
import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    Point2D,
    Pose2D,
    VisionClass,
)

from mot_ros.data.decode import ImageError, Pixels
from mot_ros.ros.bridge import to_bgr
from mot_ros.ros.message_columns import make_messages
from mot_ros.ros.usable_boxes import columns_of_usable
from mot_ros.tracking.boxes import area, clip, xyxy_to_cxcywh
from mot_ros.tracking.sequence import NANOSECONDS
from mot_ros.tracking.types import Floats, Tracks, TrackState, UNKNOWN_SIZE

if TYPE_CHECKING:
    from mot_ros_msgs.msg import TrackArray

__all__ = [
    'ImageError', 'to_bgr', 'to_compressed_image', 'to_detections', 'to_image', 'to_label_info',
    'to_nanoseconds', 'to_seconds', 'to_stamp', 'to_track_array', 'to_tracks']


def to_image(bgr: Pixels, header: Header) -> Image:
    """Wrap a BGR image (H, W, 3) into a message of encoding bgr8."""
    height, width, channels = bgr.shape
    message = Image(
        header=header, height=height, width=width, encoding='bgr8', step=width * channels)
    message.data = _to_array(bgr)
    return message


def to_compressed_image(bgr: Pixels, header: Header, quality: int) -> CompressedImage:
    """Wrap a BGR image (H, W, 3) as a JPEG of `quality` 1 to 100, as image_transport names it."""
    _, content = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    message = CompressedImage(header=header, format='bgr8; jpeg compressed bgr8')
    message.data = _to_array(np.asarray(content, np.uint8))
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


def to_nanoseconds(stamp: Time) -> int:
    """Return a stamp in nanoseconds, exactly."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def to_stamp(seconds: float) -> Time:
    """Return seconds since the epoch as a stamp, to the nearest nanosecond."""
    whole, nanoseconds = divmod(round(seconds * NANOSECONDS), NANOSECONDS)
    return Time(sec=whole, nanosec=nanoseconds)


def to_detections(
        tracks: Tracks, header: Header, size: tuple[int, int], *,
        id_prefix: str = '', amodal: bool = False,
        class_id: Callable[[int], str] = str) -> Detection2DArray:
    """
    Return the confirmed tracks observed in an image of `size` (width, height).

    Boxes are cut to the image unless `amodal`; a track with nothing left in the image is not
    published. Where the size is unknown neither happens. The header is the image's, for the
    array and for each detection; `class_id` says what a label is published as.
    """
    seen = tracks.observed
    boxes = seen.boxes
    if size != UNKNOWN_SIZE:
        cut = clip(boxes, size)
        inside = area(cut) > 0
        boxes, seen = (boxes if amodal else cut)[inside], seen[inside]
    message = Detection2DArray(header=header)
    count = len(boxes)
    hypotheses = make_messages(
        ObjectHypothesis(), count, class_id=map(class_id, seen.labels.tolist()),
        score=seen.scores.tolist())
    posed = make_messages(ObjectHypothesisWithPose(), count, hypothesis=hypotheses)
    message.detections = make_messages(
        Detection2D(header=header), count, results=([each] for each in posed),
        bbox=_bounding_boxes(boxes), id=[f'{id_prefix}{number}' for number in seen.ids.tolist()])
    return message


def to_tracks(message: Detection2DArray, left_out: Counter[str] | None = None) -> Tracks:
    """
    Return published detections as observed tracks, for drawing and for text files.

    The id is the number at the end of the string, or made from all of it where there is none;
    what the message does not hold (ages, velocities) is 0. Unusable boxes are left out, and
    counted by reason in `left_out`.
    """
    seen, unusable = columns_of_usable(message)
    if left_out is not None:
        left_out.update(unusable)
    count = len(seen.ids)
    zeros = np.zeros(count, np.float32)
    return Tracks(
        seen.boxes.astype(np.float32), np.nan_to_num(seen.scores).astype(np.float32),
        seen.labels, seen.ids, np.full(count, TrackState.CONFIRMED, np.uint8), zeros, zeros,
        np.zeros((count, 2), np.float32), np.ones(count, np.float32), np.full(count, -1))


def to_track_array(
        tracks: Tracks, header: Header, *, id_prefix: str = '',
        class_id: Callable[[int], str] = str) -> TrackArray:
    """Return every live track, lost and tentative ones too, with its box as filtered, uncut."""
    from mot_ros_msgs.msg import Track, TrackArray

    message = TrackArray(header=header)
    velocity_x, velocity_y = tracks.velocities.T.tolist()
    message.tracks = make_messages(
        Track(), len(tracks.ids),
        id=[f'{id_prefix}{number}' for number in tracks.ids.tolist()],
        state=tracks.states.tolist(), class_id=map(class_id, tracks.labels.tolist()),
        score=tracks.scores.tolist(), visibility=tracks.visibilities.tolist(),
        bbox=_bounding_boxes(tracks.boxes), velocity_x=velocity_x, velocity_y=velocity_y,
        age=tracks.ages.tolist(), time_since_seen=tracks.unseen.tolist())
    return message


def to_label_info(names: Sequence[str], header: Header, threshold: float) -> LabelInfo:
    """Return what the class ids in the detections mean, and the least score looked at."""
    return LabelInfo(
        header=header, threshold=threshold,
        class_map=[VisionClass(class_id=label, class_name=name)
                   for label, name in enumerate(names)])


def _bounding_boxes(boxes: Floats) -> list[BoundingBox2D]:
    x, y, width, height = xyxy_to_cxcywh(boxes.astype(np.float64)).T.tolist()
    points = make_messages(Point2D(), len(boxes), x=x, y=y)
    centres = make_messages(Pose2D(), len(boxes), position=points)
    return make_messages(
        BoundingBox2D(), len(boxes), center=centres, size_x=width, size_y=height)
