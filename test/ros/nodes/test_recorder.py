# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The recorder node in a process of its own."""

from __future__ import annotations

import shutil
import signal

import cv2
import pytest

pytest.importorskip('rclpy')

from rclpy.duration import Duration
from rclpy.parameter import Parameter
from rclpy.serialization import serialize_message
from ros_bench import camera_image, python, ros_args
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray

from mot_ros.data.bags.salvage import messages
from mot_ros.data.bags.writer import STORAGES
from mot_ros.data.datasets.mot import read_tracks
from mot_ros.data.output import count_frames
from mot_ros.ros.conversion import to_stamp
from mot_ros.ros.nodes import recorder as recorder_module
from mot_ros.ros.nodes.recorder import RecorderNode
from mot_ros.ros.package_share import share
from mot_ros.tracking.errors import SourceError

HASH = 'RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968'


def tracks_at(number):
    """Return a message in which track 7 walks; every third one is empty."""
    message = Detection2DArray(header=Header(stamp=to_stamp(50 + number / 10), frame_id='x'))
    if number % 3:
        detection = Detection2D(header=message.header, id='cam/7')
        detection.bbox.center.position.x, detection.bbox.center.position.y = 40.0 + number, 50.0
        detection.bbox.size_x, detection.bbox.size_y = 20.0, 40.0
        message.detections.append(detection)
    return message


@pytest.fixture
def recorder(bench, start, tmp_path):
    """Start it with its output in `tmp_path / 'out'`; returns process and publishers."""
    def begin(**parameters):
        child = start(python('mot_ros.ros.nodes.recorder', *ros_args(
            output=tmp_path / 'out', **parameters)))
        tracks = bench.node.create_publisher(Detection2DArray, 'tracks', 1000)
        images = bench.node.create_publisher(Image, 'debug_image', 100)
        bench.until(
            lambda: tracks.get_subscription_count()
            and (images.get_subscription_count() or not parameters.get('video')),
            'the recorder', child=child)
        return child, tracks, images
    return begin


def recorded(bench):
    return bench.status('recorder: recording').get('frames recorded')


def read_bag(path):
    with Reader(path) as reader:
        connection, = reader.connections
        return connection, [bytes(data) for _, _, data in reader.messages()]


@pytest.mark.parametrize('storage', STORAGES)
def test_the_bag_holds_what_was_published(bench, recorder, tmp_path, storage):
    child, tracks, _ = recorder(storage=storage)
    # serialised once: the padding within CDR is whatever was in memory
    sent = [serialize_message(tracks_at(number)) for number in range(20)]
    for message in sent:
        tracks.publish(message)
    bench.until(lambda: recorded(bench) == '20', 'all tracks', child=child)
    assert child.stop(signal.SIGINT, signal.SIGINT) == 0

    connection, messages = read_bag(tmp_path / 'out' / 'tracks')
    assert connection.topic == '/tracks'
    assert connection.msgtype == 'vision_msgs/msg/Detection2DArray'
    assert connection.digest == HASH
    # DDS fills up to a multiple of four bytes
    assert [raw[:len(bare)] for raw, bare in zip(messages, sent, strict=True)] == sent
    assert all(len(raw) - len(bare) < 4 for raw, bare in zip(messages, sent, strict=True))
    metadata = (tmp_path / 'out' / 'tracks' / 'metadata.yaml').read_text()
    assert 'version: 8' in metadata
    assert f'storage_identifier: {storage}' in metadata
    rows = read_tracks(tmp_path / 'out' / 'tracks.txt')
    # frames are numbered from 1 in the order of their tracks, empty ones too
    assert rows.frames.tolist() == [number + 1 for number in range(20) if number % 3]
    assert set(rows.ids.tolist()) == {7}
    assert rows.boxes[0].tolist() == [31.0, 30.0, 51.0, 70.0]
    assert not (tmp_path / 'out' / 'annotated.mp4').exists()
    assert 'Traceback' not in child.text


def test_it_ends_by_itself_some_time_after_the_last_tracks(bench, recorder):
    child, tracks, _ = recorder(idle_timeout=1.0)
    tracks.publish(tracks_at(1))
    bench.until(lambda: child.process.poll() is not None, 'the end')
    assert child.wait() == 0
    assert '1 frames and 0 images recorded' in child.text


def test_video_and_contact_sheet(bench, recorder, tmp_path):
    child, tracks, images = recorder(video=True, video_rate=12)
    for number in range(9):
        tracks.publish(tracks_at(number))
        images.publish(camera_image(50 + number / 10, (10, 10, 60, 60), size=(320, 240)))
    bench.until(
        lambda: recorded(bench) == '9'
        and bench.status('recorder: recording')['images recorded'] == '9', 'all', child=child)
    assert child.stop() == 0
    video = cv2.VideoCapture(str(tmp_path / 'out' / 'annotated.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 9
    assert video.get(cv2.CAP_PROP_FPS) == 12
    assert video.read()[1][30, 30].min() > 200
    sheet = cv2.imread(str(tmp_path / 'out' / 'contact_sheet.png'))
    assert sheet is not None
    assert sheet.max() > 200


def test_without_tracks_there_is_no_bag(bench, recorder, tmp_path):
    child, _, _ = recorder()
    assert child.stop() == 0
    assert not (tmp_path / 'out' / 'tracks').exists()


@pytest.mark.parametrize('parameters, words', [
    ({}, 'output is not set'), ({'output': '/dev/null/x'}, '/dev/null/x'),
    ({'video_rate': 0.0}, 'video_rate is 0')])
def test_what_is_wrong_is_said_and_the_status_is_1(start, parameters, words):
    child = start(python('mot_ros.ros.nodes.recorder', *ros_args(**parameters)))
    assert child.wait() == 1
    assert words in child.text
    assert 'Traceback' not in child.text


def test_a_bag_that_is_there_is_not_overwritten(start, tmp_path):
    (tmp_path / 'tracks').mkdir()
    child = start(python('mot_ros.ros.nodes.recorder', *ros_args(output=tmp_path)))
    assert child.wait() == 1
    assert 'exists already' in child.text


def test_a_recording_that_cannot_be_written_ends_with_status_1(bench, recorder, tmp_path):
    child, tracks, _ = recorder()
    # the folder goes away under its feet
    shutil.rmtree(tmp_path / 'out')
    (tmp_path / 'out').write_text('')
    tracks.publish(tracks_at(1))
    bench.until(lambda: child.process.poll() is not None, 'the end')
    assert child.wait() == 1
    assert 'recording failed' in child.text


def test_a_kill_loses_only_what_came_since_the_last_flush(bench, recorder, tmp_path):
    child, tracks, images = recorder(video=True)
    for number in range(9):
        tracks.publish(tracks_at(number))
        images.publish(camera_image(50 + number / 10, (10, 10, 60, 60), size=(320, 240)))
    bench.until(
        lambda: recorded(bench) == '9'
        and bench.status('recorder: recording')['images recorded'] == '9', 'all', child=child)
    child.process.kill()
    child.process.wait()
    bag, = (tmp_path / 'out' / 'tracks').iterdir()
    assert len(list(messages(bag, {'/tracks'}))) == 9
    assert read_tracks(tmp_path / 'out' / 'tracks.txt').last_frame == 9
    assert count_frames(tmp_path / 'out' / 'annotated.mp4', decode=True) >= 8


@pytest.mark.parametrize('full', [False, True])
def test_messages_that_wait_at_the_end_are_recorded_or_counted(
        bench, tmp_path, full, monkeypatch, capfd):
    node = RecorderNode(
        context=bench.node.context,
        parameter_overrides=[Parameter('output', value=str(tmp_path / 'out'))])
    publisher = bench.node.create_publisher(Detection2DArray, 'tracks', 1000)
    bench.until(publisher.get_subscription_count, 'the recorder')
    for number in range(300):
        publisher.publish(tracks_at(number))
    assert publisher.wait_for_all_acked(Duration(seconds=10))
    if full:
        monkeypatch.setattr(recorder_module, 'DRAIN_TIME', -1.0)
    node.begin_to_end()
    node.destroy_node()
    bench.node.destroy_publisher(publisher)
    if full:
        assert '300 messages that had come were not recorded' in capfd.readouterr().err
    else:
        assert len(read_bag(tmp_path / 'out' / 'tracks')[1]) == 300


def test_a_second_recorder_of_a_folder_is_refused(recorder, start, tmp_path):
    child, _, _ = recorder()
    second = start(python('mot_ros.ros.nodes.recorder', *ros_args(output=tmp_path / 'out')))
    assert second.wait() == 1
    assert 'another run is writing to' in second.text
    assert 'Traceback' not in second.text
    assert child.stop() == 0
    # it recorded nothing and left nothing
    assert list((tmp_path / 'out').iterdir()) == []


def test_share_names_the_places_it_looked_in():
    assert share('vision_msgs', 'msg').is_dir()
    with pytest.raises(SourceError, match='no_such_package'):
        share('no_such_package', 'msg')
