# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""MOTChallenge folders: what is read, which rule holds, and complaints that name the place."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.datasets.mot_folder import find_sequences, read_sequence, sequence_folders
from mot_ros.tracking.errors import ConfigError, SourceError

SHARED = Path(__file__).resolve().parents[3] / 'shared' / 'data'
INFO = {'name': 's', 'imDir': 'img1', 'frameRate': 10, 'seqLength': 5, 'imWidth': 64,
        'imHeight': 48, 'imExt': '.png'}
MOT15 = '1,1,10,10,5,9,1,-1,-1,-1\n2,1,11,10,5,9,1,-1,-1,-1\n1,2,30,10,5,9,0,-1,-1,-1\n'
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make_sequence(
            name: str = 's', truth: str | None = MOT15, detections: str | None = None,
            images: int = 0, **info: object) -> Path:
        folder = tmp_path / name
        (folder / 'gt').mkdir(parents=True)
        lines = {key: value for key, value in {**INFO, **info}.items() if value is not None}
        (folder / 'seqinfo.ini').write_text(
            '[Sequence]\n' + ''.join(f'{key}={value}\n' for key, value in lines.items()))
        if truth is not None:
            (folder / 'gt' / 'gt.txt').write_text(truth)
        if detections is not None:
            (folder / 'det').mkdir()
            (folder / 'det' / 'det.txt').write_text(detections)
        for number in range(1, images + 1):
            (folder / 'img1').mkdir(exist_ok=True)
            cv2.imwrite(str(folder / 'img1' / f'{number:06d}.png'), np.zeros((48, 64, 3), 'u1'))
        return folder

    return make_sequence


def test_reads_what_the_files_say(make: Make) -> None:
    sequence = read_sequence(make(detections='1,-1,10,10,5,9,0.5,-1,-1,-1\n', images=5))
    assert (sequence.name, sequence.size, sequence.rate, sequence.length) == (
        's', (64, 48), 10.0, 5)
    assert sequence.rule == 'mot15'
    # sorted by frame, the box that is not considered stays in it
    assert sequence.truth.frames.tolist() == [1, 1, 2]
    assert sequence.truth.ids.tolist() == [1, 2, 1]
    assert sequence.truth.values.tolist() == [1, 0, 1]
    assert not sequence.distractors.any()
    assert sequence.public is not None
    assert sequence.public().values.tolist() == [0.5]
    source = sequence.open_images()
    assert source is not None
    assert [frame.stamp for frame in source] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert set(sequence.checksums) == {'gt/gt.txt', 'det/det.txt'}


def test_detections_and_images_may_be_missing(make: Make) -> None:
    sequence = read_sequence(make())
    assert sequence.public is None
    assert sequence.open_images() is None


def test_classes_make_distractors(make: Make) -> None:
    lines = [f'1,{kind},{10 * kind},10,5,9,{int(kind != 3)},{kind},1.0' for kind in range(1, 14)]
    lines.append('1,14,200,10,5,9,0,1,0.5')
    truth = '\n'.join(reversed(lines)) + '\n'
    plain = read_sequence(make('MOT17-02', truth=truth))
    assert plain.rule == 'mot16'
    assert plain.truth.ids[plain.truth.values == 1].tolist() == [1]
    assert sorted(plain.truth.ids[plain.distractors].tolist()) == [2, 7, 8, 12]
    chosen = read_sequence(make('MOT17-03', truth=truth), classes=['car', 'reflection'])
    assert chosen.truth.ids[chosen.truth.values == 1].tolist() == [12]
    assert sorted(chosen.truth.ids[chosen.distractors].tolist()) == [2, 7, 8]
    with pytest.raises(ConfigError, match=r"'Tram' is no class of .*gt\.txt; there are ped"):
        read_sequence(make('MOT17-04', truth=truth), classes=['Tram'])
    with pytest.raises(ConfigError, match=r'gt.txt has no column of classes'):
        read_sequence(make('plain'), classes=['car'])
    crowd = read_sequence(make('MOT20-01', truth=truth))
    assert sorted(crowd.truth.ids[crowd.distractors].tolist()) == [2, 6, 7, 8, 12]


def test_regions_without_id_are_ignored_and_unconsidered_people_are_distractors(
        make: Make) -> None:
    sequence = read_sequence(make(
        truth=MOT15 + '1,-1,40,0,9,9,0,-1,-1,-1\n1,-1,50,0,9,9,1,-1,-1,-1\n'))
    assert sequence.rule == 'kitti'
    assert sequence.truth.ids[sequence.distractors].tolist() == [2]
    assert sequence.truth.values[sequence.truth.ids == -1].tolist() == [0, 0]


def test_other_images_stand_in(make: Make, tmp_path: Path) -> None:
    folder = make()
    cv2.imwrite(str(tmp_path / 'one.png'), np.zeros((48, 64, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'large.png'), np.zeros((50, 64, 3), np.uint8))
    source = read_sequence(folder, tmp_path / 'one.png').open_images()
    assert source is not None
    assert source.fps == 10
    with pytest.raises(SourceError, match=r'large.png is 64x50, but s was annotated at 64x48'):
        read_sequence(folder, tmp_path / 'large.png').open_images()


def test_a_folder_of_sequences(make: Make, tmp_path: Path) -> None:
    make('b'), make('a')
    (tmp_path / 'notes').mkdir()
    assert [sequence.name for sequence in find_sequences(tmp_path)] == ['a', 'b']
    assert [sequence.name for sequence in find_sequences(tmp_path / 'b')] == ['b']
    # folders are found without reading, so that one that is broken can be told apart later
    (tmp_path / 'a' / 'gt' / 'gt.txt').write_text('nonsense')
    assert len(sequence_folders(tmp_path)) == 2
    with pytest.raises(SourceError, match=r'notes holds no sequence'):
        sequence_folders(tmp_path / 'notes')
    with pytest.raises(SourceError, match=r'nowhere is no folder'):
        sequence_folders(tmp_path / 'nowhere')


@pytest.mark.parametrize('truth, said', [
    (None, r'gt\.txt cannot be read'),
    ('', r'gt\.txt holds no boxes'),
    ('1,1,10,10,5,9\n', r'gt\.txt, line 1: 6 columns'),
    (MOT15 + '2,1,11,12,5,9,1,-1,-1,-1\n', r'gt\.txt, line 4: id 1 .* frame 2, first in line 2'),
    (MOT15 + '6,1,11,12,5,9,1,-1,-1,-1\n', r'gt\.txt, line 4: frame is 6, but seqLength .* 5'),
    ('1,1,10,10,5,9,1,1,1\n1,2,10,10,5,9,1,14,1\n', r'gt\.txt, line 2: class is 14'),
    ('1,1,10,10,5,9,1,x,1\n', r"gt\.txt, line 1: could not convert string to float: 'x'"),
    ('1,1,10,10,5,9,1,1,1\n1,2,10,10,5,9,1\n', r'gt\.txt, line 2: 7 columns, .* have 9'),
    ('1,1,10,10,5,9,0,-1,-1,-1\n', r'gt\.txt: no box is to be considered'),
    ('1,1,10,10,5,9,1,3,1\n', r'gt\.txt: no box is to be considered'),
])
def test_bad_truth_is_named(make: Make, truth: str | None, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_sequence(make(truth=truth))


@pytest.mark.parametrize('info, said', [
    ({'frameRate': None}, r'seqinfo\.ini has no frameRate; add a line'),
    ({'seqLength': 'many'}, r"seqinfo\.ini, line 5: seqLength is 'many'; it must be a number"),
    ({'seqLength': 2.5}, r"line 5: seqLength is '2.5'; it must be a whole number"),
    ({'imWidth': 0}, r"line 6: imWidth is '0'; it must be positive"),
    ({'imHeight': 'nan'}, r"line 7: imHeight is 'nan'; it must be positive"),
    ({'frameRate': 5000}, r"line 4: frameRate is '5000'; it must be at most 1000 Hz"),
])
def test_bad_seqinfo_is_named(make: Make, info: dict[str, object], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_sequence(make(**info))


def test_missing_seqinfo_is_named(make: Make) -> None:
    folder = make()
    (folder / 'seqinfo.ini').unlink()
    with pytest.raises(SourceError, match=r'seqinfo\.ini cannot be read'):
        read_sequence(folder)
    (folder / 'seqinfo.ini').write_text('[Other]\nname=s\n')
    with pytest.raises(SourceError, match=r'with a section \[Sequence\]'):
        read_sequence(folder)


@pytest.mark.skipif(not (SHARED / 'mot15').is_dir(), reason='no shared data')
def test_real_folders() -> None:
    found = {sequence.name: sequence for sequence in find_sequences(SHARED / 'mot15')}
    pets = found['PETS09-S2L1']
    assert (pets.size, pets.rate, pets.length, pets.rule) == ((768, 576), 7.0, 795, 'mot15')
    assert int(pets.truth.values.sum()) == 4476
    assert len(np.unique(pets.truth.ids)) == 19
    assert all(sequence.public is not None for sequence in found.values())
    kitti = find_sequences(SHARED / 'kitti_tracking_pedestrian')
    assert {sequence.rule for sequence in kitti} == {'kitti'}
    assert sum(int(sequence.truth.values.sum()) for sequence in kitti) == 4145
