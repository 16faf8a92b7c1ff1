# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Lines of YOLO label files: boxes with what may stand after them, and outlines."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.datasets.labelled_images import yolo_images
from mot_ros.data.datasets.yolo_lines import yolo_box
from mot_ros.tracking.errors import SourceError

BOX = [.4, .3, .6, .7]
COCO_POINTS = ' '.join(['0.5 0.5 2', '0 0 0', '0.6 0.4 1'] * 5 + ['0.5 0.5 2'] * 2)


@pytest.mark.parametrize(('line', 'numbers'), [
    ('0 0.5 0.5 0.2 0.4', None),
    ('0 0.5 0.5 0.2 0.4 0.9', None),
    ('0 0.5 0.5 0.2 0.4 17', None),
    ('0 0.5 0.5 0.2 0.4 0.9 1', None),
    ('0 0.5 0.5 0.2 0.4 1 1234', None),
    ('0 0.5 0.5 0.2 0.4 0.45 0.35 0.55 0.65', 4),
    ('0 0.5 0.5 0.2 0.4 0.45 0.35 2 0.55 0.65 1', 6),
    ('0 0.5 0.5 0.2 0.4 0.45 0.35 2 0.55 0.65 1', None),
    (f'0 0.5 0.5 0.2 0.4 {COCO_POINTS}', None),
    (f'0 0.5 0.5 0.2 0.4 {COCO_POINTS}', 51)])
def test_box_with_more_after_it(line: str, numbers: int | None) -> None:
    kind, box = yolo_box('a.txt, line 1', line, numbers)
    assert kind == 0
    np.testing.assert_allclose(box, BOX)


@pytest.mark.parametrize('line', [
    '0 0.4 0.3 0.6 0.3 0.6 0.7', '0 0.4 0.3 0.6 0.3 0.6 0.7 0.4 0.7',
    '0 0.4 0.5 0.5 0.3 0.6 0.5 0.5 0.7 0.45 0.6'])
def test_outline_stands_for_its_box(line: str) -> None:
    np.testing.assert_allclose(yolo_box('a.txt, line 1', line)[1], BOX)


@pytest.mark.parametrize(('line', 'numbers'), [
    ('0 0.5 0.5 0.2', None), ('0.5 0.5 0.5 0.2 0.4', None), ('0 5 5 2 4', None),
    ('0 0.5 0.5 0.2 0.4 0.4 0.4 0.4 0.4 0.4 0.4 0.4', None),
    ('0 0.5 0.5 0.2 0.4 0.45 0.35 0.55 0.65 0.1 0.1', 4), ('0 nan 0.5 0.2 0.4', None)])
def test_other_lines_are_refused(line: str, numbers: int | None) -> None:
    with pytest.raises(SourceError, match=r'a\.txt, line 1: .* is no class with cx cy w h'):
        yolo_box('a.txt, line 1', line, numbers)


def write(folder: Path, line: str, yaml: str) -> None:
    for name in ('images', 'labels'):
        (folder / name / 'train').mkdir(parents=True)
    cv2.imwrite(str(folder / 'images' / 'train' / '0.png'), np.zeros((100, 100, 3), np.uint8))
    (folder / 'labels' / 'train' / '0.txt').write_text(line)
    (folder / 'data.yaml').write_text(yaml)


def test_shape_of_key_points_is_read_from_the_yaml(tmp_path: Path) -> None:
    write(tmp_path, '0 0.5 0.5 0.2 0.4 0.45 0.35 0.55 0.65\n', 'kpt_shape: [2, 2]\n')
    image, = yolo_images(tmp_path, 'train')
    np.testing.assert_allclose(image.boxes, [[40, 30, 60, 70]])


def test_byte_order_mark_is_no_class(tmp_path: Path) -> None:
    write(tmp_path, '\ufeff0 0.5 0.5 0.2 0.4\n', 'names: [person]\n')
    image, = yolo_images(tmp_path, 'train')
    np.testing.assert_allclose(image.boxes, [[40, 30, 60, 70]])


def test_bad_shape_of_key_points_is_refused(tmp_path: Path) -> None:
    write(tmp_path, '0 0.5 0.5 0.2 0.4\n', 'kpt_shape: 17\n')
    with pytest.raises(SourceError, match=r'data\.yaml: kpt_shape is 17'):
        yolo_images(tmp_path, 'train')
