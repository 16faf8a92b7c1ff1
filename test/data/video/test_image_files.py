# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Image folders as people have them: hidden files, cut images, EXIF orientations."""

import json
from pathlib import Path
import struct

import cv2
import numpy as np
import pytest

from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.types import COMPRESSED_IMAGE, make_typestore
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.datasets.coco import read_coco
from mot_ros.data.datasets.coco_source import CocoFrames
from mot_ros.data.datasets.labelled_images import yolo_images
from mot_ros.data.datasets.mot_folder import read_sequence
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import SourceError

APPLE_DOUBLE = bytes.fromhex('00051607000200004d6163204f53205820')


def noise(number: int, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    small = np.random.default_rng(number).integers(0, 256, (8, 12, 3), np.uint8)
    return cv2.resize(small, size)


def oriented(image: np.ndarray, orientation: int) -> bytes:
    """Return a JPEG with an EXIF orientation from 1 to 8."""
    jpeg = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    exif = b'Exif\0\0II*\0' + struct.pack('<IHHHIHHI', 8, 1, 0x112, 3, 1, orientation, 0, 0)
    return jpeg[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + jpeg[2:]


def write_images(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        cv2.imwrite(str(folder / name), noise(number))


@pytest.mark.parametrize('hidden', ['._img_1.jpg', '.img_0.jpg', '.thumb.png'])
def test_hidden_files_are_no_images(tmp_path: Path, hidden: str) -> None:
    write_images(tmp_path / 'img1', ['img_1.jpg', 'img_2.jpg'])
    (tmp_path / 'img1' / hidden).write_bytes(APPLE_DOUBLE)
    for source in (tmp_path, tmp_path / 'img1', f'{tmp_path}/img1/*', f'{tmp_path}/img1/.*'):
        if str(source).endswith('.*'):
            with pytest.raises(SourceError, match='no image matches'):
                open_source(source)
            continue
        frames = open_source(source, fps=10)
        assert [frame.stamp for frame in frames] == [0.0, 0.1]
        assert frames.shortcomings == []


def test_hidden_files_do_not_make_a_folder_one_of_images(tmp_path: Path) -> None:
    (tmp_path / 'img1').mkdir()
    (tmp_path / 'img1' / '._000001.jpg').write_bytes(APPLE_DOUBLE)
    (tmp_path / 'gt').mkdir()
    (tmp_path / 'gt' / 'gt.txt').write_text('1,1,1,1,5,5,1\n')
    (tmp_path / 'seqinfo.ini').write_text(
        '[Sequence]\nname=a\nimDir=img1\nframeRate=5\nseqLength=2\nimWidth=9\nimHeight=9\n')
    assert read_sequence(tmp_path).images is None


def test_hidden_files_are_no_training_images(tmp_path: Path) -> None:
    write_images(tmp_path / 'images' / 'train', ['a.jpg'])
    (tmp_path / 'images' / 'train' / '._a.jpg').write_bytes(APPLE_DOUBLE)
    assert [image.path.name for image in yolo_images(tmp_path, 'train')] == ['a.jpg']


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'bmp', 'webp', 'tif'])
@pytest.mark.parametrize('share', [0.0, 0.02, 0.5, 0.95])
def test_cut_images_are_unreadable(tmp_path: Path, suffix: str, share: float) -> None:
    write_images(tmp_path / 'a', [f'{number}.{suffix}' for number in range(3)])
    file = tmp_path / 'a' / f'1.{suffix}'
    content = file.read_bytes()
    file.write_bytes(content[:int(len(content) * share)])
    source = open_source(tmp_path / 'a')
    assert [source.index_of(frame) for frame in source] == [0, 2]
    assert source.unreadable == [1]
    assert f'1.{suffix}' in source.shortcomings[0]


@pytest.mark.parametrize('suffix', ['jpg', 'png'])
def test_bytes_after_the_end_cost_nothing(tmp_path: Path, suffix: str) -> None:
    write_images(tmp_path / 'a', [f'0.{suffix}'])
    with (tmp_path / 'a' / f'0.{suffix}').open('ab') as file:
        file.write(bytes(1000))
    assert len(list(open_source(tmp_path / 'a'))) == 1


def test_thumbnail_does_not_make_a_cut_image_whole(tmp_path: Path) -> None:
    image = cv2.imencode('.jpg', noise(1))[1].tobytes()
    small = cv2.imencode('.jpg', noise(2, (16, 16)))[1].tobytes()
    part = b'Exif\0\0' + small
    whole = image[:2] + b'\xff\xe1' + struct.pack('>H', len(part) + 2) + part + image[2:]
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / '0.jpg').write_bytes(whole)
    (tmp_path / 'a' / '1.jpg').write_bytes(whole[:-300])
    source = open_source(tmp_path / 'a')
    assert len(list(source)) == 1
    assert source.unreadable == [1]


def write_bag(path: Path, jpeg: bytes) -> None:
    store = make_typestore()
    make = store.types
    header = make['std_msgs/msg/Header'](
        make['builtin_interfaces/msg/Time'](sec=1, nanosec=0), 'camera')
    message = make[COMPRESSED_IMAGE](header, 'jpeg', np.frombuffer(jpeg, np.uint8))
    with BagWriter(path, {'/i': COMPRESSED_IMAGE}) as writer:
        writer.write('/i', 1, bytes(store.serialize_cdr(message, COMPRESSED_IMAGE)))


@pytest.mark.parametrize('orientation', range(1, 9))
def test_orientation_means_the_same_in_folder_and_bag(tmp_path: Path, orientation: int) -> None:
    jpeg = oriented(noise(1), orientation)
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / '0.jpg').write_bytes(jpeg)
    write_bag(tmp_path / 'bag', jpeg)
    of_folder, = open_source(tmp_path / 'a')
    of_bag, = BagSource(tmp_path / 'bag')
    assert of_folder.size == of_bag.size == (96, 64)
    np.testing.assert_array_equal(of_folder.image, of_bag.image)


@pytest.mark.parametrize(('size', 'wanted'), [
    ((96, 64), (96, 64)), ((64, 96), (64, 96)), (None, (96, 64))])
def test_coco_says_which_way_up_its_boxes_are(
        tmp_path: Path, size: tuple[int, int] | None, wanted: tuple[int, int]) -> None:
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / '0.jpg').write_bytes(oriented(noise(1), 6))
    stated = {} if size is None else {'width': size[0], 'height': size[1]}
    (tmp_path / 'a.json').write_text(json.dumps({
        'images': [{'id': 1, 'file_name': '0.jpg', **stated}],
        'categories': [{'id': 1, 'name': 'person'}], 'annotations': []}))
    file = read_coco(tmp_path / 'a.json')
    frame, = CocoFrames(file, file.video())
    assert frame.size == wanted


def test_coco_image_of_another_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / '0.jpg').write_bytes(oriented(noise(1), 1))
    (tmp_path / 'a.json').write_text(json.dumps({
        'images': [{'id': 1, 'file_name': '0.jpg', 'width': 64, 'height': 96}],
        'categories': [{'id': 1, 'name': 'person'}], 'annotations': []}))
    file = read_coco(tmp_path / 'a.json')
    with pytest.raises(SourceError, match=r'is 96x64, but .* states 64x96'):
        list(CocoFrames(file, file.video()))


def test_yolo_boxes_are_relative_to_the_turned_image(tmp_path: Path) -> None:
    (tmp_path / 'images' / 'train').mkdir(parents=True)
    (tmp_path / 'labels' / 'train').mkdir(parents=True)
    (tmp_path / 'images' / 'train' / '0.jpg').write_bytes(oriented(noise(1), 6))
    (tmp_path / 'labels' / 'train' / '0.txt').write_text('0 0.5 0.5 0.5 0.25\n')
    image, = yolo_images(tmp_path, 'train')
    assert image.read().shape[:2] == (96, 64)
    np.testing.assert_allclose(image.boxes, [[16, 36, 48, 60]])
