# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The visualizer node in a process of its own."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_bench import BEST_EFFORT, camera_image, picture, python, ros_args
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesisWithPose,
    VisionClass,
)
from visualization_msgs.msg import Marker, MarkerArray

from mot_ros.data.decode import compressed_to_bgr
from mot_ros.localisation.camera_model import CameraModel
from mot_ros.ros.conversion import to_bgr, to_compressed_image, to_stamp
from mot_ros.ros.markers import outlines
from mot_ros.ros.nodes import visualizer as module


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
    child = start(python('mot_ros.ros.nodes.visualizer', *ros_args()))
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


LENS = CameraInfo(
    header=Header(frame_id='optical'), width=160, height=120, distortion_model='plumb_bob',
    d=[-0.3, 0.1, 0.001, -0.001, 0.0], k=[150.0, 0, 82, 0, 150, 58, 0, 0, 1],
    p=[140.0, 0, 80, 0, 0, 140, 60, 0, 0, 0, 1, 0])


class Scene:
    """What a viewer has on its screen after the arrays so far."""

    def __init__(self):
        self.shown = {}

    def take(self, array):
        for marker in array.markers:
            if marker.action == Marker.DELETEALL:
                self.shown.clear()
            elif marker.action == Marker.ADD:
                self.shown[marker.ns, marker.id] = marker
            else:
                raise AssertionError(marker.action)

    @property
    def names(self):
        return sorted(marker.text for marker in self.shown.values() if marker.text)


@pytest.fixture
def watch_markers(bench, start):
    """Start a visualizer whose markers are watched, and return how to show tracks to it."""
    def begin(*remaps, topic='/camera_info', info=LENS, **parameters):
        child = start(python('mot_ros.ros.nodes.visualizer', *ros_args(*remaps, **parameters)))
        tracks = bench.node.create_publisher(Detection2DArray, 'tracks', 10)
        lens = bench.node.create_publisher(CameraInfo, topic, BEST_EFFORT)
        arrays = bench.collect(MarkerArray, '/visualizer/markers')
        numbers = itertools.count(1)

        def show(*centres):
            """Publish until the markers of these tracks are there; returns their array."""
            def come():
                stamp = to_stamp(next(numbers) / 1000)
                lens.publish(info)
                message = tracks_at(0, *centres)
                message.header.stamp = stamp
                tracks.publish(message)
                deadline = time.monotonic() + 0.5
                while time.monotonic() < deadline:
                    bench.spin()
                    if arrays and arrays[-1].markers[0].header.stamp == stamp:
                        return True
                return False

            bench.until(come, 'markers', child=child)
            return arrays[-1]

        return child, show, arrays

    return begin


@pytest.mark.parametrize('rectified', [True, False])
def test_markers_lie_where_the_boxes_are_seen(bench, watch_markers, rectified):
    _, show, _ = watch_markers(rectified=rectified, marker_lifetime=0.5)
    array = show((80, 60), (30, 50))
    _, boxes, *texts = array.markers
    camera = CameraModel.of(LENS, rectified=rectified)
    wanted = outlines(np.array([[65.0, 30, 95, 90], [15.0, 20, 45, 80]]), camera)
    points = np.array([(point.x, point.y) for point in boxes.points])
    np.testing.assert_allclose(points[::2], wanted.reshape(-1, 2))
    assert len(wanted[0]) == (4 if rectified else 32)
    assert [text.text for text in texts] == ['1', '2']
    for marker in array.markers[1:]:
        # in the frame of the image, so a viewer needs no transform
        assert marker.header.frame_id == 'camera'
        assert (marker.lifetime.sec, marker.lifetime.nanosec) == (0, 500_000_000)


def test_markers_that_go_leave_nothing_behind(bench, watch_markers):
    _, show, arrays = watch_markers()
    show((20, 60), (80, 60), (130, 60))
    show((20, 60))
    show()
    show((80, 60), (130, 60))
    scene, seen = Scene(), []
    for array in arrays:
        scene.take(array)
        if scene.names not in seen[-1:]:
            seen.append(scene.names)
    assert seen == [['1', '2', '3'], ['1'], [], ['1', '2']]


@pytest.mark.parametrize('remaps, topic', [
    (('image:=/front/image_raw',), '/front/camera_info'),
    (('image:=/front/image_raw', 'camera_info:=/mine'), '/mine'),
    # nobody publishes it beside the images
    (('image:=/front/image_raw',), '/camera_info')])
def test_the_calibration_is_found_beside_the_images_or_where_it_is_remapped_to(
        bench, watch_markers, remaps, topic):
    _, show, _ = watch_markers(*remaps, topic=topic)
    assert len(show((80, 60)).markers) == 3


def test_markers_need_no_image_and_inputs_only_while_watched(bench, visualizer):
    child, camera, tracks, _ = visualizer
    lens = bench.node.create_publisher(CameraInfo, 'camera_info', BEST_EFFORT)
    bench.node.create_publisher(LabelInfo, 'label_info', 1)
    bench.until(lambda: bench.node.count_subscribers('label_info'), 'it is up', child=child)
    for _ in range(20):
        bench.spin(0.05)
    inputs = camera, tracks, lens
    assert [publisher.get_subscription_count() for publisher in inputs] == [0, 0, 0]

    watching = bench.node.create_subscription(
        MarkerArray, '/visualizer/markers', lambda _: None, 10)
    bench.until(lambda: tracks.get_subscription_count() and lens.get_subscription_count(),
                'it subscribes', child=child)
    assert camera.get_subscription_count() == 0
    bench.node.destroy_subscription(watching)
    bench.until(lambda: not tracks.get_subscription_count() and not lens.get_subscription_count(),
                'it stops', child=child)

    bench.collect(CompressedImage, '/visualizer/debug_image/compressed')
    bench.until(camera.get_subscription_count, 'it draws for JPEG too', child=child)
    assert lens.get_subscription_count() == 0


def test_nothing_is_made_that_nobody_watches(bench, monkeypatch):
    def refuse(*_):
        raise AssertionError('nobody watches this')

    for name in ('to_compressed_image', 'to_markers'):
        monkeypatch.setattr(module, name, refuse)
    node = module.VisualizerNode(context=bench.node.context)
    executor = SingleThreadedExecutor(context=bench.node.context)
    executor.add_node(node)
    camera = bench.camera(BEST_EFFORT)
    tracks = bench.node.create_publisher(Detection2DArray, 'tracks', 10)
    lens = bench.node.create_publisher(CameraInfo, 'camera_info', BEST_EFFORT)
    images = bench.collect(Image, '/visualizer/debug_image')
    numbers = itertools.count(1)

    def come():
        stamp = next(numbers) / 1000
        lens.publish(LENS)
        camera.publish(camera_image(stamp))
        tracks.publish(tracks_at(stamp, (80, 60)))
        for _ in range(20):
            executor.spin_once(timeout_sec=0.01)
        return len(images) > 2

    try:
        bench.until(come, 'debug images')
        # the other way round
        monkeypatch.undo()
        for name in ('to_bgr', 'draw_tracks'):
            monkeypatch.setattr(module, name, refuse)
        bench.node.destroy_subscription(next(
            item for item in bench.node.subscriptions
            if item.topic_name == '/visualizer/debug_image'))
        bench.until(lambda: not bench.node.count_subscribers('/visualizer/debug_image'), 'gone')
        images[:] = []
        arrays = bench.collect(MarkerArray, '/visualizer/markers')

        def marked():
            come()
            return len(arrays) > 2

        bench.until(marked, 'markers')
    finally:
        executor.shutdown()
        node.destroy_node()


def test_a_missing_calibration_is_told_once_with_its_topic(bench, watch_markers):
    child, *_ = watch_markers('image:=/front/image_raw', topic='/elsewhere')
    told = 'no camera_info on /front/camera_info'
    bench.until(lambda: told in child.text, 'the warning', child=child)
    for _ in range(30):
        bench.spin(0.02)
    assert child.text.count(told) == 1
    assert 'camera_info:=TOPIC' in child.text


def test_a_calibration_that_says_nothing_is_told(bench, watch_markers):
    child, _, arrays = watch_markers()
    lens = bench.node.create_publisher(CameraInfo, 'camera_info', BEST_EFFORT)
    tracks = bench.node.create_publisher(Detection2DArray, 'tracks', 10)

    def complains():
        lens.publish(CameraInfo(width=160, height=120))
        tracks.publish(tracks_at(1.0, (80, 60)))
        bench.spin(0.1)
        return 'no markers: K has the focal lengths 0 and 0' in child.text

    bench.until(complains, 'the warning', child=child)
    assert not arrays
    assert child.stop() == 0


def test_the_compressed_debug_image_is_the_same_picture(bench, visualizer):
    child, camera, tracks, watch = visualizer
    images = watch()
    packed = bench.collect(CompressedImage, '/visualizer/debug_image/compressed')
    numbers = itertools.count(1)

    def both():
        stamp = 100.0 + next(numbers)
        camera.publish(camera_image(stamp, (20, 20, 140, 100), frame_id='optical'))
        tracks.publish(tracks_at(stamp, (80, 60)))
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            bench.spin()
            if packed and images and packed[-1].header.stamp == images[-1].header.stamp == (
                    to_stamp(stamp)):
                return True
        return False

    bench.until(both, 'both debug images', child=child)
    whole = to_bgr(images[-1]).astype(int)
    again = compressed_to_bgr(packed[-1].data, packed[-1].format).astype(int)
    assert packed[-1].header == images[-1].header
    assert packed[-1].format == 'bgr8; jpeg compressed bgr8'
    assert bytes(packed[-1].data[:2]) == b'\xff\xd8'
    assert whole.max() > 200
    assert np.abs(whole - again).mean() < 6
    assert np.abs(whole - again).mean() < np.abs(whole - whole.mean()).mean() / 10


def test_the_quality_of_the_jpeg_can_be_chosen(bench):
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    small, large = (len(to_compressed_image(noise, Header(), quality).data)
                    for quality in (20, 95))
    assert small < large / 2


def test_compressed_images_come_in_beside_the_topic_of_the_raw_ones(bench, start):
    child = start(python('mot_ros.ros.nodes.visualizer', *ros_args(
        'image:=/front/image_raw', image_transport='compressed')))
    camera = bench.node.create_publisher(
        CompressedImage, '/front/image_raw/compressed', BEST_EFFORT)
    tracks = bench.node.create_publisher(Detection2DArray, 'tracks', 10)
    images = bench.collect(Image, '/visualizer/debug_image')
    grey = np.full_like(picture(), 90)
    numbers = itertools.count(1)

    def comes():
        stamp = next(numbers) / 1000
        header = Header(stamp=to_stamp(stamp), frame_id='optical')
        # what is no picture costs one image only
        camera.publish(CompressedImage(
            header=Header(stamp=to_stamp(stamp + 1000)), format='jpeg', data=b'nothing'))
        tracks.publish(tracks_at(stamp + 1000))
        camera.publish(to_compressed_image(grey, header, 95))
        tracks.publish(tracks_at(stamp, (80, 60)))
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline and not images:
            bench.spin()
        return images

    bench.until(comes, 'a debug image', child=child)
    drawn = to_bgr(images[0]).astype(int)
    assert images[0].header.frame_id == 'optical'
    assert np.abs(drawn[:, :40] - 90).max() < 10
    assert np.abs(drawn[40:80, 62:68] - 90).max() > 60, 'an edge of the box'
    bench.until(lambda: 'is no picture' in child.text, 'the warning', child=child)
    assert child.stop() == 0
    assert 'Traceback' not in child.text
