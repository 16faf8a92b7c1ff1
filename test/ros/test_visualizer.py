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

"""The visualizer node in a process of its own."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_bench import BEST_EFFORT, camera_image, python, ros_args
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesisWithPose,
    VisionClass,
)

from mot_ros.ros.conversion import to_bgr, to_stamp


def tracks_at(stamp, *centres):
    """Return tracks of 30x60 pixels around (x, y), ids from 1."""
    message = Detection2DArray(header=Header(stamp=to_stamp(stamp), frame_id='camera'))
    for number, (x, y) in enumerate(centres, 1):
        detection = Detection2D(header=message.header, id=str(number))
        detection.bbox.center.position.x, detection.bbox.center.position.y = float(x), float(y)
        detection.bbox.size_x, detection.bbox.size_y = 30.0, 60.0
        message.detections.append(detection)
    return message


@pytest.fixture
def visualizer(bench, start):
    """Start it; returns the process, our camera, our tracks and a way to watch."""
    child = start(python('mot_ros.ros.visualizer', *ros_args()))
    camera = bench.camera(BEST_EFFORT)
    tracks = bench.node.create_publisher(Detection2DArray, 'tracks', 10)
    bench.until(
        lambda: bench.node.count_publishers('/visualizer/debug_image'), 'its topic', child=child)

    def watch():
        images = bench.collect(Image, '/visualizer/debug_image')
        numbers = itertools.count(1)

        def comes_back():
            # a topic that is known need not be connected yet, so empty pairs are sent until then
            stamp = next(numbers) / 1000
            camera.publish(camera_image(stamp))
            tracks.publish(tracks_at(stamp))
            deadline = time.monotonic() + 0.5
            while time.monotonic() < deadline:
                bench.spin()
                if images and images[-1].header.stamp == to_stamp(stamp):
                    return True
            return False

        bench.until(comes_back, 'a debug image', child=child)
        images.clear()
        return images

    return child, camera, tracks, watch


def test_it_works_only_while_somebody_watches(bench, visualizer):
    child, camera, _, watch = visualizer
    # it has been up long enough to look around for subscribers more than once
    bench.node.create_publisher(LabelInfo, 'label_info', 1)
    bench.until(lambda: bench.node.count_subscribers('label_info'), 'it is up', child=child)
    for _ in range(20):
        bench.spin(0.05)
    assert camera.get_subscription_count() == 0

    watch()
    subscription = next(
        subscription for subscription in bench.node.subscriptions
        if subscription.topic_name == '/visualizer/debug_image')
    bench.node.destroy_subscription(subscription)
    bench.until(lambda: camera.get_subscription_count() == 0, 'it stops', child=child)


@pytest.mark.parametrize('image_first', [True, False])
def test_boxes_are_drawn_onto_the_image_of_the_same_stamp(bench, visualizer, image_first):
    child, camera, tracks, watch = visualizer
    images = watch()
    # one stamp is a nanosecond off: it belongs to no image
    steps = [lambda: camera.publish(camera_image(5.5, frame_id='optical')),
             lambda: tracks.publish(tracks_at(5.5, (80, 60))),
             lambda: tracks.publish(tracks_at(5.4, (10, 60)))]
    for step in steps if image_first else [steps[1], steps[2], steps[0]]:
        step()
    bench.until(lambda: images, 'a debug image', child=child)
    camera.publish(camera_image(6.0))
    tracks.publish(tracks_at(6.0))
    bench.until(lambda: len(images) == 2, 'the next debug image', child=child)

    drawn, empty = (to_bgr(image).astype(int) for image in images)
    assert images[0].header.frame_id == 'optical'
    assert images[0].header.stamp == to_stamp(5.5)
    left, right = 80 - 15, 80 + 15
    for x in (left, right):
        assert drawn[40:80, x - 3:x + 4].max(axis=(1, 2)).min() > 50, 'an edge of the box'
    assert drawn[:, :30].max() == 0, 'the box of another stamp'
    # a trail of one point is no line, and there are no tracks
    assert np.count_nonzero(empty) == 0
    assert child.stop() == 0
    assert 'Traceback' not in child.text


def test_trails_follow_and_are_cut_when_time_jumps_back(bench, visualizer):
    child, camera, tracks, watch = visualizer
    images = watch()

    def show(stamp, *centres):
        camera.publish(camera_image(stamp))
        tracks.publish(tracks_at(stamp, *centres))
        count = len(images) + 1
        bench.until(lambda: len(images) == count, 'a debug image', child=child)
        return to_bgr(images[-1])

    for number in range(6):
        show(10 + number * 0.1, (30 + 10 * number, 60))
    # the trail stays for a while after the box is gone
    after = show(10.6)
    foot = after[86:95].max(axis=(0, 2))
    assert np.count_nonzero(foot[30:80]) > 30
    assert np.count_nonzero(show(2.0)) == 0


def test_class_names_come_from_label_info(bench, visualizer):
    child, camera, tracks, watch = visualizer
    images = watch()
    message = tracks_at(5.0, (80, 60))
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id, result.hypothesis.score = '0', 0.5
    message.detections[0].results = [result]
    info = bench.node.create_publisher(
        LabelInfo, 'label_info', QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))

    def show():
        count = len(images) + 1
        camera.publish(camera_image(5.0))
        tracks.publish(message)
        bench.until(lambda: len(images) == count, 'a debug image', child=child)
        return to_bgr(images[-1])

    without = show()
    assert (show() == without).all()
    info.publish(LabelInfo(class_map=[VisionClass(class_id=0, class_name='somebody')]))
    bench.until(lambda: (show() != without).any(), 'the name on the image', child=child)


def test_an_image_that_cannot_be_decoded_does_no_harm(bench, visualizer):
    child, camera, tracks, watch = visualizer
    images = watch()
    broken = camera_image(5.0)
    broken.encoding = 'nonsense'
    camera.publish(broken)
    tracks.publish(tracks_at(5.0, (80, 60)))
    camera.publish(camera_image(6.0))
    tracks.publish(tracks_at(6.0, (80, 60)))
    bench.until(lambda: images, 'a debug image', child=child)
    assert images[0].header.stamp.sec == 6
    bench.until(lambda: "'nonsense'" in child.text, 'the warning', child=child)
