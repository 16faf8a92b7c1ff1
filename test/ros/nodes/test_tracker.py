# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The tracker node in a process of its own, over real DDS: what it does with images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message, serialize_message
from ros_bench import (
    BEST_EFFORT,
    camera_image,
    ids_of,
    python,
    ros_args,
    stamps_of,
)
from std_srvs.srv import SetBool, Trigger
from vision_msgs.msg import Detection2DArray, LabelInfo

from mot_ros.ros.conversion import to_stamp
from mot_ros.ros.package_share import profile_variable

STEP = 1 / 30
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def walker(number: int) -> tuple[int, int, int, int]:
    """Return the box of somebody who walks to the right, in frame `number`."""
    return 20 + number, 30, 50 + number, 90


def walk(camera, first, count, begin=100.0, **more):
    """Publish `count` images of the walker; returns their stamps."""
    stamps = [round(begin + number * STEP, 6) for number in range(first, first + count)]
    for number, stamp in enumerate(stamps, first):
        camera.publish(camera_image(stamp, walker(number), **more))
    return stamps


@pytest.fixture
def tracker(bench, start_tracker):
    """Start a tracker that takes every frame; returns it with our camera and its tracks."""
    def begin(*others, raw=False, **parameters):
        child = start_tracker(**{'queue': 'all', **parameters})
        camera, tracks = bench.camera(), bench.tracks(raw)
        bench.connected(child, camera, tracks, *others)
        return child, camera, tracks
    return begin


def test_every_accepted_frame_yields_one_message_with_its_header(bench, tracker):
    child, camera, tracks = tracker(id_prefix='front/')
    sent = []
    for number in range(20):
        # one in three frames is empty: it yields a message too
        boxes = [] if number % 3 == 1 else [walker(number)]
        message = camera_image(100 + number * 0.037, *boxes, frame_id='front_optical')
        message.header.stamp.nanosec += number
        sent.append(message.header)
        camera.publish(message)
    bench.until(lambda: len(tracks) >= 20, 'twenty messages', child=child)

    walk(camera, 40, 1)
    bench.until(lambda: len(tracks) >= 21, 'one more', child=child)

    assert [message.header for message in tracks[:20]] == sent
    assert len(tracks) == 21
    seen = [message for message in tracks[:20] if message.detections]
    assert len(seen) > 5
    for message in seen:
        detection, = message.detections
        assert detection.header == message.header
        assert detection.id == 'front/1'
        assert detection.results[0].hypothesis.class_id == '0'
        assert 0 < detection.results[0].hypothesis.score <= 1
        assert detection.bbox.size_y == pytest.approx(60, abs=5)


def test_a_late_joiner_learns_the_class_names(bench, tracker):
    child, camera, tracks = tracker()
    walk(camera, 0, 3)
    bench.until(lambda: len(tracks) == 3, 'tracks', child=child)

    infos = bench.collect(LabelInfo, '/tracker/label_info', LATCHED)
    bench.until(lambda: infos, 'label info', child=child)

    names = {entry.class_id: entry.class_name for entry in infos[0].class_map}
    assert names == {0: 'person', 1: 'bicycle'}
    assert infos[0].threshold == pytest.approx(0.1)


def test_lost_and_tentative_tracks_are_in_track_states_only(bench, tracker):
    messages = pytest.importorskip('mot_ros_msgs.msg')
    states = bench.collect(messages.TrackArray, '/tracker/track_states')
    child, camera, tracks = tracker(states)
    walk(camera, 0, 5)
    for number in (5, 6):
        camera.publish(camera_image(100 + number * STEP))
    bench.until(lambda: len(tracks) == 7 and len(states) == 7, 'seven frames', child=child)

    assert stamps_of(states) == stamps_of(tracks)
    assert ids_of(tracks[4]) == [track.id for track in states[4].tracks] == ['1']
    assert states[4].tracks[0].state == messages.Track.CONFIRMED
    assert ids_of(tracks[6]) == []
    lost, = states[6].tracks
    assert (lost.id, lost.state) == ('1', messages.Track.LOST)
    assert lost.time_since_seen == pytest.approx(2 * STEP, abs=1e-4)
    assert 2 < lost.velocity_x < 60
    assert abs(lost.velocity_y) < 2


def test_duplicate_late_and_zero_stamps_are_dropped_and_counted(bench, tracker):
    child, camera, tracks = tracker()
    sent = walk(camera, 0, 4)
    camera.publish(camera_image(sent[-1], walker(4)))
    camera.publish(camera_image(sent[-1] - 0.5, walker(4)))
    camera.publish(camera_image(0.0, walker(4)))
    sent += walk(camera, 5, 2)
    bench.until(lambda: len(tracks) >= 6, 'tracks', child=child)

    status = bench.next_status()
    assert stamps_of(tracks) == pytest.approx(sent, abs=1e-6)
    assert {ids_of(message)[0] for message in tracks[1:]} == {'1'}
    for reason in ('duplicate stamp', 'out of order', 'zero stamp'):
        assert status[f'dropped: {reason}'] == '1'
    assert (bench.count('frames in', status), bench.count('frames out', status)) == (9, 6)
    assert 'sequence.zero_stamp' in child.text


def test_zero_stamps_can_be_allowed(bench, tracker):
    child, camera, tracks = tracker(sequence__zero_stamp='receive_time')
    for number in range(3):
        camera.publish(camera_image(0.0, walker(number)))
        bench.until(lambda: len(tracks) > number, 'tracks', child=child)  # noqa: B023
    assert stamps_of(tracks) == [0.0] * 3
    assert ids_of(tracks[2]) == ['1']


def test_images_that_do_not_fit_cost_one_frame_each(bench, tracker):
    child, camera, tracks = tracker()
    walk(camera, 0, 3)
    for number, (name, value) in enumerate([
            ('encoding', 'jpeg'), ('step', 3), ('width', 0), ('height', 7)], 3):
        message = camera_image(100 + number * STEP, walker(number))
        setattr(message, name, value)
        camera.publish(message)
    cut = camera_image(100 + 7 * STEP, walker(7))
    cut.data = cut.data[:-100]
    camera.publish(cut)
    padded = camera_image(100 + 8 * STEP, walker(8))
    padded.data.extend(bytes(100))
    camera.publish(padded)
    # at its new width it has rows that are too short
    wide = camera_image(100 + 9 * STEP, walker(9))
    wide.width = 4000
    camera.publish(wide)
    walk(camera, 10, 2)
    bench.until(lambda: len(tracks) >= 5, 'tracks after the bad ones', child=child)

    status = bench.next_status()
    assert len(tracks) == 5
    assert ids_of(tracks[-1]) == ['1'], 'a bad image must not touch the tracks'
    assert status['dropped: encoding'] == '1'
    assert status['dropped: step'] == '2'
    assert status['dropped: size'] == '1'
    assert status['dropped: data length'] == '3'
    assert bench.count('frames in', status) == 12
    assert status['frames dropped'] == '7'
    for words in ("'jpeg'", 'height x step', '0x120'):
        assert words in child.text


@pytest.mark.parametrize('change', [
    {'size': (200, 120)}, {'frame_id': 'other'}, {'begin': 120.0}])
def test_size_frame_and_gap_drop_tracks_and_ids_go_on(bench, tracker, change):
    child, camera, tracks = tracker()
    walk(camera, 0, 4)
    walk(camera, 4, 4, **change)
    bench.until(lambda: len(tracks) >= 8, 'tracks', child=child)
    assert ids_of(tracks[3]) == ['1']
    assert ids_of(tracks[7]) == ['2']
    reasons = [key for key in bench.next_status() if key.startswith('resets: ')]
    assert len(reasons) == 2, 'that of the change, and the one requested before'


def test_a_bag_played_twice_gives_byte_identical_tracks(bench, tracker, tmp_path):
    bag = record_images(tmp_path / 'bag', [
        camera_image(100 + number * STEP, walker(number), (100, 5 + number, 120, 50 + number))
        for number in range(45)])
    child, camera, tracks = tracker(raw=True)
    for _ in range(2):
        for serialized in bag():
            camera.publish(serialized)
    bench.until(lambda: len(tracks) >= 90, 'both passes', child=child)
    # every field to the last bit; only the padding within CDR is whatever was in memory
    messages = [deserialize_message(raw, Detection2DArray) for raw in tracks]
    assert [repr(message) for message in messages[45:]] == [
        repr(message) for message in messages[:45]]
    assert messages[45:] == messages[:45]
    assert [len(raw) for raw in tracks[45:]] == [len(raw) for raw in tracks[:45]]
    assert ids_of(messages[44]) == ids_of(messages[89]) == ['1', '2']
    status = bench.next_status()
    assert status['resets: time jumped back'] == '1'
    assert 'time jumped back' in child.text


def record_images(path, messages):
    """Write a bag of images with rosbags; returns what plays it: an iterator of raw messages."""
    from rosbags.rosbag2 import Reader, StoragePlugin, Writer
    from rosbags.typesys import get_typestore, Stores

    with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection(
            '/image', 'sensor_msgs/msg/Image', typestore=get_typestore(Stores.ROS2_HUMBLE))
        for number, message in enumerate(messages):
            writer.write(connection, number, serialize_message(message))

    def play():
        with Reader(path) as reader:
            for _, _, serialized in reader.messages():
                yield bytes(serialized)

    return play


def test_an_exception_costs_its_frame_and_ten_are_an_error(bench, tracker):
    child, camera, tracks = tracker()
    walk(camera, 0, 3)
    broken = camera_image(100 + 3 * STEP, walker(3))
    broken.data[:3] = type(broken.data)('B', (255, 0, 0))
    camera.publish(broken)
    walk(camera, 4, 2)
    bench.until(lambda: len(tracks) >= 5, 'tracks after the failure', child=child)
    status = bench.next_status()
    assert status['dropped: tracker failed'] == '1'
    assert status['last failure'] == 'RuntimeError: a blue corner'
    assert 'a blue corner' in child.text

    for number in range(6, 16):
        broken.header.stamp = to_stamp(100 + number * STEP)
        camera.publish(broken)
    bench.until(lambda: bench.status().get('failures in a row') == '10', 'failures', child=child)
    assert bench.status()['level'] == '2'
    assert 'a blue corner' in bench.status()['message']

    walk(camera, 16, 2)
    bench.until(lambda: len(tracks) >= 7, 'tracks after many failures', child=child)
    assert bench.next_status()['level'] == '0'


def test_a_lost_gpu_ends_the_process_so_that_it_is_started_again(bench, tracker):
    child, camera, tracks = tracker(environment={
        'STUB_FAILURE': 'CUDA error: an illegal memory access was encountered'})
    walk(camera, 0, 2)
    bench.until(lambda: len(tracks) == 2, 'tracks', child=child)
    broken = camera_image(100 + 3 * STEP, walker(3))
    broken.data[:3] = type(broken.data)('B', (255, 0, 0))
    camera.publish(broken)
    bench.until(lambda: bench.status().get('level') == '2', 'an error is reported')
    assert 'the GPU is lost: RuntimeError: CUDA error' in bench.status()['message']
    assert child.wait() == 1
    assert 'the GPU cannot be used any more in this process' in child.text
    assert 'an illegal memory access' in child.text
    assert 'Traceback' not in child.text


def test_reset_restarts_ids_and_enable_stops_and_resumes(bench, tracker):
    child, camera, tracks = tracker()
    walk(camera, 0, 3)
    bench.until(lambda: len(tracks) == 3, 'tracks', child=child)

    assert bench.call(
        SetBool, '/tracker/enable', SetBool.Request(data=False)).success
    walk(camera, 3, 3)
    bench.until(lambda: bench.status().get('dropped: disabled') == '3', 'drops', child=child)
    assert len(tracks) == 3
    assert bench.call(SetBool, '/tracker/enable', SetBool.Request(data=True)).success
    walk(camera, 6, 3)
    bench.until(lambda: len(tracks) == 6, 'tracks again', child=child)
    assert ids_of(tracks[5]) == ['2'], 'ids go on after enable'

    assert bench.call(Trigger, '/tracker/reset', Trigger.Request()).success
    walk(camera, 9, 3)
    bench.until(lambda: len(tracks) == 9, 'tracks after the reset', child=child)
    assert ids_of(tracks[8]) == ['1'], 'ids restart after reset'


def test_the_newest_frame_wins_with_queue_latest(bench, start_tracker):
    child = start_tracker(drop_warning=1.0, environment={'STUB_DELAY': '0.2'})
    camera, tracks = bench.camera(BEST_EFFORT), bench.tracks()
    bench.connected(child, camera, tracks)
    sent = []
    for number in range(20):
        sent += walk(camera, number, 1)
        bench.spin(0.02)
    bench.until(lambda: tracks and stamps_of(tracks)[-1] == sent[-1], 'the newest', child=child)

    status = bench.next_status()
    assert 2 <= len(tracks) < 20
    assert stamps_of(tracks) == sorted(stamps_of(tracks))
    received, dropped = (
        bench.count(key, status) for key in ('frames in', 'frames dropped'))
    assert received == dropped + len(tracks) == dropped + bench.count('frames out', status)
    assert int(status['dropped: a newer frame came first']) == int(status['frames dropped']) > 0
    assert status['level'] == '0', 'skipping is what latest is for'

    assert bench.set_parameters(drop_warning=0.3)[0].successful
    for number in range(20, 40):
        walk(camera, number, 1)
        bench.spin(0.02)
    bench.until(lambda: '% of the frames are skipped' in bench.status()['message'],
                'the warning', child=child)
    assert bench.status()['level'] == '1'
    assert 'detect_every' in bench.status()['message']


def test_silence_is_explained_with_topic_and_candidates(bench, start_tracker):
    child = start_tracker('image:=/front/image', silence=2.0)
    camera = bench.camera(topic='/rear/image')
    bench.until(lambda: 'no image for 2 s' in child.text, 'the warning', child=child)
    assert 'nobody publishes /front/image' in child.text
    assert 'image_topic:=/rear/image' in child.text
    assert bench.next_status()['level'] == '1'
    bench.node.destroy_publisher(camera)


def test_a_camera_of_the_wrong_kind_is_explained(bench, start_tracker):
    child = start_tracker(reliability='reliable', silence=2.0)
    bench.camera(BEST_EFFORT)
    bench.until(lambda: 'no image for 2 s' in child.text, 'the warning', child=child)
    assert 'reliability:=best_effort' in child.text
    assert '/bench' in child.text


def test_large_images_lost_on_the_way_are_reported_with_the_remedy(
        bench, start, start_tracker, tmp_path):
    # a profile of the user's own, which the camera node leaves alone: Fast DDS as it comes
    profile = tmp_path / 'plain.xml'
    profile.write_text(
        '<dds xmlns="http://www.eprosima.com"><profiles><participant profile_name="plain" '
        'is_default_profile="true"><rtps/></participant></profiles></dds>')
    video = tmp_path / 'video'
    video.mkdir()
    for number in range(30):
        cv2.imwrite(str(video / f'{number}.png'), np.full((720, 1280, 3), number, np.uint8))
    child = start_tracker()
    camera = start(
        python('mot_ros.ros.nodes.camera', *ros_args(
            source=video, rate=30, reliability='best_effort', wait_for_subscribers=1, loop=True)),
        **{profile_variable(): str(profile)})
    bench.until(lambda: int(bench.status().get('images lost on the way', 0)) > 0, 'losses',
                child=child)
    assert 'fastdds.xml' in child.text
    assert camera.stop() == 0


def test_the_shipped_profile_makes_large_images_arrive(bench, start, start_tracker, tmp_path):
    for number in range(40):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.full((720, 1280, 3), number, np.uint8))
    child = start_tracker(queue='all', reliability='best_effort')
    bench.until(lambda: bench.status().get('state') == 'active', 'active', child=child)
    camera = start(
        python('mot_ros.ros.nodes.camera', *ros_args(
            source=tmp_path, rate=15, reliability='best_effort', wait_for_subscribers=1)),
        **{profile_variable(): ''})
    assert camera.wait() == 0
    status = bench.next_status()
    # without the profile one or two would
    assert int(status['frames in']) >= 36, child.text


def test_diagnostics_come_while_the_clock_stands(bench, start_tracker):
    child = start_tracker(use_sim_time=True)
    bench.until(lambda: bench.status().get('state') == 'active', 'diagnostics', child=child)
    count = bench.reports
    bench.until(lambda: bench.reports >= count + 3, 'more diagnostics', child=child)
