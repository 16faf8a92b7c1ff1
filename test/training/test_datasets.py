# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.tracking.errors import ConfigError, SourceError
from mot_ros.training.config import read_config
from mot_ros.training.datasets import held_out, read_datasets
from mot_ros.training.init import make_crops
from mot_ros.training.overfit import OverfitSubset
from mot_ros.training.tasks.siammot_pairs import FittedPairs, PairMix


@pytest.fixture
def root(tmp_path):
    """Write two images, a figure on one of them, with masks and YOLO labels."""
    figure = draw_figures(1)[0].image
    for name in ('images', 'masks', 'labels'):
        (tmp_path / name).mkdir()
    for number in range(2):
        image = np.full((400, 300, 3), 90, np.uint8)
        mask = np.zeros((400, 300), np.uint8)
        lines = ''
        if number:
            height, width = figure.shape[:2]
            solid = figure[..., 3] > 127
            image[50:50 + height, 60:60 + width][solid] = figure[..., :3][solid]
            mask[50:50 + height, 60:60 + width] = solid
            lines = f'0 {(60 + width / 2) / 300} {(50 + height / 2) / 400} ' \
                f'{width / 300} {height / 400}\n'
        cv2.imwrite(str(tmp_path / f'images/{number}.png'), image)
        cv2.imwrite(str(tmp_path / f'masks/{number}.png'), mask)
        (tmp_path / f'labels/{number}.txt').write_text(lines)
    return tmp_path


def test_everything_in_a_folder_is_found_and_counted(root):
    found = read_datasets([str(root)])
    assert len(found.images) == 4 and len(found.cutouts) == 1
    # the one on which nobody is
    assert [path.name for path in found.photographs] == ['0.png']
    assert f'{root}: 4 images, 2 with objects (2 of label 0), 0 boxes to ignore' in found.counts
    assert f'{root}: 1 people to be cut out' in found.counts


def test_empty_truth_is_refused_loudly(root):
    for name in ('masks', 'labels'):
        for file in (root / name).glob('1.*'):
            file.unlink()
    for file in (root / 'masks').iterdir():
        file.unlink()
    (root / 'masks').rmdir()
    with pytest.raises(SourceError, match='2 images and no object'):
        read_datasets([str(root)])


def test_what_is_no_data_is_named(root, tmp_path):
    with pytest.raises(SourceError, match='neither a folder nor a file'):
        read_datasets([str(tmp_path / 'none')])
    with pytest.raises(SourceError, match='none of the folders masks'):
        read_datasets([str(root / 'images')])
    text = tmp_path / 'x.txt'
    text.touch()
    with pytest.raises(SourceError, match='neither of CrowdHuman'):
        read_datasets([str(text)])


def test_an_annotation_file_says_where_its_images_are(root, tmp_path):
    folder = tmp_path / 'elsewhere'
    folder.mkdir()
    file = folder / 'train.odgt'
    file.write_text(json.dumps({'ID': '1', 'gtboxes': [
        {'tag': 'person', 'fbox': [10, 20, 30, 60], 'vbox': [10, 20, 30, 60]}]}) + '\n')
    with pytest.raises(SourceError, match=r'--data .*train\.odgt=FOLDER'):
        read_datasets([str(file)])
    found = read_datasets([f'{file}={root / "images"}'])
    np.testing.assert_array_equal(found.images[0].boxes, [[10, 20, 40, 80]])


def test_video_is_counted_and_used(tmp_path):
    (tmp_path / 'one/gt').mkdir(parents=True)
    (tmp_path / 'one/img1').mkdir()
    (tmp_path / 'one/seqinfo.ini').write_text(
        '[Sequence]\nname=one\nimDir=img1\nframeRate=10\nseqLength=6\nimWidth=96\n'
        'imHeight=64\nimExt=.png\n')
    lines = [f'{frame},{who},{9 * who},3,8,40,1,-1,-1,-1' for frame in range(1, 7)
             for who in (1, 2, 3)]
    (tmp_path / 'one/gt/gt.txt').write_text('\n'.join(lines))
    for frame in range(1, 7):
        cv2.imwrite(str(tmp_path / f'one/img1/{frame:06}.png'), np.full((64, 96, 3), 9, np.uint8))
    found = read_datasets([str(tmp_path)])
    assert found.counts[0] == f'{tmp_path}: one, 6 images, 3 people in 18 boxes'
    pair = PairMix(size=(96, 64)).make(found, 0).sample(0)
    assert 0 < pair.gap < 1 and len(pair.ids[0]) == 3
    crops = make_crops(read_config('slm', 'slm-small', 'cpu'), found)
    assert {crops.sample(index).identity for index in range(3)} == {0, 1, 2}


def test_boxes_alone_do_not_show_anybody(root):
    for file in (root / 'masks').iterdir():
        file.unlink()
    (root / 'masks').rmdir()
    with pytest.raises(ConfigError, match=r'no crops of people: .* 2 images with boxes only'):
        make_crops(read_config('slm', 'slm-small', 'cpu'), read_datasets([str(root)]))


def test_without_data_figures_are_drawn():
    found = read_datasets([])
    assert len(found.cutouts) == 24 and not found.images
    assert 'enough for a trial only' in found.counts[0]


def test_pairs_of_all_kinds_have_one_size(root):
    datasets = read_datasets([str(root)])
    mix = PairMix(size=(320, 256), sides=(1, 2), people=(1, 2))
    pairs = mix.make(datasets, 0)
    for index in range(12):
        pair = pairs.sample(index)
        assert [image.shape for image in pair.images] == [(256, 320, 3)] * 2
        again = mix.make(datasets, 0).sample(index)
        np.testing.assert_array_equal(again.images[1], pair.images[1])
        np.testing.assert_array_equal(again.boxes[1], pair.boxes[1])


def test_shares_without_data_are_left_out_and_none_at_all_is_refused():
    figures = read_datasets([])
    PairMix(size=(320, 256)).make(figures, 0)
    with pytest.raises(ConfigError, match='24 cut-outs, 0 annotated images and 0 videos'):
        PairMix(size=(320, 256), composed=0).make(figures, 0)


def test_boxes_stay_on_what_they_surround(root):
    """The figure is the only thing that is not grey; found again, it fills its box."""
    datasets = read_datasets([str(root)])
    mix = PairMix(size=(320, 256), composed=0, mosaics=0, blur=0, motion=0, jitter=0)
    for index in range(4):
        pair = mix.make(datasets, 0).sample(index)
        for image, boxes in zip(pair.images, pair.boxes, strict=True):
            for x1, y1, x2, y2 in boxes:
                # beyond the upper left quarter, where the scaled image ends, is other grey
                spread = np.ptp(image.astype(int), axis=2) > 40
                rows, columns = np.flatnonzero(spread.any(1)), np.flatnonzero(spread.any(0))
                assert rows[0] >= y1 - 3 and rows[-1] <= y2 + 3
                assert columns[0] >= x1 - 3 and columns[-1] <= x2 + 3
                assert np.ptp(rows) > 0.6 * (y2 - y1)


def test_smallest_must_make_sense():
    with pytest.raises(ConfigError, match=r'smallest is 0; it must lie in \(0, 1\]'):
        FittedPairs(None, (320, 256), 0)


@pytest.mark.parametrize('count', [3, 70])
def test_repeated_samples_come_again(count):
    class Numbers:
        made = 0

        def sample(self, index):
            Numbers.made += 1
            return index

    repeated = OverfitSubset(Numbers(), count)
    assert [repeated.sample(index) for index in range(2 * count)] == 2 * list(range(count))
    # many of them are made again, and not kept
    assert Numbers.made == (3 if count == 3 else 140)


def test_images_held_out_take_all_that_is_on_them_along(root):
    # the first of two is left out, then the second by a third that sorts before it
    whole, held = read_datasets([str(root)]), read_datasets([str(root)], hold_out=2)
    assert {image.path.name for image in whole.images} == {'0.png', '1.png'}
    assert {image.path.name for image in held.images} == {'1.png'}
    assert len(held.cutouts) == 1 and not held.photographs
    assert f'{root}: 1 images held out' in held.counts
    for folder, ending in (('images', 'png'), ('masks', 'png'), ('labels', 'txt')):
        (root / f'{folder}/0.{ending}').rename(root / f'{folder}/2.{ending}')
    with pytest.raises(SourceError, match='nothing is left'):
        read_datasets([str(root)], hold_out=2)


def test_every_second_of_files_is_held_out_whatever_their_order():
    files = [Path(name) for name in 'dbcaeb']
    assert held_out(files, 2) == {Path('a'), Path('c'), Path('e')}
    assert held_out(files, 0) == set()


@pytest.mark.parametrize('number', [1, -3])
def test_not_everything_can_be_held_out(number):
    with pytest.raises(ConfigError, match=f'hold-out is {number}; 2 leaves every second'):
        read_datasets([], hold_out=number)
