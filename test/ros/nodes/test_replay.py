# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The replay node in a process of its own: what arrives is what lies in the bag."""

from __future__ import annotations

import json
import math
import re
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from ros_bench import picture, python, RELIABLE, ros_args
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import SetBool
from vision_msgs.msg import Detection2DArray

from mot_ros.data.bags.reader import Bag
from mot_ros.data.bags.types import DETECTIONS
from mot_ros.data.bags.writer import BagWriter
from mot_ros.ros.playback.clock import PlaybackClock
from test.data.bags.ros1_bags import picture as ros1_picture
from test.data.bags.ros1_bags import Ride, stamp_of

IMAGES, WORDS = '/camera/image', '/words'
BEGIN = 1_700_000_000_000_000_000
STEP = 20_000_000
STRING = 'std_msgs/msg/String'
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
FOREVER = QosTime(2147483647, 4294967295)


def store():
    made = get_typestore(Stores.ROS2_HUMBLE)
    made.register(get_types_from_msg('uint8 x', 'my_msgs/msg/Thing'))
    return made


def serialized(kind, **fields):
    types = store()
    return bytes(types.serialize_cdr(types.types[kind](**fields), kind))


@pytest.fixture
def bag(tmp_path):
    """Make a bag of 12 images, every 20 ms, with a word after each."""
    path = tmp_path / 'bag'
    with BagWriter(path, {IMAGES: 'sensor_msgs/msg/Image', WORDS: STRING}) as writer:
        for number in range(12):
            stamp = BEGIN + number * STEP
            writer.write_image(IMAGES, stamp, picture((number, 5, number + 9, 30)), 'camera')
            writer.write(WORDS, stamp + STEP // 2, serialized(STRING, data=f'word {number}'))
    return path


@pytest.fixture
def write(tmp_path):
    """Write a bag by rows of (topic, type, profiles, times and messages)."""
    def write_bag(*topics):
        path = tmp_path / 'made'
        types = store()
        with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
            rows = []
            for name, kind, profiles, messages in topics:
                connection = writer.add_connection(
                    name, kind, typestore=types, offered_qos_profiles=profiles)
                rows += [(received, connection, data) for received, data in messages]
            for received, connection, data in sorted(rows, key=lambda row: row[0]):
                writer.write(connection, received, data)
        return path
    return write_bag


def profile(reliability, durability):
    return Qos(QosHistory.KEEP_LAST, 5, QosReliability[reliability], QosDurability[durability],
               FOREVER, FOREVER, QosLiveliness.AUTOMATIC, FOREVER, False)


@pytest.fixture
def replay(bench, start):
    """Start the node; `end` waits for its end and returns its process."""
    def begin(path, *remaps, end=True, **parameters):
        child = start(
            python('mot_ros.ros.nodes.replay', *ros_args(*remaps, bag=path, **parameters)))
        if end:
            bench.until(lambda: child.process.poll() is not None, 'the end of the bag')
        return child
    return begin


def bare(messages, sent):
    """Return messages without what DDS fills them up with: to a multiple of four bytes."""
    assert all(len(raw) - len(whole) < 4 for raw, whole in zip(messages, sent, strict=True))
    return [raw[:len(whole)] for raw, whole in zip(messages, sent, strict=True)]


def nanoseconds(clock):
    return clock.clock.sec * 1_000_000_000 + clock.clock.nanosec


def test_the_bytes_arrive_as_they_lie_in_the_bag_with_the_time(bench, replay, bag, tmp_path):
    order = []
    for kind, topic in ((Image, IMAGES), (String, WORDS)):
        bench.node.create_subscription(
            kind, topic, lambda raw, topic=topic: order.append((topic, raw)), RELIABLE, raw=True)
    times = bench.collect(Clock, '/clock')
    child = replay(bag, wait_for_subscribers=f'{IMAGES},{WORDS},', rate=2.0, clock_rate=500.0,
                   report=tmp_path / 'report.json')
    assert child.wait() == 0
    bench.until(lambda: len(order) == 24, 'all messages')
    records = list(Bag(bag).records([IMAGES, WORDS]))
    for topic in (IMAGES, WORDS):
        sent = [record.data for record in records if record.topic == topic]
        assert bare([raw for name, raw in order if name == topic], sent) == sent
    bench.until(lambda: times and nanoseconds(times[-1]) == records[-1].received, 'the last time')
    told = [nanoseconds(message) for message in times]
    assert told == sorted(told)
    # some of them may be lost before the subscription is known, none once messages arrive
    assert {record.received for record in records} <= set(told)
    # and between the messages
    assert len(set(told)) > len(records)
    assert '24 messages of 2 topics published' in child.text
    assert 'late by' in child.text
    assert 'Traceback' not in child.text

    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['messages'] == {IMAGES: 12, WORDS: 12}
    assert report['sent'][IMAGES]['stamps'] == [BEGIN + number * STEP for number in range(12)]
    sent = report['sent'][IMAGES]['sent']
    # every one at its time or later: 11 steps of 10 ms
    assert np.all(np.array(sent) - sent[0] >= np.arange(12) * STEP // 2 - report_slack(report))
    assert set(report['lag_ms']) == {'p50', 'p95', 'p99', 'max'}


def report_slack(report):
    """Nanoseconds that the first message was late by at most."""
    return round(report['lag_ms']['max'] * 1e6) + 1000


def test_topics_are_chosen_and_remapped(bench, replay, bag):
    words = bench.collect(String, '/sayings')
    bench.collect(Image, IMAGES)
    child = replay(bag, f'{WORDS}:=/sayings', topics=[WORDS], wait_for_subscribers=WORDS,
                   clock=False, rate=0.0)
    assert child.wait() == 0
    bench.until(lambda: len(words) == 12, 'all words')
    assert [word.data for word in words] == [f'word {number}' for number in range(12)]
    assert '12 messages of 1 topics' in child.text
    assert 'late by' not in child.text
    assert '/clock' not in [name for name, _ in bench.node.get_topic_names_and_types()]


def test_it_loops_and_the_time_starts_again(bench, replay, bag):
    words = bench.collect(String, WORDS)
    times = bench.collect(Clock, '/clock')
    assert replay(bag, loops=3, wait_for_subscribers=WORDS, rate=4.0).wait() == 0
    bench.until(lambda: len(words) == 36, 'three loops')
    assert [word.data for word in words] == [f'word {number}' for number in range(12)] * 3
    steps = np.diff([nanoseconds(message) for message in times])
    assert (steps < 0).sum() == 2


def test_nothing_is_lost_as_fast_as_it_goes(bench, replay, tmp_path):
    path = tmp_path / 'long'
    with BagWriter(path, {IMAGES: 'sensor_msgs/msg/Image'}) as writer:
        for number in range(400):
            writer.write_image(IMAGES, BEGIN + number * STEP, picture((1, 1, 9, 9)))
    images = bench.collect(Image, IMAGES, raw=True)
    child = replay(path, rate=0.0, wait_for_subscribers=IMAGES, clock=False)
    assert child.wait() == 0
    bench.until(lambda: len(images) == 400, 'all images')


def test_it_stands_still_while_paused(bench, replay, bag):
    words = bench.collect(String, WORDS)
    times = bench.collect(Clock, '/clock')
    child = replay(bag, end=False, loops=0, wait_for_subscribers=WORDS)
    bench.until(lambda: words, 'it plays', child=child)

    def pause(on):
        answer = bench.call(SetBool, '/replay/pause', SetBool.Request(data=on))
        return answer.success, answer.message

    assert pause(True) == (True, 'paused')
    # what was on its way is there now, and /clock goes on with one time
    bench.until(lambda: len({nanoseconds(message) for message in times[-20:]}) == 1, 'a pause')
    count = len(words)
    times.clear()
    bench.until(lambda: len(times) == 20, 'the clock is told', child=child)
    assert len({nanoseconds(message) for message in times}) == 1
    assert len(words) == count
    assert pause(False) == (True, 'playing')
    bench.until(lambda: len(words) > count, 'it goes on', child=child)
    assert words[count].data == f'word {count % 12}'
    assert child.stop() == 0


def test_it_waits_for_subscribers_and_gives_up(replay, bench, bag):
    bench.collect(String, WORDS)
    child = replay(bag, wait_for_subscribers=f'{WORDS}, {IMAGES}', subscriber_timeout=3.0)
    assert child.wait() == 1
    # on a busy machine the other topic may not have been discovered either
    assert re.search(f'nobody subscribed to (?:{WORDS}, )?{IMAGES} within 3 s', child.text)
    assert '0 messages' in child.text


def test_what_was_latched_is_latched_and_comes_before_the_offset(bench, replay, write):
    latched = profile('RELIABLE', 'TRANSIENT_LOCAL')
    path = write(
        ('/description', STRING, [latched], [(BEGIN, serialized(STRING, data='a robot'))]),
        (WORDS, STRING, [], [(BEGIN + number * STEP, serialized(STRING, data=str(number)))
                             for number in range(10)]))
    words = bench.collect(String, WORDS)
    child = replay(path, end=False, loops=0, start_offset=0.1, wait_for_subscribers=WORDS)
    bench.until(lambda: words, 'it plays', child=child)
    late = bench.collect(String, '/description', LATCHED)
    bench.until(lambda: late, 'the latched message', child=child)
    assert late[0].data == 'a robot'
    bench.until(lambda: len(words) >= 6, 'a second loop', child=child)
    assert child.stop() == 0
    assert [word.data for word in words[:6]] == ['5', '6', '7', '8', '9', '5']


@pytest.mark.parametrize('given, recorded, wanted', [
    ('auto', 'BEST_EFFORT', 'BEST_EFFORT'), ('auto', None, 'RELIABLE'),
    ('reliable', 'BEST_EFFORT', 'RELIABLE'), ('best_effort', 'RELIABLE', 'BEST_EFFORT')])
def test_the_reliability_of_images(bench, replay, write, given, recorded, wanted):
    image = picture((1, 1, 9, 9))
    path = write(
        (IMAGES, 'sensor_msgs/msg/Image',
         [profile(recorded, 'VOLATILE')] if recorded else [],
         [(BEGIN, image_bytes(image))]),
        (WORDS, STRING, [profile('BEST_EFFORT', 'VOLATILE')],
         [(BEGIN, serialized(STRING, data='x'))]))
    child = replay(path, end=False, reliability=given, wait_for_subscribers=IMAGES)

    def offered(topic):
        return [info.qos_profile.reliability
                for info in bench.node.get_publishers_info_by_topic(topic)]

    bench.until(lambda: offered(IMAGES) and offered(WORDS), 'the offers', child=child)
    assert offered(IMAGES) == [ReliabilityPolicy[wanted]]
    # the parameter is for images only
    assert offered(WORDS) == [ReliabilityPolicy.BEST_EFFORT]


def image_bytes(image):
    types = store()
    make = types.types
    header = make['std_msgs/msg/Header'](
        stamp=make['builtin_interfaces/msg/Time'](sec=1, nanosec=0), frame_id='')
    height, width, _ = image.shape
    return serialized(
        'sensor_msgs/msg/Image', header=header, height=height, width=width, encoding='bgr8',
        is_bigendian=0, step=3 * width, data=image.reshape(-1))


def test_a_bag_that_is_cut_is_played_up_to_the_cut(bench, replay, bag):
    file, = bag.glob('*.mcap')
    file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])
    (bag / 'metadata.yaml').unlink()
    words = bench.collect(String, WORDS)
    child = replay(bag, rate=0.0, wait_for_subscribers=WORDS)
    assert child.wait() == 0
    assert 'is cut off' in child.text
    count = len(list(Bag(bag).records([WORDS])))
    assert 0 < count < 12
    bench.until(lambda: len(words) == count, 'what is left')
    assert [word.data for word in words] == [f'word {number}' for number in range(count)]


def test_a_type_that_is_not_installed_is_named_and_left_out(bench, replay, write):
    path = write(
        ('/thing', 'my_msgs/msg/Thing', [],
         [(BEGIN + number, serialized('my_msgs/msg/Thing', x=1)) for number in range(5)]),
        (WORDS, STRING, [], [(BEGIN, serialized(STRING, data='x'))]))
    words = bench.collect(String, WORDS)
    child = replay(path, rate=0.0, wait_for_subscribers=WORDS)
    assert child.wait() == 0
    bench.until(lambda: words, 'the rest')
    assert child.text.count('/thing is left out: its type my_msgs/msg/Thing') == 1
    assert '1 messages of 1 topics' in child.text


def test_at_the_end_it_waits_for_tracks_to_stop_coming(bench, replay, bag):
    words = bench.collect(String, WORDS)
    tracks = bench.node.create_publisher(Detection2DArray, 'tracks', 10)
    child = replay(bag, end=False, rate=0.0, wait_for_subscribers=WORDS, wait_for_tracks=3.0)
    bench.until(lambda: len(words) == 12 and tracks.get_subscription_count(), 'the end of the bag')
    tracks.publish(Detection2DArray())
    last = time.monotonic()
    bench.until(lambda: child.process.poll() is not None, 'the end')
    assert child.wait() == 0
    assert time.monotonic() - last >= 3.0


@pytest.mark.parametrize('parameters, words', [
    ({'bag': '""'}, 'bag is not set'), ({'bag': '/nowhere'}, '/nowhere is no bag'),
    ({'rate': -1.0}, 'rate is -1'), ({'topics': '[/none]'}, 'has no topic /none'),
    ({'wait_for_subscribers': '/none'}, 'has no topic /none'),
    ({'topics': f'[{IMAGES}]', 'wait_for_subscribers': WORDS}, 'is not played'),
    ({'start_offset': 9.0, 'report': '/nowhere/x.json', 'rate': 0.0}, '/nowhere')])
def test_what_is_wrong_is_said_and_the_status_is_1(start, bag, parameters, words):
    child = start(python('mot_ros.ros.nodes.replay', *ros_args(**{'bag': bag, **parameters})))
    assert child.wait() == 1
    assert words in child.text


def test_the_pace_is_steady_and_can_stand_still():
    pace = PlaybackClock(2.0)
    pace.start(BEGIN)
    later = BEGIN + 3_600_000_000_000
    assert 1790 < pace.left(later) <= 1800
    assert pace.left(BEGIN) <= 0
    pace.pause(True)
    assert pace.left(BEGIN) == math.inf
    assert pace.position == pace.position >= BEGIN
    pace.pause(False)
    assert 1790 < pace.left(later) <= 1800
    assert PlaybackClock(0.0).left(later) == 0


def test_bag_of_ros1_is_played(bench, replay, tmp_path):
    path = Ride().write(tmp_path / 'ride.bag', {
        IMAGES: 'sensor_msgs/msg/Image', '/truth': DETECTIONS})
    images = bench.collect(Image, IMAGES)
    child = replay(path, wait_for_subscribers=IMAGES, rate=0.0)
    assert child.wait() == 0
    bench.until(lambda: len(images) == 6, 'all images')
    assert [image.header.stamp.sec * 10**9 + image.header.stamp.nanosec
            for image in images] == [stamp_of(number) for number in range(6)]
    assert np.array_equal(
        np.array(images[5].data).reshape(24, 32, 3), ros1_picture(5))
    # its vision_msgs are of ROS 1, which no subscriber of today understands
    assert '/truth is left out: the fields of vision_msgs/msg/Detection2DArray' in child.text
