# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The camera node in a process of its own."""

from __future__ import annotations

import os
import signal

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from ros_bench import BEST_EFFORT, python, RELIABLE, ros_args, stamps_of
from sensor_msgs.msg import Image

from mot_ros.ros.conversion import to_bgr
from mot_ros.ros.package_share import PROFILE_VARIABLES, share, use_fast_dds_profile
from test.data.video.streams import camera


@pytest.fixture
def video(tmp_path):
    """Make a folder of twelve PNG images, each of one grey."""
    folder = tmp_path / 'video'
    folder.mkdir()
    for number in range(12):
        cv2.imwrite(str(folder / f'{number}.png'), np.full((24, 32, 3), 10 * number, np.uint8))
    return folder


def run_camera(bench, start, **parameters):
    """Start the camera; returns its process once it has published all it has."""
    parameters.setdefault('wait_for_subscribers', 1)
    child = start(python('mot_ros.ros.nodes.camera', *ros_args(**parameters)))
    bench.until(lambda: child.process.poll() is not None, 'the end of the video')
    return child


@pytest.mark.parametrize('qos', [RELIABLE, BEST_EFFORT], ids=['reliable', 'best_effort'])
def test_every_image_arrives_in_order_and_the_process_ends(bench, start, video, qos):
    images = bench.collect(Image, 'image', qos)
    child = run_camera(bench, start, source=video, rate=20, frame_id='optical', start_delay=1.0)
    assert child.wait() == 0
    bench.until(lambda: len(images) == 12, 'all images')
    assert [int(to_bgr(image)[5, 5, 1]) for image in images] == [10 * n for n in range(12)]
    assert {(image.width, image.height, image.encoding) for image in images} == {(32, 24, 'bgr8')}
    assert {image.header.frame_id for image in images} == {'optical'}
    stamps = stamps_of(images)
    assert stamps == sorted(stamps)
    now = bench.node.get_clock().now().nanoseconds * 1e-9
    assert 0 < now - stamps[0] < 60
    # twelve images at 20 Hz take 0.55 s; a machine that is busy only makes it longer
    assert stamps[-1] - stamps[0] > 0.5
    assert '12 images published' in child.text
    assert 'Traceback' not in child.text


def test_video_stamps_repeat_in_every_loop(bench, start, video):
    images = bench.collect(Image, 'image')
    child = start(python('mot_ros.ros.nodes.camera', *ros_args(
        source=video, rate=50, frames=5, loop=True, stamp='video', wait_for_subscribers=1)))
    bench.until(lambda: len(images) >= 14, 'three loops', child=child)
    assert child.stop(signal.SIGTERM) == 0
    once = [1.0, 1.02, 1.04, 1.06, 1.08]
    assert stamps_of(images)[:14] == pytest.approx((once * 3)[:14])
    assert 'images published' in child.text


def test_it_waits_for_its_subscribers_and_gives_up(bench, start, video):
    bench.collect(Image, 'image')
    child = run_camera(
        bench, start, source=video, wait_for_subscribers=2, subscriber_timeout=6)
    assert child.wait() == 1
    assert '1 of 2 subscribers' in child.text
    assert '0 images published' in child.text


@pytest.mark.parametrize('parameters, words', [
    ({}, 'source is not set'), ({'source': '/nowhere.avi'}, '/nowhere.avi'),
    ({'source': '/nowhere.avi', 'rate': 'fast'}, "rate is 'fast'"),
    ({'source': '/nowhere.avi', 'rate': -1}, 'rate is -1'),
    ({'source': '/nowhere.avi', 'stamp': 'never'}, 'now, video')])
def test_what_is_wrong_is_said_and_the_status_is_1(start, parameters, words):
    child = start(python('mot_ros.ros.nodes.camera', *ros_args(**parameters)))
    assert child.wait() == 1
    assert words in child.text
    assert 'Traceback' not in child.text


def test_a_video_that_ends_early_is_told(bench, start, tmp_path):
    path = tmp_path / 'cut.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 20, (64, 48))
    for _ in range(30):
        writer.write(np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    images = bench.collect(Image, 'image')
    child = run_camera(bench, start, source=path, rate=100)
    assert child.wait() == 0
    published = int(child.text.split(' images published')[0].split()[-1])
    assert 0 < published < 30
    bench.until(lambda: len(images) == published, 'all images')
    assert 'cut off' in child.text


@pytest.mark.parametrize('distro, read', [
    ('humble', 1), ('jazzy', 1), ('kilted', 0), ('', 0)])
def test_the_profile_is_set_unless_the_user_has_one(monkeypatch, distro, read):
    monkeypatch.setenv('ROS_DISTRO', distro)
    name, other = PROFILE_VARIABLES[read], PROFILE_VARIABLES[1 - read]
    for variable in PROFILE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(other, '/mine.xml')
    use_fast_dds_profile()
    assert name not in os.environ
    monkeypatch.delenv(other)
    use_fast_dds_profile()
    assert os.environ[name] == str(share('mot_ros', 'config/fastdds.xml'))
    assert other not in os.environ
    monkeypatch.delenv(name)


def test_stream_is_published_live(bench, start):
    images = bench.collect(Image, 'image', RELIABLE)
    with camera() as served:
        child = run_camera(bench, start, source=f'{served.url}/mjpeg', frames=4)
        assert child.wait() == 0
    bench.until(lambda: len(images) == 4, 'all images')
    assert {(image.width, image.height) for image in images} == {(96, 64)}
    stamps = stamps_of(images)
    assert stamps == sorted(set(stamps))


def test_camera_that_is_not_there_is_named(bench, start):
    child = run_camera(bench, start, source='/dev/video97')
    assert child.wait() != 0
    assert '/dev/video97 does not exist; the cameras here are' in child.text
