# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Following one person: a tracker and a locator, each in a process of its own."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('tf2_msgs.msg')

from geometry_msgs.msg import PoseStamped
from ros_bench import python, ros_args
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage
from world_bench import centres_of, World

from mot_ros.localisation.transforms import Transform
from mot_ros.ros.conversion import to_seconds

RATE = 20
STANDING = [4.0, -0.2]
FASTEST = 1.5
"""The parameter follow.max_speed; the person walks a metre a second."""


def crossing(stamp):
    """Return where the walking person is."""
    return [6.0, -2.5 + stamp - 1.0]


def slowly(stamp):
    return Transform(np.eye(3), np.array([0.1 * stamp, 0.0, 0.0]))


@pytest.fixture
def around(bench, start, start_tracker):
    tracker = start_tracker(
        queue='all', detector__type='external', method='bytetrack', bytetrack__lost_buffer=3.0)
    locator = start(python('mot_ros.ros.nodes.locator', *ros_args(
        'tracks:=/tracker/tracks', follow__max_speed=FASTEST)))
    bench.until(lambda: bench.node.count_subscribers('/detections'), 'the tracker', child=tracker)
    made = World(bench, locator, '/detections', slowly)
    made.begin()
    return made


def followed_id(around):
    return around.status().get('followed id', '')


def test_a_person_behind_another_one_is_followed_on(around, bench):
    poses = bench.collect(PoseStamped, '/locator/followed_pose')
    frames = bench.collect(TFMessage, '/tf')
    random = np.random.default_rng(0)

    def step(stamp, *feet):
        around.move(stamp)
        boxes = around.boxes(stamp, feet) if feet else np.zeros((0, 4))
        around.show_boxes(stamp, boxes + random.normal(0, 1.5, boxes.shape))
        return around.result(stamp)

    nobody = bench.call(Trigger, '/locator/stop', Trigger.Request())
    assert nobody.success
    stamps = 1.0 + np.arange(5 * RATE) / RATE
    hidden = [stamp for stamp in stamps if 2.5 <= stamp < 4.5]
    walker = ''
    for stamp in stamps:
        seen = [STANDING] if stamp in hidden else [STANDING, crossing(stamp)]
        message = step(stamp, *seen)
        if stamp == stamps[RATE]:
            places = centres_of(message)
            walker = message.detections[int(np.argmin(np.linalg.norm(
                places[:, :2] - crossing(stamp), axis=1)))].id
            assert bench.set_parameters('/locator', follow__id=walker)[0].successful
            first = stamp
    # one pose for each image that shows the person, with its stamp; none while they are hidden
    wanted = [stamp for stamp in stamps if stamp > first and stamp not in hidden]
    bench.until(lambda: len(poses) >= len(wanted), 'the poses', child=around.child)
    times = np.array([to_seconds(pose.header.stamp) for pose in poses])
    np.testing.assert_allclose(times, wanted, atol=1e-6)
    places = np.array([[pose.pose.position.x, pose.pose.position.y] for pose in poses])
    np.testing.assert_allclose(places, [crossing(stamp) for stamp in wanted], atol=0.6)
    speeds = np.linalg.norm(np.diff(places, axis=0), axis=1) / np.diff(times)
    assert speeds.max() <= FASTEST + 1e-6
    assert {pose.header.frame_id for pose in poses} == {'odom'}
    last = poses[-1].pose.orientation
    assert 2 * np.arctan2(last.z, last.w) == pytest.approx(np.pi / 2, abs=0.5)

    def frames_of_the_person():
        return [to_seconds(item.header.stamp) for message in frames
                for item in message.transforms if item.child_frame_id == 'followed_person']

    bench.until(lambda: frames_of_the_person() == times.tolist(), 'its tf', child=around.child)
    assert around.status()['followed'] == 'seen' and followed_id(around) == walker

    # the id ends
    for stamp in np.arange(6.0, 11.5, 0.25):
        step(stamp, STANDING)
    status = around.status()
    assert (status['followed'], status['level']) == ('ended', '1')
    assert f'the followed id {walker} has not been seen' in status['message']
    assert 'select another one' in around.child.text
    assert len(poses) == len(wanted)

    answer = bench.call(Trigger, '/locator/follow_nearest', Trigger.Request())
    assert answer.success and bench.get_parameter('follow.id', '/locator') != walker
    message = step(11.6, STANDING)
    assert answer.message == f'following {message.detections[0].id}'
    bench.until(lambda: len(poses) == len(wanted) + 1, 'a pose of the other', child=around.child)
    services = pytest.importorskip('mot_ros_msgs.srv')
    chosen = bench.call(
        services.SelectTrack, '/locator/follow', services.SelectTrack.Request(id=''))
    assert chosen.success and chosen.message == 'following nobody'
    step(11.7)
    refused = bench.call(Trigger, '/locator/follow_nearest', Trigger.Request())
    assert not refused.success and 'nobody is located' in refused.message
    wrong, = bench.set_parameters('/locator', follow__id=7)
    assert not wrong.successful
