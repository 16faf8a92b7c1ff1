# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Whatever a message of boxes holds costs that box or that frame, in every node."""

from __future__ import annotations

import copy
import math
import time

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

pytest.importorskip('rclpy')

from ros_bench import BEST_EFFORT, camera_image, python, ros_args
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from mot_ros.data.datasets.mot import read_tracks
from mot_ros.drawing import draw_tracks, Trails
from mot_ros.ros.conversion import to_bgr, to_stamp, to_tracks
from mot_ros.ros.pipeline.external_detections import ClassIds, to_our_detections
from mot_ros.ros.usable_boxes import columns_of_usable, MOST_BOXES

GOOD = {'x': 80.0, 'y': 60.0, 'width': 30.0, 'height': 60.0}
ODD = {
    'NaN': {'x': math.nan}, 'infinite': {'width': math.inf}, 'beyond float32': {'y': 1e300},
    'far away': {'x': 1e12}, 'negative': {'height': -5.0}, 'empty': {'width': 0.0},
    'NaN angle': {'theta': math.nan}}
FAR = [math.nan, math.inf, -math.inf, 1e308, -1e308, 1e9, 1e-320, 0.0, -1.0, 1.0, 2**63, 50.0]


def box(x=80.0, y=60.0, width=30.0, height=60.0, theta=0.0, score=0.9, class_id='0', name='7'):
    detection = Detection2D(id=name)
    detection.bbox.center.position.x, detection.bbox.center.position.y = x, y
    detection.bbox.center.theta = theta
    detection.bbox.size_x, detection.bbox.size_y = width, height
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id, result.hypothesis.score = class_id, score
    detection.results.append(result)
    return detection


def message(*detections, stamp=5.0):
    return Detection2DArray(
        header=Header(stamp=to_stamp(stamp), frame_id='camera'), detections=list(detections))


@pytest.mark.parametrize('odd', ODD.values(), ids=ODD)
def test_a_box_that_cannot_be_used_is_left_out_with_its_reason_and_no_other(odd):
    sent = message(box(), box(**odd), box(name='8'))
    columns, left_out = columns_of_usable(sent)
    assert columns.ids.tolist() == [7, 8]
    assert left_out.total() == 1
    ours, counted = to_our_detections(sent, ClassIds())
    assert len(ours) == 2
    assert counted == left_out


@pytest.mark.parametrize('class_id', ['12345678901234567890', '9' * 200, '', 'person', '\u0663'])
def test_a_class_id_that_is_no_usable_number_is_a_name(class_id):
    columns, left_out = columns_of_usable(message(box(class_id=class_id)))
    assert columns.labels.tolist() == [-1]
    assert not left_out
    ours, counted = to_our_detections(message(box(class_id=class_id)), ClassIds())
    assert len(ours) + counted.total() == 1


def test_the_best_boxes_are_kept_in_their_order_and_the_rest_is_counted():
    scores = [0.2, 0.9, math.nan, 0.5, 0.9, 0.1]
    sent = message(*(box(score=score, name=str(number)) for number, score in enumerate(scores)))
    ours, left_out = to_our_detections(sent, ClassIds(), most=3)
    assert ours.scores.tolist() == np.float32([0.9, 0.5, 0.9]).tolist()
    assert left_out.total() == 3
    assert any('3' in reason for reason in left_out)


def test_a_message_of_any_length_is_read_in_bounded_time():
    sent = message(*[copy.copy(box())] * 100_000)
    begin = time.process_time()
    columns, left_out = columns_of_usable(sent)
    assert len(columns.ids) == MOST_BOXES
    assert left_out.total() == 100_000 - MOST_BOXES
    assert time.process_time() - begin < 5.0


numbers = st.one_of(st.sampled_from(FAR), st.floats())


@given(st.lists(st.builds(
    box, x=numbers, y=numbers, width=numbers, height=numbers, theta=numbers, score=numbers,
    class_id=st.text(max_size=30).filter(lambda text: text.isprintable()),
    name=st.text(max_size=30).filter(lambda text: text.isprintable())), max_size=4))
def test_whatever_a_box_holds_it_can_be_drawn_and_tracked(detections):
    sent = message(*detections)
    tracks, picture, trails = to_tracks(sent), np.zeros((48, 64, 3), np.uint8), Trails()
    for stamp in (0.0, 0.1):
        trails.update(stamp, tracks)
        draw_tracks(picture, tracks, ['person'], trails)
    ours, left_out = to_our_detections(sent, ClassIds())
    assert np.isfinite(ours.boxes).all()
    assert len(ours) + left_out.total() == len(detections)


def test_the_recorder_records_on_and_counts(bench, start, tmp_path):
    child = start(python('mot_ros.ros.nodes.recorder', *ros_args(
        output=tmp_path / 'out', video=True)))
    tracks = bench.node.create_publisher(Detection2DArray, 'tracks', 1000)
    images = bench.node.create_publisher(Image, 'debug_image', 100)
    bench.until(lambda: tracks.get_subscription_count() and images.get_subscription_count(),
                'the recorder', child=child)
    images.publish(camera_image(1.0, size=(160, 120)))
    images.publish(camera_image(1.1, size=(1, 9000)))
    tracks.publish(message(box(class_id='12345678901234567890')))
    tracks.publish(message(*(box(**odd) for odd in ODD.values()), stamp=6.0))
    tracks.publish(message(box(), stamp=7.0))
    bench.until(lambda: bench.status('recorder: recording').get('frames recorded') == '3',
                'all tracks', child=child)
    status = bench.next_status('recorder: recording')
    left_out = [int(count) for key, count in status.items() if 'left out' in key]
    assert sum(left_out) == len(ODD)
    assert child.stop() == 0, child.text
    rows = read_tracks(tmp_path / 'out' / 'tracks.txt')
    assert rows.frames.tolist() == [1, 3]
    assert 'Traceback' not in child.text


def test_the_visualizer_draws_the_next_image_and_says_what_it_left_out(bench, start):
    child = start(python('mot_ros.ros.nodes.visualizer'))
    camera = bench.camera(BEST_EFFORT)
    tracks = bench.node.create_publisher(Detection2DArray, 'tracks', 10)
    images = bench.collect(Image, '/visualizer/debug_image')
    stamp = 0.0

    def show(*detections):
        nonlocal stamp
        stamp += 0.1
        camera.publish(camera_image(stamp))
        tracks.publish(message(*detections, stamp=stamp))

    def comes_back():
        show()
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline and not images:
            bench.spin()
        return images

    bench.until(comes_back, 'a debug image', child=child)
    for odd in [*ODD.values(), {'class_id': '12345678901234567890'}]:
        images.clear()
        show(box(**odd), box(name='8'))
        bench.until(lambda: images, f'the image beside {odd}', timeout=20, child=child)
        assert to_bgr(images[-1]).any(), 'the good box is drawn'
    assert 'left out' in child.text
    assert child.stop() == 0
    assert 'Traceback' not in child.text


def test_the_tracker_counts_what_is_over_detector_max_detections(bench, start_tracker):
    child = start_tracker(
        queue='all', method='bytetrack', detector__type='external',
        detector__max_detections=2)
    sender = bench.node.create_publisher(Detection2DArray, 'detections', 10)
    tracks = bench.tracks()
    bench.until(sender.get_subscription_count, 'the tracker', child=child)
    stamp = 10.0

    def tracked():
        nonlocal stamp
        stamp += 0.1
        sender.publish(message(
            box(x=20.0, score=0.6), box(x=60.0), box(x=100.0, score=0.8), stamp=stamp))
        deadline = time.monotonic() + 0.3
        while time.monotonic() < deadline:
            bench.spin()
        return tracks and tracks[-1].detections

    bench.until(tracked, 'tracks', child=child)
    assert len(tracks[-1].detections) == 2
    status = bench.next_status()
    assert any('detector.max_detections' in key for key in status), status
    assert child.stop() == 0


def test_a_sheet_of_a_very_tall_image_stays_small():
    from mot_ros.contact_sheet import ContactSheet

    sheet = ContactSheet()
    sheet.add(np.zeros((60_000, 1, 3), np.uint8))
    sheet.add(cv2.merge([np.zeros((8, 8), np.uint8)] * 3))
    assert sheet.render().size < 30e6
