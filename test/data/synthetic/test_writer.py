# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A composed sequence as a folder, and the command that makes one."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.datasets.mot_folder import read_sequence
from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.data.synthetic.scene import Crowd, CrowdScene, frames
from mot_ros.data.synthetic.truth import SyntheticTruth
from mot_ros.data.synthetic.writer import write_sequence
from mot_ros.tracking.errors import OutputError, SourceError
from mot_ros.tracking.types import Frame

LENGTH, FPS = 8, 10.0


def scene(people: int = 6) -> CrowdScene:
    return CrowdScene(draw_figures(8), (), Crowd(size=(160, 120), people=people), seed=2)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    sequence = list(frames(scene(), FPS, LENGTH))
    written = write_sequence(sequence, tmp_path / 's', FPS)
    found = read_sequence(tmp_path / 's')
    assert (found.size, found.rate, found.length, found.rule) == ((160, 120), FPS, LENGTH, 'mot16')
    assert found.stamps.tolist() == [round(frame.stamp * 1e9) for frame, _ in sequence]
    assert written.frames == LENGTH and written.boxes == len(found.truth)
    assert written.people == len(np.unique(found.truth.ids))
    assert written.shift > 0
    for number, (_, truth) in enumerate(sequence, 1):
        rows = found.truth.at(number)
        assert rows.ids.tolist() == truth.ids.tolist()
        np.testing.assert_allclose(rows.boxes, truth.boxes, atol=1e-3)
        assert rows.values.tolist() == (truth.visibilities > 0).tolist()
    text = (tmp_path / 's' / 'gt' / 'gt.txt').read_text().splitlines()
    parts = np.concatenate([truth.visibilities for _, truth in sequence])
    assert [float(line.split(',')[8]) for line in text] == pytest.approx(
        parts.tolist(), abs=1e-4)
    source = found.open_images()
    assert source is not None
    for (frame, _), read in zip(sequence, source, strict=True):
        assert np.abs(read.image.astype(int) - frame.image).mean() < 6


def test_other_classes_are_distractors(tmp_path: Path) -> None:
    box = (1.0, 1.0, 9.0, 9.0)
    truth = SyntheticTruth.of([(box, box, 1.0, 1, 0), (box, box, 1.0, 2, 5)])
    frame = Frame.of(np.zeros((20, 20, 3), np.uint8), 0.0)
    write_sequence([(frame, truth)], tmp_path / 's', FPS)
    found = read_sequence(tmp_path / 's')
    assert found.truth.values.tolist() == [1, 0]
    assert found.distractors.tolist() == [False, True]


def test_nothing_is_left_when_it_goes_wrong(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match='nobody'):
        write_sequence(frames(scene(0), FPS, 2), tmp_path / 's', FPS)
    assert not (tmp_path / 's').exists()
    (tmp_path / 's').mkdir()
    with pytest.raises(OutputError, match='exists'):
        write_sequence(frames(scene(), FPS, 2), tmp_path / 's', FPS)


def compose(folder: Path, *words: str) -> int:
    return cli.main(['compose', str(folder), '--seconds', '0.5', *words])


@pytest.mark.parametrize('words', [
    ('--size', '160x120', '--people', '5', '--fps', '10'),
    ('--scene', 'driving', '--size', '320x120', '--speed', '.4', '--people', '50')])
def test_the_command_writes_the_same_bytes_for_a_seed(
        tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for name in 'ab':
        assert compose(tmp_path / name, *words) == 0
    assert '5 frames' in capsys.readouterr().out
    files = sorted(path.relative_to(tmp_path / 'a') for path in (tmp_path / 'a').rglob('*.*'))
    assert len(files) == 7
    for file in files:
        if file.name != 'seqinfo.ini':
            assert (tmp_path / 'a' / file).read_bytes() == (tmp_path / 'b' / file).read_bytes()
    assert compose(tmp_path / 'c', '--seed', '1', *words) == 0
    one, other = ((tmp_path / name / 'img1' / '000001.jpg').read_bytes() for name in 'ac')
    assert one != other


def test_the_command_takes_folders(tmp_path: Path) -> None:
    for name in ('images', 'masks', 'walls'):
        (tmp_path / name).mkdir()
    mask = np.zeros((150, 100), np.uint8)
    mask[10:140, 30:75] = 1
    cv2.imwrite(str(tmp_path / 'masks' / 'a.png'), mask)
    cv2.imwrite(str(tmp_path / 'images' / 'a.png'), np.full((150, 100, 3), 7, np.uint8))
    cv2.imwrite(str(tmp_path / 'walls' / 'a.png'), np.full((150, 100, 3), 7, np.uint8))
    assert compose(tmp_path / 'out', '--size', '160x120', '--still', '--fps', '10', '--cutouts',
                   str(tmp_path), '--backgrounds', str(tmp_path / 'walls')) == 0
    assert read_sequence(tmp_path / 'out').length == 5


@pytest.mark.parametrize('words', [
    ('--size', '12'), ('--fps', '0'), ('--seed', '-1'), ('--seconds', '0'),
    ('--seconds', 'inf'), ('--speed', 'nan'),
    ('--scene', 'driving', '--still'), ('--scene', 'driving', '--speed', '99'),
    ('--cutouts', 'nowhere'), ('--backgrounds', 'nowhere'), ('--people', '-2')])
def test_the_command_refuses_what_cannot_be(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert compose(tmp_path / 'out', *words) == 2
    assert not (tmp_path / 'out').exists()


def test_a_composed_sequence_can_be_scored(tmp_path: Path) -> None:
    assert compose(tmp_path / 's', '--size', '160x120', '--fps', '10') == 0
    truth = read_sequence(tmp_path / 's').truth
    (tmp_path / 's.txt').write_text(''.join(
        f'{frame},{identity},{x1},{y1},{x2 - x1},{y2 - y1},1\n'
        for frame, identity, (x1, y1, x2, y2) in zip(
            truth.frames.tolist(), truth.ids.tolist(), truth.boxes.tolist(), strict=True)))
    assert cli.main(['evaluate', '--mot', str(tmp_path / 's'), '--tracks',
                     str(tmp_path / 's.txt'), '-o', str(tmp_path / 'report')]) == 0
    assert '"MOTA": 1.0' in (tmp_path / 'report' / 'report.json').read_text()
