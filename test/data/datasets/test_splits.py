# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Folders of annotated images, whole or in splits: every reader finds the same in them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.datasets.splits import splits
from mot_ros.data.synthetic.backgrounds import background_files
from mot_ros.data.synthetic.cutouts import polygon_cutouts, read_cutouts
from mot_ros.tracking.errors import SourceError
from mot_ros.training.datasets import read_datasets

SQUARE = '.3 .1 .6 .1 .6 .9 .3 .9'
"""The outline of somebody who is 60 pixels wide and 160 high."""


def write(root: Path, *names: str, outlined: bool = False) -> Path:
    """Write images `a` with a person and `b` without, in splits with these names."""
    for split in names:
        for kind in ('images', 'labels', *(['polygons'] if outlined else [])):
            (root / kind / split).mkdir(parents=True)
        for stem, line in (('a', '0 .45 .5 .3 .8\n'), ('b', '7 .5 .5 .1 .1\n')):
            cv2.imwrite(str(root / 'images' / split / f'{stem}.png'),
                        np.full((200, 200, 3), 90, np.uint8))
            (root / 'labels' / split / f'{stem}.txt').write_text(line)
        if outlined:
            (root / 'polygons' / split / 'a.txt').write_text(f'0 {SQUARE}\n')
    return root


def test_splits_are_folders_in_images(tmp_path: Path) -> None:
    root = write(tmp_path / 'd', 'val', 'train')
    assert splits(root) == [(root, 'train'), (root, 'val')]
    assert splits(root / 'images' / 'val') == [(root, 'val')]
    # what has images itself has no splits
    (root / 'images' / 'x.JPG').touch()
    assert splits(root) == [(root, '')]
    # nor what is only called so: a whole data set in a folder of data sets
    inner = write(tmp_path / 'images' / 'set', '')
    assert splits(inner) == [(inner, '')]
    assert splits(tmp_path / 'none') == [(tmp_path / 'none', '')]


@pytest.mark.parametrize('names', [[''], ['train'], ['train', 'val']])
def test_count_and_train_read_the_same(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], names: list[str]) -> None:
    root = write(tmp_path, *names, outlined=True)
    for place in (root, *(root / 'images' / name for name in names if name)):
        found = read_datasets([str(place)])
        meant = names if place == root else [place.name]
        assert sorted(image.path for image in found.images) == sorted(
            root / 'images' / name / f'{stem}.png' for name in meant for stem in 'ab')
        assert found.photographs == [root / 'images' / name / 'b.png' for name in meant]
        assert [cutout.path for cutout in found.cutouts] == [
            root / 'images' / name / 'a.png' for name in meant]
        assert cli.main(['count', '--yolo', str(place)]) == 0
        counted = capsys.readouterr().out.splitlines()
        assert counted == [
            f'{root / name}: 2 images, 1 with objects (1 of label 0), 0 boxes to ignore'
            for name in meant]
        assert (f'{place}: {2 * len(meant)} images, {len(meant)} with objects '
                f'({len(meant)} of label 0), 0 boxes to ignore') in found.counts
        # and of each where there are several
        assert set(counted) <= {*found.counts} or len(meant) == 1


def test_one_split_without_truth_is_refused_by_both(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write(tmp_path, 'train', 'val')
    for file in (root / 'labels' / 'val').iterdir():
        file.unlink()
    (root / 'labels' / 'val').rmdir()
    with pytest.raises(SourceError, match=r'val: 2 images and no object'):
        read_datasets([str(root)])
    assert cli.main(['count', '--yolo', str(root)]) == 2
    assert 'val: 2 images and no object' in capsys.readouterr().err
    assert len(read_datasets([str(root / 'images' / 'train')]).images) == 2


def test_cutouts_and_backgrounds_of_splits(tmp_path: Path) -> None:
    root = write(tmp_path, 'train', 'val', outlined=True)
    # the lowest class of all splits is people, not that of each
    (root / 'polygons' / 'val' / 'a.txt').write_text(f'3 {SQUARE}\n')
    found, = read_cutouts(root)
    assert found.path == root / 'images' / 'train' / 'a.png' and found.size[1] > 150
    assert len(polygon_cutouts(root, {0: 0, 3: 1})) == 2
    assert [path.relative_to(root / 'images') for path in background_files(root)] == [
        Path('train/b.png'), Path('val/b.png')]
    assert background_files(root / 'images' / 'val') == [root / 'images' / 'val' / 'b.png']
