# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Read and write the messages of the locator in their serialised form (CDR, little endian).

rclpy makes a dozen objects for each box, which takes 3 ms for 50 boxes in and 1.5 ms out, more
than locating them. What is not in the usual encoding goes through rclpy.
"""

from __future__ import annotations

import itertools
import struct

from builtin_interfaces.msg import Time
import numpy as np
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    Point2D,
    Pose2D,
)

from mot_ros.data.limits import FARTHEST
from mot_ros.ros.locating.located_messages import (
    LocatedFrame,
    pose_covariances,
    WIDTH,
)
from mot_ros.ros.message_columns import make_messages
from mot_ros.ros.usable_boxes import FINEST, LONGEST_ID, MOST_BOXES
from mot_ros.tracking.types import Doubles

PLAIN = b'\x00\x01\x00\x00'
"""How a message begins in plain CDR, little endian."""
STAMP = struct.Struct('<iI')
LENGTH = struct.Struct('<I')
SCORE = struct.Struct('<d')
POSE = (7 + 36) * 8
"""Bytes of a pose with its covariance."""
BOX = struct.Struct('<5d')


def read_detections(raw: bytes) -> tuple[Detection2DArray, Doubles | None]:
    """
    Return a serialised vision_msgs/Detection2DArray; poses of hypotheses are left out.

    The boxes (N, 4) xyxy come with it where each of them is plainly usable, as usable_boxes has
    it. Raises what rclpy raises for data that is damaged.
    """
    if raw[:4] == PLAIN:
        try:
            return _Reader(raw).message()
        except (struct.error, UnicodeDecodeError):
            pass
    found: Detection2DArray = deserialize_message(raw, Detection2DArray)
    return found, None


def plain_boxes(boxes: Doubles) -> Doubles | None:
    """Return boxes (N, 5) of x, y, theta, width and height as xyxy; None if one is odd."""
    places, sizes = boxes[:, :2], boxes[:, 3:]
    corners = np.concatenate([places - sizes / 2, places + sizes / 2], 1)
    # written so that NaN is odd too
    farthest = np.abs(corners).max(1, initial=0.0)
    usual = (farthest <= FARTHEST) & (boxes[:, 2] == 0) & (
        sizes.min(1, initial=np.inf) > FINEST * farthest)
    return corners if len(boxes) <= MOST_BOXES and usual.all() else None


class _Reader:
    """Reads from `at` on, which counts from the end of the encapsulation."""

    def __init__(self, raw: bytes) -> None:
        self._raw = memoryview(raw)[4:]
        self._at = 0
        self._classes: list[str] = []
        self._scores: list[float] = []

    def message(self) -> tuple[Detection2DArray, Doubles | None]:
        header = self._header()
        packed = bytes(self._raw[:self._at])
        headers, counts, boxes, names = [], [], [], []
        for _ in range(self._length()):
            headers.append(self._same(packed, header))
            counts.append(self._length())
            for _ in range(counts[-1]):
                self._hypothesis()
            self._at = (self._at + 7) & ~7
            boxes.append(BOX.unpack_from(self._raw, self._at))
            self._at += BOX.size
            names.append(self._text())
        x, y, theta, width, height = zip(*boxes, strict=True) if boxes else ((),) * 5
        count = len(names)
        centres = make_messages(
            Pose2D(), count, position=make_messages(Point2D(), count, x=x, y=y), theta=theta)
        hypotheses = iter(make_messages(
            ObjectHypothesisWithPose(), len(self._scores), hypothesis=make_messages(
                ObjectHypothesis(), len(self._scores), class_id=self._classes,
                score=self._scores)))
        message = Detection2DArray(header=header, detections=make_messages(
            Detection2D(), count, header=headers,
            results=[list(itertools.islice(hypotheses, some)) for some in counts], id=names,
            bbox=make_messages(
                BoundingBox2D(), count, center=centres, size_x=width, size_y=height)))
        short = max(map(len, [*names, *self._classes]), default=0) <= LONGEST_ID
        return message, plain_boxes(np.array(boxes, np.float64).reshape(-1, 5)) if short else None

    def _same(self, packed: bytes, header: Header) -> Header:
        """Return `header` where it comes again, as `packed`; else the other one."""
        self._at = (self._at + 3) & ~3
        if self._raw[self._at:self._at + len(packed)] == packed:
            self._at += len(packed)
            return header
        return self._header()

    def _header(self) -> Header:
        self._at = (self._at + 3) & ~3
        seconds, nanoseconds = STAMP.unpack_from(self._raw, self._at)
        self._at += STAMP.size
        return Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=self._text())

    def _hypothesis(self) -> None:
        self._classes.append(self._text())
        self._at = (self._at + 7) & ~7
        self._scores += SCORE.unpack_from(self._raw, self._at)
        self._at += SCORE.size + POSE

    def _length(self) -> int:
        self._at = (self._at + 3) & ~3
        length, = LENGTH.unpack_from(self._raw, self._at)
        self._at += LENGTH.size
        return int(length)

    def _text(self) -> str:
        length = self._length()
        end = self._at + length
        if end > len(self._raw) or not length:
            raise struct.error('the text breaks off')
        text = str(self._raw[self._at:end - 1], 'utf-8')
        self._at = end
        return text


def write_detections_3d(frame: LocatedFrame) -> bytes:
    """Return what to_detections_3d makes, serialised."""
    header = _packed_header(frame.header)
    count = len(frame.detections)
    # score, pose, covariance, centre and size of the box lie beside each other
    table = np.zeros((count, 1 + 7 + 36 + 7 + 3))
    table[:, 0] = [each.results[0].hypothesis.score if each.results else 0.0
                   for each in frame.detections]
    table[:, 1:4] = table[:, 44:47] = frame.state.positions
    table[:, 7] = table[:, 50] = 1.0
    table[:, 8:44] = pose_covariances(frame.state.covariances[:, :3, :3])
    table[:, 51:53] = WIDTH
    table[:, 53] = frame.placed.heights
    rows = memoryview(table.astype('<f8').tobytes())
    size = table.shape[1] * 8
    packed = bytearray(header)
    _pad(packed, 4)
    packed += LENGTH.pack(count)
    for number, each in enumerate(frame.detections):
        _pad(packed, 4)
        packed += header
        _pad(packed, 4)
        packed += LENGTH.pack(1)
        _add_text(packed, each.results[0].hypothesis.class_id if each.results else '')
        _pad(packed, 8)
        packed += rows[number * size:(number + 1) * size]
        _add_text(packed, each.id)
    return PLAIN + bytes(packed)


def _packed_header(header: Header) -> bytes:
    packed = bytearray(STAMP.pack(header.stamp.sec, header.stamp.nanosec))
    _add_text(packed, header.frame_id)
    return bytes(packed)


def _add_text(packed: bytearray, text: str) -> None:
    _pad(packed, 4)
    data = text.encode()
    packed += LENGTH.pack(len(data) + 1) + data + b'\0'


def _pad(packed: bytearray, to: int) -> None:
    packed += bytes(-len(packed) % to)
