# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Bags of ROS 1: frames, truth, what is cut off, and what cannot be read."""

from pathlib import Path
import shutil

import numpy as np
import pytest
from rosbags.rosbag1 import Writer

from mot_ros.cli import main
from mot_ros.data.bags.bag_layout import is_bag
from mot_ros.data.bags.boxes import boxes_of_topic
from mot_ros.data.bags.qos import offers
from mot_ros.data.bags.reader import Bag
from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.topic_selection import bag_place
from mot_ros.data.bags.types import COMPRESSED_IMAGE, DETECTIONS, IMAGE
from mot_ros.data.sources import open_frames
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import SourceError
from test.data.bags.ros1_bags import INFO, picture, Ride, stamp_of


@pytest.fixture(scope='module')
def ride() -> Ride:
    return Ride()


ALL = {'/cam/image_raw': IMAGE, '/cam/camera_info': INFO, '/truth': DETECTIONS}


@pytest.mark.parametrize('compression', ['', 'BZ2', 'LZ4'])
@pytest.mark.parametrize('name', ['ride.bag', 'ride'])
def test_frames_with_stamps(tmp_path: Path, ride: Ride, name: str, compression: str) -> None:
    path = ride.write(tmp_path / name, ALL, compression=compression)
    source = open_frames(path)
    frames = list(source)
    assert (source.length, source.size, source.fps) == (6, (32, 24), 10.0)
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.image, picture(number))
    assert [frame.nanoseconds for frame in frames] == [stamp_of(i) for i in range(6)]
    assert source.stamps() == [stamp_of(number) for number in range(6)]
    assert frames[0].frame_id == 'optical'
    assert source.shortcomings == []
    assert {topic.name: topic.type for topic in source.bag.topics} == ALL


def test_compressed_images_and_camera_info(tmp_path: Path, ride: Ride) -> None:
    path = ride.write(tmp_path / 'a.bag', {'/cam/compressed': COMPRESSED_IMAGE, '/info': INFO})
    assert len(list(open_frames(path))) == 6
    bag = Bag(path)
    record = next(iter(bag.records(['/info'])))
    assert bag.deserialize(record).k.tolist() == [7.0] * 9


def test_truth_of_the_vision_msgs_of_ros1(tmp_path: Path, ride: Ride) -> None:
    path = ride.write(tmp_path / 'a.bag', ALL)
    found = boxes_of_topic(BagSource(path), '/truth')
    assert found.mismatches == []
    assert found.rows.ids.tolist() == [7] * 6
    assert found.rows.at(3).boxes[0].tolist() == [10, 8, 14, 16]
    place = bag_place(path, None, None)
    assert place.place.read().truth.ids.tolist() == [7] * 6
    # its bytes are no message of today, so nobody may publish them
    assert Bag(path).differing == {DETECTIONS}


@pytest.mark.parametrize('chunk', [1, 1 << 20])
@pytest.mark.parametrize('compression', ['', 'BZ2'])
def test_cut_off_bag_is_read_up_to_the_cut(
        tmp_path: Path, ride: Ride, compression: str, chunk: int) -> None:
    path = ride.write(
        tmp_path / 'a.bag', {'/i': IMAGE}, frames=20, compression=compression, chunk=chunk)
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) * 6 // 10])
    if compression and chunk > 1:
        # one chunk that is cut: nothing of it can be decompressed
        with pytest.raises(SourceError, match='cut off before its first message'):
            BagSource(path)
        return
    source = BagSource(path)
    frames = list(source)
    assert 5 < len(frames) < 15
    np.testing.assert_array_equal(frames[-1].image, picture(len(frames) - 1))
    assert any('is cut off' in sentence for sentence in source.shortcomings)


def test_bag_that_was_never_closed_is_read(tmp_path: Path, ride: Ride) -> None:
    path = ride.write(tmp_path / 'a.bag.active', {'/i': IMAGE})
    content = path.read_bytes()
    place = content.index(b'index_pos=') + len(b'index_pos=')
    path.write_bytes(content[:place] + bytes(8) + content[place + 8:])
    assert len(list(BagSource(path))) == 6


def test_what_cannot_be_read_is_said(tmp_path: Path, ride: Ride) -> None:
    old = tmp_path / 'old.bag'
    old.write_bytes(b'#ROSBAG V1.2\n' + bytes(100))
    with pytest.raises(SourceError, match=r'only bags of format 2\.0'):
        open_frames(old)
    empty = tmp_path / 'empty.bag'
    empty.write_bytes(b'#ROSBAG V2.0\n' + bytes(4096))
    with pytest.raises(SourceError, match='is cut off before its first message'):
        Bag(empty)
    folder = tmp_path / 'rides'
    folder.mkdir()
    one = ride.write(folder / 'one.bag', {'/i': IMAGE})
    assert is_bag(folder)
    assert len(list(open_frames(folder))) == 6
    shutil.copy(one, folder / 'two.bag')
    with pytest.raises(SourceError, match='holds 2 bags of ROS 1'):
        open_frames(folder)
    with pytest.raises(SourceError, match='is a bag, not a video'):
        open_source(one)
    scans = ride.write(tmp_path / 'info.bag', {'/info': INFO})
    with pytest.raises(SourceError, match=r'no topic of images .*/info \(sensor_msgs/msg/Camera'):
        BagSource(scans)


def test_latched_topics_stay_latched(tmp_path: Path, ride: Ride) -> None:
    path = tmp_path / 'a.bag'
    with Writer(path) as writer:
        connection = writer.add_connection('/i', IMAGE, typestore=ride.store, latching=1)
        writer.write(connection, stamp_of(0), ride.store.serialize_ros1(
            ride.image(0, picture(0)), IMAGE))
    assert offers(path, Bag(path).topics)['/i'].latched


def test_convert_and_evaluate(tmp_path: Path, ride: Ride,
                              capsys: pytest.CaptureFixture[str]) -> None:
    path = ride.write(tmp_path / 'a.bag', ALL)
    assert main(['convert', str(path), str(tmp_path / 'mot')]) == 0
    truth = (tmp_path / 'mot' / 'gt' / 'gt.txt').read_text().splitlines()
    assert len(truth) == 6
    results = tmp_path / 'results.txt'
    results.write_text(''.join(f'{n},7,{n + 8},9,4,8,1,-1,-1,-1\n' for n in range(1, 7)))
    assert main(['evaluate', '--bag', str(path), '--tracks', str(results),
                 '-o', str(tmp_path / 'report')]) == 0
    assert 'HOTA' in capsys.readouterr().out
    assert main(['convert', str(path), str(tmp_path / 'bag'), '--to', 'bag']) == 2
    assert 'rosbags-convert --src' in capsys.readouterr().err
