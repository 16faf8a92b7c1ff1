# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""replay.launch.py, and the overrides for the genuine `ros2 bag play`."""

from __future__ import annotations

import pytest
from ros_bench import picture
from stand_ins import launch, ROOT
import yaml

from mot_ros.data.bags.types import COMPRESSED_IMAGE, IMAGE
from mot_ros.data.bags.writer import BagWriter

REPLAY = ROOT / 'launch' / 'replay.launch.py'
OVERRIDES = ROOT / 'config' / 'replay_qos.yaml'


@pytest.fixture
def bag(tmp_path):
    """Return a function that makes a bag of one image on each topic."""
    def make(*topics, compressed=()):
        path = tmp_path / 'bag'
        kinds = dict.fromkeys(topics, IMAGE) | dict.fromkeys(compressed, COMPRESSED_IMAGE)
        with BagWriter(path, kinds) as writer:
            for name, kind in kinds.items():
                write = writer.write_image if kind == IMAGE else writer.write_jpeg
                write(name, 1, picture(), *([] if kind == IMAGE else [90]))
        return str(path)
    return make


def test_tracker_and_replay_meet_on_the_only_image_topic(bag):
    path = bag('/camera/image')
    tracker, replay = launch(
        REPLAY, bag=path, method='sort', rate='2', loops='3', rcnn_weights='/w.pth').nodes
    assert (tracker.executable, replay.executable) == ('tracker', 'replay')
    assert dict(tracker.remappings)['image'] == '/camera/image'
    *files, passed = tracker.parameters
    assert files == [str(ROOT / 'config' / f'{name}.yaml') for name in ('tracker', 'sort')]
    assert passed['launch.use_sim_time'] == 'true'
    assert passed['launch.queue'] == ''
    assert passed['launch.rcnn.weights'] == '/w.pth'
    parameters, = replay.parameters
    assert parameters == {
        'bag': path, 'rate': 2.0, 'loops': 3, 'start_offset': 0.0,
        'wait_for_subscribers': '/camera/image', 'wait_for_tracks': 2.0, 'reliability': 'auto'}
    assert {type(value) for value in (parameters['rate'], parameters['start_offset'])} == {float}
    assert replay.remappings == [('tracks', 'tracker/tracks')]
    # everything ends with the bag
    assert replay.on_exit.reason


def test_every_parameter_is_one_that_the_node_takes(bag, ros_domain, tmp_path):
    rclpy = pytest.importorskip('rclpy')
    from mot_ros.ros.nodes.replay import ReplayNode

    _, replay = launch(REPLAY, bag=bag('/image')).nodes
    file = tmp_path / 'launched.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': replay.parameters[0]}}))
    context = rclpy.context.Context()
    rclpy.init(context=context)
    started = ReplayNode(context=context, cli_args=['--ros-args', '--params-file', str(file)])
    try:
        assert replay.parameters[0] == {
            name: started.get_parameter(name).value for name in replay.parameters[0]}
    finally:
        started.destroy_node()
        context.try_shutdown()


def test_all_images_are_reliable_and_recorded(bag):
    nodes = launch(REPLAY, bag=bag('/image'), queue='all', output='/out', namespace='front').nodes
    assert [node.executable for node in nodes] == ['tracker', 'replay', 'recorder']
    tracker, replay, recorder = nodes
    assert tracker.parameters[-1]['launch.queue'] == 'all'
    assert replay.parameters[0]['reliability'] == 'reliable'
    assert recorder.parameters == [{'output': '/out'}]
    assert recorder.remappings == [('tracks', 'tracker/tracks')]
    assert {node.namespace for node in nodes} == {'front'}


def test_a_compressed_topic_is_named_as_image_transport_does(bag):
    tracker, replay = launch(REPLAY, bag=bag(compressed=['/camera/image/compressed'])).nodes
    assert dict(tracker.remappings)['image'] == '/camera/image'
    assert tracker.parameters[-1]['launch.image_transport'] == 'compressed'
    assert replay.parameters[0]['wait_for_subscribers'] == '/camera/image/compressed'


def test_of_several_topics_one_has_to_be_named(bag):
    path = bag('/left', '/right')
    launched = launch(REPLAY, bag=path)
    assert not launched.nodes
    assert '/left, /right; name one' in launched.messages[0]
    assert launched.messages[1].startswith('shutdown')
    tracker, _ = launch(REPLAY, bag=path, image_topic='/right').nodes
    assert dict(tracker.remappings)['image'] == '/right'


def test_detections_of_the_bag_are_waited_for_in_place_of_images(bag):
    tracker, replay = launch(REPLAY, bag=bag('/image'), detections_topic='/boxes').nodes
    assert dict(tracker.remappings)['detections'] == '/boxes'
    assert replay.parameters[0]['wait_for_subscribers'] == '/boxes'


@pytest.mark.parametrize('path', ['', '/nowhere'])
def test_without_a_bag_nothing_starts(path):
    launched = launch(REPLAY, bag=path)
    assert not launched.nodes
    assert 'is no bag' in launched.messages[0]


def test_the_overrides_are_what_ros2_bag_play_reads():
    qos = pytest.importorskip('rclpy.qos')
    policies = {'history': qos.HistoryPolicy, 'reliability': qos.ReliabilityPolicy,
                'durability': qos.DurabilityPolicy}
    profiles = {}
    for topic, values in yaml.safe_load(OVERRIDES.read_text()).items():
        assert topic.startswith('/')
        # as in ros2bag's Python: names of policies are their short keys, history and depth must
        profiles[topic] = qos.QoSProfile(**{
            key: policies[key].get_from_short_key(value) if key in policies else value
            for key, value in values.items()})
        assert values.keys() <= {*policies, 'depth'}
        assert profiles[topic].depth > 0
    assert {'/camera/image', '/camera/image_raw', '/camera/camera_info', '/clock', '/truth',
            '/detections', '/tf', '/tf_static'} <= profiles.keys()
    assert {profile.reliability for profile in profiles.values()} == {
        qos.ReliabilityPolicy.RELIABLE}
    assert {topic for topic, profile in profiles.items()
            if profile.durability == qos.DurabilityPolicy.TRANSIENT_LOCAL} == {'/tf_static'}
