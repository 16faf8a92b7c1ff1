# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The locator in a process of its own: people in the world, on a robot that moves."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('tf2_msgs.msg')

from ros_bench import python, ros_args
from visualization_msgs.msg import MarkerArray
from world_bench import centres_of, detections_of, MOUNT, SIZE, World

from mot_ros.localisation.transforms import Transform
from mot_ros.ros.conversion import to_seconds

PEOPLE = [[5.0, 0.5], [8.0, 3.0], [6.0, -1.0]]
NAMES = ['1', 'cam/2', '3']


@pytest.fixture
def world(bench, start):
    """Start a locator; returns the world around it, in which it works."""
    def begin(**parameters):
        made = World(bench, start(python('mot_ros.ros.nodes.locator', *ros_args(**parameters))))
        made.begin()
        return made

    return begin


def test_people_are_where_they_are_whatever_comes(world, bench):
    around = world(sync__timeout=0.5)
    for step in range(8):
        around.show(1 + step / 10, PEOPLE, NAMES)
        message = around.result(1 + step / 10)
    assert message.header.frame_id == 'odom'
    assert [found.id for found in message.detections] == NAMES
    centres = centres_of(message)
    distances = np.linalg.norm(np.array(PEOPLE) - around.pose(1.7).translation[:2], axis=1)
    errors = np.linalg.norm(centres[:, :2] - PEOPLE, axis=1)
    assert (errors < 0.03 * distances).all(), 'the boxes are exact'
    np.testing.assert_allclose(centres[:, 2], 0.85, atol=0.1)
    for found in message.detections:
        result, = found.results
        assert found.header == message.header
        assert (result.hypothesis.class_id, result.hypothesis.score) == ('0', 0.9)
        assert result.pose.pose == found.bbox.center
        covariance = np.array(result.pose.covariance).reshape(6, 6)
        assert (np.linalg.eigvalsh(covariance) > 0).all()
        assert 1.5 < found.bbox.size.z < 1.9

    # late: the tracks come first, and wait for tf; those after them wait too
    around.show(2.0, PEOPLE, NAMES, moved=False)
    for _ in range(5):
        bench.spin(0.02)
    assert to_seconds(around.located[-1].header.stamp) < 1.9
    around.move(2.1)
    late = around.result(2.0)
    assert len(late.detections) == 3, 'from the transforms before and after'
    np.testing.assert_allclose(centres_of(late)[:, :2], PEOPLE, atol=0.3)

    # missing: an empty message after the wait, and the diagnostics say why
    around.show(3.0, PEOPLE, NAMES, moved=False)
    assert around.result(3.0).detections == []
    status = around.status()
    assert status['level'] == '2' and '900 ms older than the image' in status['message']
    assert status['frames without people: transform too late'] == '1'

    # wrong: a camera below the ground, then one that is no optical frame
    for stamp, mount, remedy in (
            (3.2, Transform(MOUNT.rotation, np.array([0.0, 0.0, -0.5])), 'is ground_frame the'),
            (3.4, Transform(np.eye(3), MOUNT.translation), 'optical (z ahead, y down)')):
        around.mount(mount)
        around.show(stamp, PEOPLE, NAMES)
        assert around.result(stamp).detections == []
        status = around.status()
        assert status['level'] == '1' and remedy in status['message'], status['message']
    around.mount(MOUNT)
    around.move(4.1)
    # another camera, and boxes that are none
    around.send(detections_of(4.1, [[600, 300, 700, 600]], ['7'], frame_id='rear_camera'))
    assert around.result(4.1).detections == []
    around.move(5.0)
    odd = detections_of(5.0, [*around.boxes(5.0, [[9.0, 4.5]]), [np.nan, 1, 2, 3]], ['1', '8'])
    around.send(odd)
    assert [found.id for found in around.result(5.0).detections] == ['1']
    status = around.status()
    assert status['left out: position not finite'] == '1'
    assert status['frames without people: camera_info of another frame'] == '1'
    assert int(status['frames in']) == int(status['frames out'])

    # the bag begins again
    around.move(0.2, 0.3)
    around.show(0.25, PEOPLE, NAMES, moved=False)
    assert len(around.result(0.25).detections) == 3

    markers = bench.collect(MarkerArray, '/locator/markers')
    stamp = 0.3

    def shown():
        nonlocal stamp
        stamp += 0.05
        walked = np.array(PEOPLE) + np.array([0.0, stamp])
        around.show(stamp, walked, NAMES)
        around.result(stamp)
        return markers and any(marker.ns == 'velocities' for marker in markers[-1].markers)

    bench.until(shown, 'markers with arrows', child=around.child)
    spaces = [marker.ns for marker in markers[-1].markers]
    assert spaces.count('people') == 3 and spaces.count('ids') == 3
    assert around.child.stop() == 0
    assert 'Traceback' not in around.child.text and 'called optical' in around.child.text


def test_velocities_are_published_where_our_messages_are_built(world, bench):
    messages = pytest.importorskip('mot_ros_msgs.msg')
    if not hasattr(messages, 'LocatedTrackArray'):
        pytest.skip('mot_ros_msgs is older: run scripts/setup')
    around = world()
    states = bench.collect(messages.LocatedTrackArray, '/locator/track_states')
    for step in range(60):
        stamp = 1 + step / 20
        around.show(stamp, [[5 + 0.8 * stamp, 1.0]], ['4'])
        around.result(stamp)
    bench.until(lambda: states and to_seconds(states[-1].header.stamp) > 3.9, 'the last state')
    track, = states[-1].tracks
    assert (track.id, track.class_id, track.source) == ('4', '0', 0)
    linear = track.twist.twist.linear
    np.testing.assert_allclose([linear.x, linear.y, linear.z], [0.8, 0, 0], atol=0.25)
    turn = track.pose.pose.orientation
    assert abs(np.arctan2(turn.z, turn.w)) < 0.2, 'it heads along x'


def flat_depth(metres, kind, size=SIZE):
    image = np.full((size[1], size[0]), metres, np.float32)
    return image if kind == 'metres' else (image * 1000).astype(np.uint16)


def test_depth_images_of_another_stamp_size_frame_and_none(world):
    around = world(depth=True, sync__timeout=0.15)

    def distance_of(stamp, depths=None, offset=0.0, first=True, **more):
        """Show a person 6 m ahead of the camera; return how far they are found to be."""
        place = around.pose(stamp)
        ahead = place.rotation[:2, 2] / np.linalg.norm(place.rotation[:2, 2])
        feet = [place.translation[:2] + 6.0 * ahead]
        sent = [lambda: around.show(stamp, feet, [str(stamp)])]
        if depths is not None:
            sent.insert(0 if first else 1, lambda: around.send_depth(
                stamp + offset, depths, **more))
        for each in sent:
            each()
        found = centres_of(around.result(stamp))[0]
        return np.linalg.norm(found[:2] - place.translation[:2])

    truth = 6.0 * np.cos(np.radians(5.0)) - 0.12
    # a hundredth farther than the ground says, so that one sees which counts
    farther = truth * 1.02
    begin = time.monotonic()
    for stamp, kind in ((1.0, 'metres'), (1.1, 'millimetres')):
        assert distance_of(stamp, flat_depth(farther, kind)) == pytest.approx(6.12, abs=0.05)
    # a millisecond apart, in either order
    for stamp, offset, first in ((1.2, 0.001, True), (1.3, -0.001, True), (1.4, 0.001, False)):
        assert distance_of(
            stamp, flat_depth(farther, 'metres'), offset, first) == pytest.approx(6.12, abs=0.05)
    status = around.status()
    assert int(status['placed by depth']) == 5 and 'age of depth p50/p95/p99 [ms]' in status
    assert time.monotonic() - begin < 20

    broken = {
        'no depth in the box': (flat_depth(np.nan, 'metres'), {}),
        'depth of something else': (flat_depth(2.0, 'metres'), {}),
        'depth image of another size': (flat_depth(farther, 'metres', (640, 360)), {}),
        'depth image of another frame': (flat_depth(farther, 'metres'), {'frame_id': 'depth'}),
        'no depth image in time': (flat_depth(farther, 'metres'), {'offset': 0.04}),
    }
    for number, (depths, more) in enumerate(broken.values()):
        assert distance_of(2 + number / 5, depths, **more) == pytest.approx(6.0, abs=0.06)
    assert distance_of(4.0) == pytest.approx(6.0, abs=0.06), 'no depth image at all'
    status = around.status()
    for reason in broken:
        assert int(status[f'without depth: {reason}']) >= 1, reason
    assert status['level'] == '1' and 'sync.slop' in status['message']


def test_settings_that_do_not_work_end_the_node_with_the_reason(start):
    child = start(python('mot_ros.ros.nodes.locator', *ros_args(ground_frame="''")))
    assert child.wait() == 1
    assert 'nothing says how far people are' in child.text and 'Traceback' not in child.text
