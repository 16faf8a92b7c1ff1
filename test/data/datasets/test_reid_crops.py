# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Re-ID crops by the names of their files, and training samples of them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.datasets.reid_crops import find_crops, ReidCrops
from mot_ros.data.synthetic.person_crops import CropChoice
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.training.datasets import read_datasets

PLAIN = CropChoice(views=4, jitter=0.0, light=0.0, blur=0.0, erase=0.0, cover=0.0)


def write(folder: Path, names: dict[str, int]) -> Path:
    """Write crops of one grey level each."""
    folder.mkdir(exist_ok=True)
    for name, grey in names.items():
        cv2.imwrite(str(folder / name), np.full((60, 24, 3), grey, np.uint8))
    return folder


@pytest.fixture
def cuhk03(tmp_path: Path) -> Path:
    # the second camera sees everybody 100 levels brighter, nobody is 5 from another
    return write(tmp_path / 'cuhk03', {
        f'{who:04d}_{view:02d}_l.jpg': 20 * who + 10 + (100 if view > 4 else 0)
        for who in range(3) for view in (0, 1, 5, 9)})


@pytest.mark.parametrize(('name', 'person', 'camera'), [
    ('0002_c3s1_000451_03.jpg', 2, 3), ('0107_04_l.jpg', 107, 0), ('0107_05_d.jpg', 107, 1),
    ('0871002.jpg', 871, 0), ('0871003.jpg', 871, 1)])
def test_names_tell_person_and_camera(
        tmp_path: Path, name: str, person: int, camera: int) -> None:
    crop, = find_crops(write(tmp_path / 'a', {name: 9, '-1_c1s1_000451_03.jpg': 9, 'b.jpg': 9}))
    assert (crop.person, crop.camera) == (person, camera)


def test_the_first_people_and_the_last_are_apart(cuhk03: Path) -> None:
    first = {crop.person for crop in read_datasets([f'{cuhk03}=2']).crops}
    last = {crop.person for crop in find_crops(cuhk03, last=1)}
    assert (first, last) == ({0, 1}, {2})
    with pytest.raises(SourceError, match=r'=x: after a folder of crops comes the number'):
        read_datasets([f'{cuhk03}=x'])


def test_a_sample_shows_one_person_to_both_cameras(cuhk03: Path) -> None:
    crops = ReidCrops(find_crops(cuhk03), PLAIN)
    assert sorted(crops.sample(index).identity for index in range(3)) == [0, 1, 2]
    for index in range(6):
        sample = crops.sample(index)
        assert sample.identity < crops.people == 3
        greys = sample.views.mean((1, 2, 3))
        middle = 20 * sample.identity + 10
        # noise and compression stay within a few levels
        near = np.minimum(abs(greys - middle), abs(greys - middle - 100))
        assert near.max() < 6
        assert (greys > middle + 50).sum() == 2
        assert np.array_equal(sample.views, crops.sample(index).views)


def test_somebody_else_stands_in_front(cuhk03: Path) -> None:
    covered = ReidCrops(find_crops(cuhk03), CropChoice(
        views=4, jitter=0.0, light=0.0, blur=0.0, erase=0.0, cover=1.0))
    spread = [view.mean(2).std() for index in range(3) for view in covered.sample(index).views]
    plain = ReidCrops(find_crops(cuhk03), PLAIN)
    assert min(spread) > max(
        view.mean(2).std() for index in range(3) for view in plain.sample(index).views)


def test_people_of_one_camera_are_not_enough(tmp_path: Path) -> None:
    folder = write(tmp_path / 'a', {'0001_00_l.jpg': 1, '0001_01_l.jpg': 2, '0002_05_l.jpg': 3})
    with pytest.raises(ConfigError, match='0 of 2 people are seen by two cameras'):
        ReidCrops(find_crops(folder))
