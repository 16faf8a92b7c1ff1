# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Files made to harm: each is one sentence, soon, and takes no memory to speak of."""

import bz2
import json
import os
from pathlib import Path
import resource
import sqlite3
import struct
import time
import zlib

import cv2
import lz4.frame
import numpy as np
import pytest
from rosbags import rosbag1
from rosbags.rosbag2 import storage_mcap
from rosbags.rosbag2.storage_mcap import zstd

from mot_ros.data.bags import bounded_reader
from mot_ros.data.bags.box_messages import columns_of
from mot_ros.data.bags.boxes import boxes_of_topic
from mot_ros.data.bags.reader import Bag
from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.types import DETECTIONS, IMAGE, make_typestore
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.datasets.coco import read_coco
from mot_ros.data.datasets.crp import crp_places
from mot_ros.data.datasets.json_entry import load_json
from mot_ros.data.datasets.kitti import KittiLabels
from mot_ros.data.datasets.labelled_images import (
    crowdhuman_images,
    LabelledImage,
    penn_fudan_images,
    yolo_images,
)
from mot_ros.data.datasets.mot import read_tracks
from mot_ros.data.datasets.mot_folder import read_sequence
from mot_ros.data.datasets.yolo_lines import key_point_numbers
from mot_ros.data.decode import compressed_to_bgr
from mot_ros.data.photographs import read_mask_file, read_photograph
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.config.params_file import read_params_file
from mot_ros.tracking.detectors.wrappers import recorded
from mot_ros.tracking.errors import MotError, SourceError
from mot_ros.tracking.runtime import scratch
from mot_ros.training.config import read_config
from test.fuzz import data_files


@pytest.fixture(autouse=True)
def soon_and_small(tmp_path, monkeypatch):
    """Hold every test to five seconds of work and 400 MB."""
    monkeypatch.chdir(tmp_path)
    start = time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10


def compress_folder(folder, mode):
    """Turn a bag into one that is compressed with zstd, of which the content is a bomb."""
    metadata = folder / 'metadata.yaml'
    text = metadata.read_text().replace("compression_mode: ''", f'compression_mode: {mode}')
    metadata.write_text(text.replace("compression_format: ''", 'compression_format: zstd'))


@pytest.fixture(scope='module')
def bomb():
    """Return 5 kB of zstd that unpack to 128 MB."""
    return zstd.compress(b'\0' * (128 << 20))


def test_a_message_that_unpacks_to_gigabytes(monkeypatch, bomb):
    monkeypatch.setattr('mot_ros.data.bags.bounded_reader.MAX_MESSAGE_BYTES', 50 << 20)
    database = data_files.KINDS['bag.db3'][0]()
    with sqlite3.connect(database) as connection:
        connection.execute('UPDATE messages SET data = ?', (bomb,))
    compress_folder(database.parent, 'message')
    bag = Bag(database.parent)
    assert list(bag.records(['/i'])) == []
    assert 'unpack to more than 52 MB' in bag.shortcomings[0]


@pytest.mark.parametrize(('pack', 'kind'), [
    (zstd.compress, 'zstd'), (lz4.frame.compress, 'lz4'), (bz2.compress, 'bz2')])
def test_chunks_that_unpack_to_gigabytes(pack, kind, monkeypatch):
    monkeypatch.setattr('mot_ros.data.bags.bounded_reader.MAX_CHUNK_BYTES', 1 << 20)
    bomb = pack(b'\0' * (8 << 20))
    with pytest.raises(SourceError, match='unpack to more than 1 MB'):
        if kind == 'bz2':
            rosbag1.reader.decompressors[kind](bomb)
        else:
            storage_mcap.decompress(bomb, kind, 8 << 20, 0)
    with pytest.raises(SourceError, match='cut off'):
        bounded_reader.unpack(pack(b'abc' * 100)[:-6], 1000, {
            'zstd': zstd.ZstdDecompressor, 'lz4': lz4.frame.LZ4FrameDecompressor,
            'bz2': bz2.BZ2Decompressor}[kind])


def test_a_file_that_unpacks_to_gigabytes(monkeypatch, bomb, tmp_path):
    # other processes have scratch folders too
    monkeypatch.setattr(scratch.tempfile, 'tempdir', str(tmp_path))
    monkeypatch.setattr('mot_ros.data.bags.bounded_reader.MAX_FILE_BYTES', 50 << 20)
    monkeypatch.setattr('mot_ros.data.bags.bounded_reader.MAX_RATIO', 1)
    file = data_files.KINDS['bag.mcap'][0]()
    file.with_name(f'{file.name}.zstd').write_bytes(bomb)
    metadata = file.parent / 'metadata.yaml'
    compress_folder(file.parent, 'file')
    metadata.write_text(metadata.read_text().replace(file.name, f'{file.name}.zstd'))
    file.unlink()
    with pytest.raises(SourceError, match=r'unpacks to more than 52 MB; if that is right'):
        Bag(file.parent)
    assert not list(tmp_path.glob(f'{scratch.PREFIX}*/content/*'))


def test_compressed_bags_are_read_as_the_plain_ones(bag_images):
    for mode in ('file', 'message'):
        database = data_files.KINDS['bag.db3'][0]() if not Path('bag_sqlite3').exists() else next(
            Path('bag_sqlite3').glob('*.db3'))
        plain = database.read_bytes()
        metadata = database.parent / 'metadata.yaml'
        text = metadata.read_text()
        compress_folder(database.parent, mode)
        if mode == 'message':
            with sqlite3.connect(database) as connection:
                for number, data in connection.execute('SELECT id, data FROM messages').fetchall():
                    connection.execute('UPDATE messages SET data = ? WHERE id = ?', (
                        zstd.compress(data), number))
        else:
            database.with_name(f'{database.name}.zstd').write_bytes(zstd.compress(plain))
            metadata.write_text(metadata.read_text().replace(
                database.name, f'{database.name}.zstd'))
            database.unlink()
        assert bag_images(database.parent) == bag_images.plain
        for name in database.parent.glob('*.zstd'):
            name.unlink()
        database.write_bytes(plain)
        metadata.write_text(text)


@pytest.fixture
def bag_images():
    """Return a function that reads the images of a bag as bytes."""
    def read(folder):
        return [frame.image.tobytes() for frame in BagSource(folder)]
    read.plain = read(data_files.KINDS['bag.db3'][0]().parent)
    return read


@pytest.mark.parametrize('statement', [
    'ALTER TABLE messages RENAME TO old; CREATE VIEW messages AS WITH RECURSIVE c(id) AS '
    '(SELECT 1 UNION ALL SELECT id + 1 FROM c) SELECT id, 1 topic_id, id timestamp, x data FROM c '
    "JOIN (SELECT 'a' x)",
    'DROP TABLE message_definitions; CREATE VIEW message_definitions AS WITH RECURSIVE c(id) AS '
    "(SELECT 1 UNION ALL SELECT id + 1 FROM c) SELECT id, 'a' topic_type, 'ros2msg' encoding, "
    "'uint8 a' encoded_message_definition, '' type_description_hash FROM c",
    'ALTER TABLE messages ADD COLUMN big GENERATED ALWAYS AS (zeroblob(1000000000))',
    'UPDATE messages SET data = 900000000', "UPDATE messages SET timestamp = 'soon'",
    "UPDATE topics SET name = x'00ff'"])
@pytest.mark.parametrize('whole', [True, False])
def test_databases_that_compute_or_hold_other_types(statement, whole):
    file = data_files.KINDS['bag.db3'][0]()
    if not whole:
        (file.parent / 'metadata.yaml').unlink()
    with sqlite3.connect(file) as connection:
        connection.executescript(statement)
    try:
        bag = Bag(file.parent if not whole else file)
        assert len(list(bag.records(['/i']))) == 0
        assert bag.shortcomings
    except SourceError as error:
        assert len(str(error)) < 400


def merging(name, levels=12):
    """Return YAML that multiplies by ten on each line."""
    lines = ['a0: &a0 {k: v}'] + [
        f'a{level}: &a{level} {{<<: [{", ".join([f"*a{level - 1}"] * 10)}], k{level}: v}}'
        for level in range(1, levels)]
    return '\n'.join([*lines, f'{name}: *a{levels - 1}', ''])


YAMLS = {
    'merges': merging('kpt_shape'), 'itself': 'kpt_shape: &a [*a, *a]\n', 'deep': '[' * 5000,
    'date': 'kpt_shape: 2001-99-99\n', 'digits': f'kpt_shape: {"9" * 6000}\n',
    'base 60': f'kpt_shape: {":".join(["59"] * 300000)}\n', 'tags': 'kpt_shape: !!bool 3\n',
    'int': 'kpt_shape: !!int ""\n'}


@pytest.mark.parametrize('kind', YAMLS)
def test_yaml_without_end(kind, tmp_path):
    file = tmp_path / 'data.yaml'
    file.write_text(YAMLS[kind])
    readers = [
        read_params_file, lambda path: key_point_numbers(path.parent),
        lambda path: read_config('siammot', str(path), 'small')]
    bag = data_files.KINDS['metadata.yaml'][0]()
    bag.write_text('rosbag2_bagfile_information:\n  x: 1\n' + YAMLS[kind])
    for read in (*readers, lambda path: Bag(bag.parent)):
        try:
            read(file)
        except MotError as error:
            assert len(str(error)) < 700


def big_png(width, height):
    """Return a PNG of one colour that is small as a file."""
    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack(
            '>I', zlib.crc32(name + data))
    return b'\x89PNG\r\n\x1a\n' + chunk(
        b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)) + chunk(
            b'IDAT', zlib.compress(b'\0' * 10000)) + chunk(b'IEND', b'')


def claiming(kind):
    """Return a small file of some format that states 30000x30000 pixels, or its like."""
    image = np.zeros((48, 64, 3), np.uint8)
    content = bytearray(cv2.imencode(f'.{kind}', image)[1].tobytes())
    if kind == 'png':
        return big_png(30000, 30000)
    if kind == 'bmp':
        content[18:26] = struct.pack('<ii', 30000, 30000)
    elif kind == 'ppm':
        return bytes(content).replace(b'64 48', b'30000 30000')
    elif kind == 'jpg':
        at = content.index(b'\xff\xc0') + 5
        content[at:at + 4] = struct.pack('>HH', 30000, 30000)
    elif kind == 'webp':
        at = 26 if content[12:16] == b'VP8 ' else 21
        content[at:at + 4] = struct.pack('<HH', 16383, 16383) if at == 26 else struct.pack(
            '<I', 0x3fff | 0x3fff << 14)
    elif kind == 'tif':
        start, = struct.unpack_from('<I', content, 4)
        for entry in range(struct.unpack_from('<H', content, start)[0]):
            at = start + 2 + 12 * entry
            if struct.unpack_from('<H', content, at)[0] in (256, 257):
                content[at + 2:at + 12] = struct.pack('<HII', 4, 1, 30000)
    return bytes(content)


@pytest.mark.parametrize('kind', ['png', 'jpg', 'bmp', 'ppm', 'webp', 'tif'])
def test_images_of_30000_pixels_a_side(kind, tmp_path):
    good = cv2.imencode(f'.{kind}', np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    for content, size in ((good, (48, 64)), (claiming(kind), None)):
        file = tmp_path / f'a.{kind}'
        file.write_bytes(content)
        if size is not None:
            assert read_photograph(file).shape[:2] == size
            assert open_source(file).size == size[::-1]
            continue
        empty = np.zeros((0, 4), np.float32)
        labelled = LabelledImage(
            file, empty, empty, np.zeros(0, np.int64), np.zeros(0, np.bool_))
        for read in (
                read_photograph, read_mask_file, open_source,
                lambda _, image=labelled: image.read()):
            with pytest.raises(SourceError, match='pixels'):
                read(file)


def test_fifos_and_devices_wherever_a_file_is_read(tmp_path):
    fifo = tmp_path / 'a.jpg'
    os.mkfifo(fifo)
    for name in ('a.txt', 'a.json', 'a.odgt', 'a.mp4', '0000.txt', 'a.png'):
        os.mkfifo(tmp_path / name)
    (tmp_path / 'images').mkdir()
    (tmp_path / 'masks').mkdir()
    os.mkfifo(tmp_path / 'images' / 'a.png')
    os.mkfifo(tmp_path / 'masks' / 'a.png')
    (tmp_path / 'gt').mkdir()
    os.mkfifo(tmp_path / 'gt' / 'gt.txt')
    (tmp_path / 'seqinfo.ini').write_text(data_files.SEQINFO)
    reads = [
        lambda: read_photograph(fifo), lambda: open_source(fifo), lambda: open_source(tmp_path),
        lambda: read_tracks(tmp_path / 'a.txt'), lambda: load_json(tmp_path / 'a.json'),
        lambda: KittiLabels('a', tmp_path / '0000.txt').read(),
        lambda: crowdhuman_images(tmp_path / 'a.odgt', tmp_path),
        lambda: open_source(tmp_path / 'a.mp4'), lambda: yolo_images(tmp_path),
        lambda: penn_fudan_images(tmp_path), lambda: read_sequence(tmp_path),
        lambda: open_source('/dev/zero')]
    for read in reads:
        with pytest.raises(SourceError):
            read()


@pytest.mark.parametrize('begin', ['#EXTM3U\n#EXTINF:1,\n/dev/zero\n', 'ffconcat version 1.0\n'])
def test_a_list_of_other_files_is_no_video(begin, tmp_path):
    (tmp_path / 'a.mp4').write_text(begin)
    with pytest.raises(SourceError, match='list of other files'):
        open_source(tmp_path / 'a.mp4')


@pytest.mark.parametrize(('name', 'value'), [
    ('seqLength', '100000000'), ('imWidth', '1e300'), ('frameRate', f'{"9" * 400}/1')])
def test_a_sequence_that_states_too_much(name, value):
    data_files.KINDS['gt.txt'][0]()
    info = Path('mot/seqinfo.ini')
    info.write_text('\n'.join(
        f'{name}={value}' if line.startswith(name) else line
        for line in info.read_text().splitlines()))
    with pytest.raises(SourceError, match=name):
        read_sequence('mot')


@pytest.mark.parametrize(('line', 'reason'), [
    ('1e300,1,1,1,5,5,1', 'frame is 1e300'), ('100000000,1,1,1,5,5,1', 'frame is 100000000'),
    ('1,9007199254740993.0,1,1,5,5,1', r'id is 9007199254740993.0; it must be a whole number'),
    ('1,1,1e308,1,1e308,5,1', 'coordinates and sides are at most 1e\\+09')])
def test_lines_beyond_what_there_is(line, reason, tmp_path):
    file = tmp_path / 'a.txt'
    file.write_text(f'{line}\n')
    with pytest.raises(SourceError, match=reason):
        read_tracks(file)


def test_ids_above_2_to_the_53_stay_apart(tmp_path):
    file = tmp_path / 'a.txt'
    file.write_text('1,9007199254740993,1,1,5,5,1\n1,9007199254740992,9,9,5,5,1\n')
    assert read_tracks(file).ids.tolist() == [2**53 + 1, 2**53]


@pytest.mark.parametrize(('changes', 'reason'), [
    ({'track_id': 9007199254740993.0}, 'must be a whole number'),
    ({'bbox': [1e308, 0, 1e308, 5]}, 'four finite numbers'),
    ({'bbox': [0, 0, 10**400, 5]}, 'four finite numbers')])
def test_annotations_beyond_what_there_is(changes, reason, tmp_path):
    content = json.loads(json.dumps(data_files.COCO))
    content['annotations'][0].update(changes)
    (tmp_path / 'a.json').write_text(json.dumps(content))
    with pytest.raises(SourceError, match=reason):
        read_coco(tmp_path / 'a.json')


@pytest.mark.parametrize('metadata', [
    {'number_of_frames': 10**9}, {'fps': 10**400}, {'resolution': {'width': 1e300, 'height': 5}}])
def test_motion_sets_that_state_too_much(metadata, tmp_path):
    content = json.loads(json.dumps(data_files.CRP))
    content['samples']['a']['metadata'].update(metadata)
    (tmp_path / 'a.json').write_text(json.dumps(content))
    with pytest.raises(SourceError, match='must be'):
        for place in crp_places(tmp_path / 'a.json'):
            place.read()


def boxes_named(*names):
    """Return a serialized message with a box for each id."""
    store = make_typestore()
    make = {name.rpartition('/')[2]: kind for name, kind in store.types.items()}
    header = make['Header'](stamp=make['Time'](sec=1, nanosec=0), frame_id='camera')
    boxes = [make['BoundingBox2D'](
        center=make['Pose2D'](position=make['Point2D'](x=5., y=5.), theta=0.), size_x=4.,
        size_y=4.) for _ in names]
    found = [make['Detection2D'](header=header, results=[], bbox=box, id=name)
             for name, box in zip(names, boxes, strict=True)]
    return bytes(store.serialize_cdr(
        make['Detection2DArray'](header=header, detections=found), DETECTIONS))


def test_names_of_a_bag_that_end_alike_stay_apart():
    with BagWriter(Path('bag'), {'/i': IMAGE, '/truth': DETECTIONS}) as writer:
        writer.write_image('/i', 10**9, data_files.image(), 'camera')
        writer.write('/truth', 10**9, boxes_named('person_1', 'car_1', '9' * 30, '8' + '9' * 29))
    ids = boxes_of_topic(BagSource(Path('bag')), '/truth').rows.ids.tolist()
    assert len(set(ids)) == 4
    assert ids[0] == 1


def test_a_killed_process_leaves_no_folder_for_ever(monkeypatch, tmp_path):
    monkeypatch.setattr(scratch.tempfile, 'tempdir', str(tmp_path))
    stale = tmp_path / f'{scratch.PREFIX}stale'
    (stale / 'content').mkdir(parents=True)
    (stale / scratch.LOCK).touch()
    with scratch.scratch_folder() as first:
        assert not stale.exists()
        with scratch.scratch_folder():
            assert first.is_dir()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('where', ['file', 'message'])
def test_a_png_whose_chunk_states_gigabytes(where, tmp_path):
    content = bytearray(cv2.imencode('.png', np.zeros((24, 32, 3), np.uint8))[1].tobytes())
    at = content.index(b'IDAT') - 4
    content[at:at + 4] = struct.pack('>I', 0x90000000)
    (tmp_path / 'a.png').write_bytes(content)
    with pytest.raises(MotError, match='breaks off'):
        if where == 'file':
            read_photograph(tmp_path / 'a.png')
        else:
            compressed_to_bgr(bytes(content), 'bgr8; png compressed bgr8')


def test_boxes_that_a_bag_defines_otherwise():
    message = type('Message', (), {'detections': [type('Box', (), {'id': 'a'})]})
    with pytest.raises(SourceError, match='has not the fields of vision_msgs'):
        columns_of(message)


def test_cached_detections_that_unpack_to_gigabytes(monkeypatch):
    path = data_files.KINDS['detections.npz'][0]()
    assert recorded.load(path, {'k': 1})[0] == ('person',)
    monkeypatch.setattr(recorded, 'MAX_UNPACKED', 1 << 20)
    with path.open('wb') as file:
        np.savez_compressed(file, header='{}', boxes=np.zeros(1 << 20))
    with pytest.raises(SourceError, match='bytes unpack to'):
        recorded.load(path, {'k': 1})
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SourceError, match='a FIFO, not a regular file'):
        recorded.load(path, {'k': 1})
