# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Bags without ROS: frames, stamps, truth, what is cut off, and what is named wrongly."""

import contextlib
from pathlib import Path
import shutil
import threading

from mcap.exceptions import EndOfFile
from mcap.records import Message
from mcap.stream_reader import StreamReader
import numpy as np
import pytest

from mot_ros.data.bags.bag_layout import is_bag
from mot_ros.data.bags.boxes import boxes_of_topic, by_order, by_stamp
from mot_ros.data.bags.reader import Bag
from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.types import COMPRESSED_IMAGE, DETECTIONS, IMAGE, make_typestore
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.sources import open_frames
from mot_ros.tracking.errors import ConfigError, OutputError, SourceError
from mot_ros.tracking.runtime.output_file import new_folder
from test.limits import limited_files

SECOND = 1_000_000_000
STORAGES = ('mcap', 'sqlite3')
HASH = 'RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968'
TOPICS = {'/camera/image': IMAGE, '/truth': DETECTIONS}


def picture(number: int) -> np.ndarray:
    return np.full((120, 160, 3), number * 5, np.uint8)


def stamp_of(number: int) -> int:
    return SECOND + round(number * SECOND / 7)


def write(path: Path, storage: str, frames: int = 30) -> Path:
    with BagWriter(path, TOPICS, storage) as writer:
        for number in range(frames):
            stamp = stamp_of(number)
            writer.write_image('/camera/image', stamp, picture(number), 'optical')
            box = [[number, 10, number + 20, 50], [60, 10, 80, 50]]
            writer.write_boxes('/truth', stamp, MotRows([1, 1], [7, -1], box, [1, 0]))
    return path


def storage_file(bag: Path) -> Path:
    return next(file for file in bag.iterdir() if file.suffix in ('.mcap', '.db3'))


def levels(source: BagSource) -> list[int]:
    return [int(frame.image[0, 0, 0]) // 5 for frame in source]


@pytest.mark.parametrize('storage', STORAGES)
def test_frames_in_order_with_the_stamps_of_the_headers(tmp_path: Path, storage: str) -> None:
    bag = write(tmp_path / 'bag', storage)
    source = open_frames(bag)
    frames = list(source)
    assert levels(source) == list(range(30))
    assert (source.length, source.size, source.fps) == (30, (160, 120), 7.0)
    assert [frame.stamp for frame in frames] == [
        stamp_of(i) / SECOND for i in range(30)]
    assert [frame.nanoseconds for frame in frames] == [stamp_of(i) for i in range(30)]
    assert [source.index_of(frame) for frame in frames] == list(range(30))
    assert source.stamps() == [stamp_of(number) for number in range(30)]
    assert frames[3].frame_id == 'optical'
    assert source.shortcomings == []
    # a file of it is a bag too
    assert levels(open_frames(storage_file(bag))) == list(range(30))
    assert source.fingerprint() == open_frames(bag).fingerprint()


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for storage in STORAGES:
        a = write(tmp_path / 'a' / storage, storage)
        b = write(tmp_path / 'b' / storage, storage)
        assert storage_file(a).read_bytes() == storage_file(b).read_bytes()
        assert 'version: 8' in (a / 'metadata.yaml').read_text()


def test_type_hash_is_that_of_ros() -> None:
    assert make_typestore().hash_rihs01(DETECTIONS) == HASH


def test_start_and_frames_and_no_thread_left(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', 'mcap')
    source = BagSource(bag, start=5, frames=3)
    assert levels(source) == [5, 6, 7]
    assert source.length == 3
    with pytest.raises(SourceError, match='30 frames; start'):
        BagSource(bag, start=30)
    with pytest.raises(ConfigError, match='fps is nan'):
        BagSource(bag, fps=float('nan'))
    before = threading.active_count()
    for _ in BagSource(bag):
        break
    assert threading.active_count() == before


@pytest.mark.parametrize('storage', STORAGES)
def test_cut_off_bag_is_read_up_to_the_cut(tmp_path: Path, storage: str) -> None:
    bag = write(tmp_path / 'bag', storage)
    file = storage_file(bag)
    file.write_bytes(file.read_bytes()[:file.stat().st_size * 6 // 10])
    for path in (bag, file):
        source = BagSource(path)
        seen = levels(source)
        assert 10 < len(seen) < 20
        assert seen == list(range(len(seen)))
        assert any('is cut off' in sentence for sentence in source.shortcomings)
    # the metadata say how many there were
    source = BagSource(bag)
    list(source)
    assert 'announces 30 frames, but ends after' in source.shortcomings[0]
    (bag / 'metadata.yaml').unlink()
    assert levels(BagSource(bag)) == seen


@pytest.mark.parametrize('content', [b'', b'nonsense' * 100])
@pytest.mark.parametrize('name', ['a.mcap', 'a.db3'])
def test_what_is_no_bag_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=name):
        BagSource(path)
    assert not is_bag(tmp_path / 'nothing')


def test_wrong_topics_are_named_with_those_that_there_are(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', 'mcap', frames=2)
    with pytest.raises(SourceError, match=r'no topic /x; its topics are: /camera/image \(sens'):
        BagSource(bag, '/x')
    with pytest.raises(SourceError, match=r'/truth in .* is of type vision_msgs/msg/Detection2DA'):
        BagSource(bag, '/truth')
    two = tmp_path / 'two'
    with BagWriter(two, {'/a': IMAGE, '/b': COMPRESSED_IMAGE}) as writer:
        writer.write_image('/a', SECOND, picture(1))
        writer.write_jpeg('/b', SECOND, picture(2), 95)
    with pytest.raises(SourceError, match='several topics of images: /a, /b'):
        BagSource(two)
    assert levels(BagSource(two, '/b')) == [2]
    with pytest.raises(SourceError, match='no topic of boxes'):
        boxes_of_topic(BagSource(two, '/a'))
    with pytest.raises(SourceError, match='is no bag, so there is no topic'):
        open_frames(tmp_path / 'film.avi', topic='/a')


def test_padded_rows_and_an_unusable_message(tmp_path: Path) -> None:
    store = make_typestore()
    make, header = store.types, None
    pixels = np.random.default_rng(1).integers(0, 256, (6, 7, 3), np.uint8)
    padded = np.pad(pixels.reshape(6, 21), ((0, 0), (0, 3)), constant_values=9)
    with BagWriter(tmp_path / 'bag', {'/i': IMAGE}) as writer:
        for number, size in enumerate((144, 100, 144)):
            header = make['std_msgs/msg/Header'](
                make['builtin_interfaces/msg/Time'](sec=number + 1, nanosec=0), 'x')
            writer.write('/i', number, bytes(store.serialize_cdr(make[IMAGE](
                header, 6, 7, 'bgr8', 0, 24, padded.reshape(-1)[:size]), IMAGE)))
    source = BagSource(tmp_path / 'bag')
    frames = list(source)
    np.testing.assert_array_equal(frames[0].image, pixels)
    assert source.unreadable == [1]
    assert [source.index_of(frame) for frame in frames] == [0, 2]
    assert '100 bytes' in source.shortcomings[0]


@pytest.mark.parametrize('storage', STORAGES)
def test_truth_of_a_topic(tmp_path: Path, storage: str) -> None:
    found = boxes_of_topic(BagSource(write(tmp_path / 'bag', storage, frames=4)))
    assert found.mismatches == []
    assert found.annotated.tolist() == [1, 2, 3, 4]
    assert found.rows.ids.tolist() == [7, -1] * 4
    assert found.rows.values.tolist() == [1, 0] * 4
    assert found.rows.at(3).boxes[0].tolist() == [2, 10, 22, 50]


def test_mismatches_of_stamps_are_counted(tmp_path: Path) -> None:
    one = MotRows([1], [3], [[1, 2, 3, 4]], [1])
    with BagWriter(tmp_path / 'bag', TOPICS) as writer:
        for number in range(4):
            writer.write_image('/camera/image', stamp_of(number), picture(number))
        for stamp in (stamp_of(0), stamp_of(0), stamp_of(1) + 1, stamp_of(3)):
            writer.write_boxes('/truth', stamp, one)
    found = boxes_of_topic(BagSource(tmp_path / 'bag'))
    assert found.annotated.tolist() == [1, 4]
    strays, repeated, silent = found.mismatches
    assert '1 of the 4 messages of /truth have the stamp of no image' in strays
    assert '1 of the 4 messages of /truth repeat a stamp' in repeated
    assert '2 of 4 images have no message of /truth, the first is image 2' in silent


def test_an_id_that_comes_twice_is_named(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag', TOPICS) as writer:
        writer.write_image('/camera/image', SECOND, picture(1))
        writer.write_boxes('/truth', SECOND, MotRows([1, 1], [3, 3], [[1, 2, 3, 4]] * 2, [1, 1]))
    with pytest.raises(SourceError, match=r"/truth at 1\.000000000 s: id '3' comes twice"):
        boxes_of_topic(BagSource(tmp_path / 'bag'))


def test_text_files_by_order_and_by_stamp() -> None:
    rows = MotRows([1, 2, 3, 5], [1] * 4, [[1, 2, 3, 4]] * 4, [1] * 4)
    ordered = by_order(rows, 3)
    assert ordered.rows.frames.tolist() == [1, 2, 3]
    assert 'the first is 5: there are 3 images' in ordered.mismatches[0]
    # the image of frame 2 was lost on the way
    stamps = [SECOND, SECOND + SECOND // 5, SECOND + 4 * SECOND // 10 + 1000]
    stamped = by_stamp(rows, stamps, 10.0, 0.01)
    assert stamped.rows.frames.tolist() == [1, 2, 3]
    assert '1 frames of the file with 1 boxes' in stamped.mismatches[0]
    assert 'within 0.01 s' in stamped.mismatches[0]


def test_a_failed_bag_is_removed_and_none_is_overwritten(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), BagWriter(tmp_path / 'bag', {'/i': IMAGE}) as writer:
        writer.write_image('/i', SECOND, picture(1))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / 'bag', 'mcap', frames=1)
    with pytest.raises(OutputError, match='exists already'):
        BagWriter(tmp_path / 'bag', {})
    assert Bag(tmp_path / 'bag').count('/truth') == 1


@pytest.mark.parametrize('storage', STORAGES)
def test_what_was_flushed_is_read_without_the_end_of_the_bag(
        tmp_path: Path, storage: str) -> None:
    writer = BagWriter(tmp_path / 'bag', TOPICS, storage)
    for number in range(6):
        writer.write_image('/camera/image', stamp_of(number), picture(number))
        if number in (2, 4):
            writer.flush()
    # as a kill leaves it
    killed = shutil.copytree(tmp_path / 'bag', tmp_path / 'killed')
    writer.flush()
    writer.close()
    assert not (killed / 'metadata.yaml').exists()
    for bag in (killed, storage_file(killed)):
        assert levels(open_frames(bag)) == list(range(5))
    assert levels(open_frames(tmp_path / 'bag')) == list(range(6))
    if storage == 'mcap':
        # the reader that anyone has
        found = []
        # its word for a file without a summary, after the last message
        with storage_file(killed).open('rb') as file, contextlib.suppress(EndOfFile):
            for record in StreamReader(file).records:
                found += [record] if isinstance(record, Message) else []
        assert [message.log_time for message in found] == [stamp_of(number) for number in range(5)]


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('room', [0, 30000, 200000])
def test_a_bag_for_which_there_is_no_room_is_an_error(
        tmp_path: Path, storage: str, room: int) -> None:
    path = tmp_path / 'bag'
    with limited_files(room), pytest.raises(OutputError, match=r'bag cannot be written: .'), \
            new_folder(path, make=False) as folder, \
            BagWriter(folder, TOPICS, storage) as writer:
        for number in range(10):
            writer.write_image('/camera/image', stamp_of(number), picture(number))
    assert list(tmp_path.iterdir()) == []


def test_messages_that_are_missing_are_noticed(tmp_path: Path) -> None:
    for whole in (False, True):
        writer = BagWriter(tmp_path / f'bag{whole}', TOPICS, whole=whole)
        writer.write_image('/camera/image', SECOND, picture(1))
        writer._count += 1
        with pytest.raises(OutputError, match='1 of 2 messages can be read back'):
            writer.close()
