# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The fast way to read and write messages is the way of rclpy."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('tf2_msgs.msg')

from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    Detection3DArray,
    ObjectHypothesisWithPose,
)

from mot_ros.localisation.placements import Placements
from mot_ros.localisation.world_filter import WorldState
from mot_ros.ros.locating.cdr import PLAIN, plain_boxes, read_detections, write_detections_3d
from mot_ros.ros.locating.located_messages import LocatedFrame, to_detections_3d
from mot_ros.ros.usable_boxes import MOST_BOXES, usable_boxes

TEXTS = st.text(st.characters(blacklist_characters='\0', blacklist_categories=['Cs']), max_size=9)
NUMBERS = st.floats(allow_nan=False)
HEADERS = st.builds(
    Header, frame_id=TEXTS, stamp=st.builds(
        Time, sec=st.integers(-2**31, 2**31 - 1), nanosec=st.integers(0, 2**32 - 1)))


@st.composite
def detections(draw, most_results=2):
    made = Detection2D(header=draw(HEADERS), id=draw(TEXTS))
    for _ in range(draw(st.integers(0, most_results))):
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = draw(TEXTS), draw(NUMBERS)
        made.results.append(result)
    made.bbox.center.position.x, made.bbox.center.position.y = draw(NUMBERS), draw(NUMBERS)
    made.bbox.center.theta = draw(NUMBERS)
    made.bbox.size_x, made.bbox.size_y = draw(NUMBERS), draw(NUMBERS)
    return made


@settings(max_examples=60, deadline=None)
@given(HEADERS, st.lists(detections(), max_size=3))
def test_what_is_read_is_what_rclpy_reads(header, found):
    message = Detection2DArray(header=header, detections=found)
    packed = serialize_message(message)
    read, boxes = read_detections(packed)
    assert read == deserialize_message(packed, Detection2DArray) == message
    detections, corners, left_out = usable_boxes(read, MOST_BOXES, scored=False)
    if boxes is not None:
        assert boxes.tolist() == [list(box) for box in corners]
        assert detections == read.detections and not left_out


@pytest.mark.parametrize('box, plain', [
    ((5.0, 6.0, 0.0, 2.0, 4.0), True), ((5.0, 6.0, 0.1, 2.0, 4.0), False),
    ((5.0, 6.0, 0.0, 0.0, 4.0), False), ((5.0, 6.0, 0.0, 2.0, -4.0), False),
    ((np.nan, 6.0, 0.0, 2.0, 4.0), False), ((5.0, np.inf, 0.0, 2.0, 4.0), False),
    ((1e10, 6.0, 0.0, 2.0, 4.0), False), ((1e8, 6.0, 0.0, 2.0, 4.0), False),
    ((5.0, 6.0, 0.0, np.nan, 4.0), False)])
def test_odd_boxes_take_the_careful_way(box, plain):
    found = plain_boxes(np.array([(1.0, 1.0, 0.0, 2.0, 2.0), box]))
    assert (found is not None) is plain
    assert plain_boxes(np.zeros((0, 5))).shape == (0, 4)


@settings(max_examples=60, deadline=None)
@given(HEADERS, st.lists(detections(1), max_size=3), st.integers(0, 2**32 - 1))
def test_what_is_written_is_what_rclpy_writes(header, found, seed):
    random, count = np.random.default_rng(seed), len(found)
    frame = LocatedFrame(
        header, found, Placements(
            np.arange(count), np.zeros((count, 3)), random.normal(size=count),
            np.zeros((count, 3, 3)), np.zeros((count, 3, 3)), np.zeros(count, np.int64)),
        WorldState(*random.normal(size=(2, count, 3)), random.normal(size=(count, 6, 6))))
    message = deserialize_message(write_detections_3d(frame), Detection3DArray)
    assert message == deserialize_message(
        serialize_message(to_detections_3d(frame)), Detection3DArray)
    assert [each.id for each in message.detections] == [each.id for each in found]


@settings(max_examples=60, deadline=None)
@given(HEADERS, st.lists(detections(), min_size=1, max_size=2), st.data())
def test_what_breaks_off_is_left_to_rclpy(header, found, data):
    packed = serialize_message(Detection2DArray(header=header, detections=found))
    broken = packed[:data.draw(st.integers(0, len(packed) - 1))]

    def outcome(read):
        try:
            return serialize_message(read(broken))
        except Exception as error:
            return type(error)

    assert outcome(lambda raw: read_detections(raw)[0]) == outcome(
        lambda raw: deserialize_message(raw, Detection2DArray))


def test_another_encoding_is_left_to_rclpy():
    packed = serialize_message(Detection2DArray(header=Header(frame_id='optical')))
    assert packed[:4] == PLAIN
    for encoding in (b'\x00\x00', b'\x07\x07'):
        other = encoding + packed[2:]
        try:
            wanted = deserialize_message(other, Detection2DArray)
        except Exception as error:
            with pytest.raises(type(error)):
                read_detections(other)
        else:
            assert read_detections(other)[0] == wanted
