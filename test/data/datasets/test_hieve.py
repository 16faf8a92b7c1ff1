# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""HiEve's labels beside their videos."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.datasets.hieve import hieve_places, HieveLabels
from mot_ros.tracking.errors import SourceError

TRUTH = '2,1,11,10,5,9,1,-1,-1,-1\n0,1,10,10,5,9,1,-1,-1,-1\n0,2,30,10,5,9,0,-1,-1,-1\n'


def make(folder: Path, truth: str = TRUTH, frames: int = 3) -> Path:
    (folder / 'labels' / 'track1').mkdir(parents=True)
    (folder / 'videos').mkdir()
    (folder / 'labels' / 'track1' / '7.txt').write_text(truth)
    writer = cv2.VideoWriter(
        str(folder / 'videos' / '7.mp4'), cv2.VideoWriter.fourcc(*'mp4v'), 20, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), number, np.uint8))
    writer.release()
    return folder


def test_frames_from_zero_and_the_video_tells_the_rest(tmp_path: Path) -> None:
    place, = hieve_places(make(tmp_path))
    sequence = place.read()
    assert (sequence.name, sequence.size, sequence.rate, sequence.length, sequence.rule) == (
        '7', (64, 48), 20.0, 3, 'mot15')
    assert sequence.truth.frames.tolist() == [1, 1, 3]
    assert sequence.truth.values.tolist() == [1, 0, 1]
    source = sequence.open_images()
    assert source is not None
    assert len(list(source)) == 3
    for inner in ('labels/track1', 'labels/track1/7.txt'):
        assert hieve_places(tmp_path / inner) == [place]


def test_any_flag_but_zero_counts(tmp_path: Path) -> None:
    place, = hieve_places(make(tmp_path, TRUTH.replace(',9,1,', ',9,3,')))
    assert place.read().truth.values.tolist() == [1, 0, 1]


@pytest.mark.parametrize(('truth', 'complaint'), [
    ('', r'7.txt holds no boxes'),
    ('-1,1,1,1,5,9,1\n', r'line 1: frame is -1; frames are counted from 0'),
    ('0,1,1,1,5,nan,1\n', r'line 1: .* holds a number that is not finite'),
    ('0,1,1,1,5\n', r'line 1: 5 columns, expected at least 7'),
    ('1,1,1,1,5,9,1\n0,1,1,1,5,9,1\n1,1,1,1,5,9,1\n', r'line 3: id 1 comes .* in frame 1,'),
    ('3,1,1,1,5,9,1\n', r'goes to frame 3, counted from 0, but .*7.mp4 has 3 frames'),
    ('0,1,1,1,5,9,0\n', r'7: no box of the truth is to be considered'),
])
def test_bad_labels(tmp_path: Path, truth: str, complaint: str) -> None:
    place, = hieve_places(make(tmp_path, truth))
    with pytest.raises(SourceError, match=complaint):
        place.read()


def test_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'holds no labels of HiEve; give the folder'):
        hieve_places(tmp_path)
    make(tmp_path)
    video = tmp_path / 'videos' / '7.mp4'
    video.rename(tmp_path / 'other.mp4')
    place, = hieve_places(tmp_path)
    with pytest.raises(SourceError, match=r'has no videos/7.mp4 beside its folder'):
        place.read()
    assert HieveLabels('7', place.labels, tmp_path / 'other.mp4').read().length == 3
