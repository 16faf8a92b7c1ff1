# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""COCO files as other tools write them: tracks in attributes, Windows paths, flat boxes."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.bags.boxes import boxes_of_topic
from mot_ros.data.bags.source import BagSource
from mot_ros.data.datasets.coco import read_coco
from mot_ros.data.datasets.coco_source import boxes_of, image_files
from mot_ros.tracking.errors import SourceError


def write(folder: Path, annotations: list[dict[str, Any]], name: str = 'f{}.png') -> Path:
    """Write three images and a file with one annotation for each of them."""
    folder.mkdir(exist_ok=True)
    for number in range(3):
        path = folder / 'images' / name.format(number).replace('\\', '/')
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((60, 80, 3), 50, np.uint8))
    (folder / 'annotations.json').write_text(json.dumps({
        'images': [{'id': number + 1, 'file_name': name.format(number), 'width': 80, 'height': 60}
                   for number in range(3)],
        'categories': [{'id': 1, 'name': 'person'}],
        'annotations': [
            {'id': number, 'image_id': number + 1, 'category_id': 1, 'bbox': [5, 6, 10, 20],
             **extra} for number, extra in enumerate(annotations)]}))
    return folder / 'annotations.json'


@pytest.mark.parametrize('extra', [
    {'attributes': {'track_id': 7, 'occluded': False}}, {'track_id': 7},
    {'instance_id': 7}, {'track_id': 7, 'attributes': {'track_id': 3}},
    {'track_id': None, 'attributes': {'track_id': 7.0}}])
def test_track_ids_wherever_they_stand(tmp_path: Path, extra: dict[str, Any]) -> None:
    video = read_coco(write(tmp_path, [extra] * 3)).video()
    assert video.rows.ids.tolist() == [7, 7, 7]


@pytest.mark.parametrize('attributes', [{}, {'occluded': True}, [], None, 'x'])
def test_attributes_without_a_track(tmp_path: Path, attributes: Any) -> None:
    video = read_coco(write(tmp_path, [{'attributes': attributes}] * 3)).video()
    assert not video.has_tracks


def test_bad_track_in_attributes_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'annotations\[0\]\.attributes\.track_id is -7'):
        read_coco(write(tmp_path, [{'attributes': {'track_id': -7}}]))


def test_tracks_of_cvat_become_the_truth_of_a_bag(tmp_path: Path) -> None:
    write(tmp_path / 'a', [{'attributes': {'track_id': 7}}] * 3)
    assert cli.main(
        ['convert', str(tmp_path / 'a'), str(tmp_path / 'bag'), '--to', 'bag', '--fps', '10']) == 0
    assert boxes_of_topic(BagSource(tmp_path / 'bag')).rows.ids.tolist() == [7, 7, 7]


@pytest.mark.parametrize('name', ['f{}.png', 'left\\f{}.png', 'a\\b\\f{}.png', 'a/b\\f{}.png'])
def test_paths_of_windows(tmp_path: Path, name: str) -> None:
    file = read_coco(write(tmp_path, [], name))
    assert all(path.is_file() for path in image_files(file, file.video()))


@pytest.mark.parametrize('box', [[5, 6, 0, 20], [5, 6, 10, 0], [5, 6, -3, 20], [5, 6, -3, -4]])
def test_box_without_area_is_kept_as_a_point(tmp_path: Path, box: list[int]) -> None:
    file = read_coco(write(tmp_path, [{'track_id': 7}, {'track_id': 7, 'bbox': box}]))
    video = file.video()
    assert video.rows.boxes[1].tolist() == [5, 6, 5, 6]
    assert any('1 of 2 boxes have no area' in note for note in boxes_of(file, video).notes)
