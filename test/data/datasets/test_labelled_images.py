# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Images with boxes in the layouts of other people, and what is wrong in them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.datasets.labelled_images import (
    check_split,
    coco_images,
    crowdhuman_images,
    penn_fudan_images,
    yolo_images,
)
from mot_ros.tracking.errors import SourceError


def write_image(path: Path, size: tuple[int, int] = (80, 60)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((size[1], size[0], 3), np.uint8))


def test_penn_fudan(tmp_path: Path) -> None:
    write_image(tmp_path / 'images' / 'a.jpg')
    (tmp_path / 'masks').mkdir()
    mask = np.zeros((60, 80), np.uint8)
    mask[5:30, 10:20] = 1
    mask[8:50, 40:55] = 3
    cv2.imwrite(str(tmp_path / 'masks' / 'a.png'), mask)
    image, = penn_fudan_images(tmp_path)
    assert image.boxes.tolist() == [[10, 5, 20, 30], [40, 8, 55, 50]]
    assert image.read().shape == (60, 80, 3)
    assert str(check_split('train', [image])) == (
        'train: 1 images, 1 with objects (2 of label 0), 0 boxes to ignore')


@pytest.mark.parametrize('split', ['', 'train'])
@pytest.mark.parametrize('ending', ['.png', '.jpg', '.bmp'])
def test_yolo(tmp_path: Path, split: str, ending: str) -> None:
    for name in 'ab':
        write_image(tmp_path / 'images' / split / f'{name}{ending}')
    (tmp_path / 'labels' / split).mkdir(parents=True)
    (tmp_path / 'labels' / split / 'a.txt').write_text(
        '0 .5 .5 .25 .5\n\n7 .1 .1 .1 .1\n0 .1 .1 .2 .1 .2 .3\n0 .5 .5 0 0\n')
    first, second = yolo_images(tmp_path, split)
    np.testing.assert_allclose(first.boxes, [[30, 15, 50, 45], [8, 6, 16, 18]], rtol=1e-6)
    assert len(second.boxes) == 0
    both = yolo_images(tmp_path, split, {0: 3, 7: 1})
    assert both[0].labels.tolist() == [3, 1, 3]
    assert check_split('s', both).objects == {1: 1, 3: 2}
    assert check_split('s', both).with_objects == 1


def test_crowdhuman(tmp_path: Path) -> None:
    write_image(tmp_path / 'images' / '27,a.jpg')
    boxes = [
        {'tag': 'person', 'fbox': [-5, 2, 30, 50], 'vbox': [0, 2, 20, 40]},
        {'tag': 'person', 'fbox': [5, 2, 30, 50], 'vbox': [6, 2, 20, 40], 'extra': {'ignore': 1}},
        {'tag': 'mask', 'fbox': [50, 2, 9, 9], 'vbox': [50, 2, 9, 9]}]
    (tmp_path / 'a.odgt').write_text(json.dumps({'ID': '27,a', 'gtboxes': boxes}) + '\n')
    image, = crowdhuman_images(tmp_path / 'a.odgt', tmp_path / 'images')
    assert image.boxes[0].tolist() == [-5, 2, 25, 52]
    assert image.visible[0].tolist() == [0, 2, 20, 42]
    assert image.ignored.tolist() == [False, True, True]
    assert check_split('val', [image]).ignored == 2


def test_coco(tmp_path: Path) -> None:
    write_image(tmp_path / 'images' / 'a.jpg')
    (tmp_path / 'a.json').write_text(json.dumps({
        'images': [{'id': 4, 'file_name': 'a.jpg', 'width': 80, 'height': 60}],
        'categories': [{'id': 1, 'name': 'person'}, {'id': 3, 'name': 'car'}],
        'annotations': [
            {'id': 1, 'image_id': 4, 'category_id': 1, 'bbox': [1, 2, 10, 20]},
            {'id': 2, 'image_id': 4, 'category_id': 3, 'bbox': [1, 2, 30, 20]},
            {'id': 3, 'image_id': 4, 'category_id': 1, 'bbox': [5, 2, 30, 20], 'iscrowd': 1}]}))
    image, = coco_images(tmp_path / 'a.json', tmp_path / 'images')
    assert image.boxes.tolist() == [[1, 2, 11, 22], [5, 2, 35, 22]]
    assert image.ignored.tolist() == [False, True]
    both, = coco_images(tmp_path / 'a.json', tmp_path / 'images', {'car': 2, 'person': 0})
    assert both.labels.tolist() == [0, 2, 0]


def test_an_empty_split_is_an_error(tmp_path: Path) -> None:
    write_image(tmp_path / 'images' / 'a.jpg')
    with pytest.raises(SourceError, match='1 images and no object'):
        check_split('val', yolo_images(tmp_path))
    with pytest.raises(SourceError, match='0 images'):
        check_split('val', [])
    (tmp_path / 'labels').mkdir()
    (tmp_path / 'labels' / 'a.txt').write_text('0 .5 .5 .5 .5')
    images = yolo_images(tmp_path)
    (tmp_path / 'images' / 'a.jpg').unlink()
    with pytest.raises(SourceError, match=r'a\.jpg does not exist'):
        check_split('val', images)


@pytest.mark.parametrize('text', ['0 .5 .5', '0 .5 .5 .1 x', '0 50 50 10 10', '.5 .5 .5 .1 .1'])
def test_a_broken_line_is_named(tmp_path: Path, text: str) -> None:
    write_image(tmp_path / 'images' / 'a.jpg')
    (tmp_path / 'labels').mkdir()
    (tmp_path / 'labels' / 'a.txt').write_text(f'0 .5 .5 .1 .1\n{text}\n')
    with pytest.raises(SourceError, match='line 2'):
        yolo_images(tmp_path)


@pytest.mark.parametrize('line', ['{', '{"ID": "a"}', '{"ID": "a", "gtboxes": [{"tag": 1}]}', '3'])
def test_a_broken_odgt_is_named(tmp_path: Path, line: str) -> None:
    write_image(tmp_path / 'a.jpg')
    (tmp_path / 'a.odgt').write_text(f'{line}\n')
    with pytest.raises(SourceError, match='line 1'):
        crowdhuman_images(tmp_path / 'a.odgt', tmp_path)


def test_missing_places_are_named(tmp_path: Path) -> None:
    for read in (penn_fudan_images, yolo_images):
        with pytest.raises(SourceError, match='no images'):
            read(tmp_path)
    (tmp_path / 'a.odgt').write_text('{"ID": "a", "gtboxes": []}\n')
    with pytest.raises(SourceError, match='no image called a'):
        crowdhuman_images(tmp_path / 'a.odgt', tmp_path)


def test_the_command_counts_splits_and_fails_for_an_empty_one(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ('train', 'val'):
        write_image(tmp_path / 'images' / split / 'a.jpg')
        (tmp_path / 'labels' / split).mkdir(parents=True)
        (tmp_path / 'labels' / split / 'a.txt').write_text('0 .5 .5 .5 .5\n')
    (tmp_path / 'a.odgt').write_text(json.dumps({'ID': 'a', 'gtboxes': [
        {'tag': 'person', 'fbox': [1, 1, 9, 9]}]}))
    words = ['count', '--yolo', str(tmp_path), '--crowdhuman', str(tmp_path / 'a.odgt'),
             str(tmp_path / 'images' / 'val')]
    assert cli.main(words) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split(': ')[1] for line in out] == ['1 images, 1 with objects (1 of label 0), '
                                                     '0 boxes to ignore'] * 3
    (tmp_path / 'labels' / 'val' / 'a.txt').write_text('')
    assert cli.main(words) == 2
    assert 'nothing to learn' in capsys.readouterr().err
    assert cli.main(['count']) == 2
