# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""`mot_ros convert`, and `mot_ros track` on what it made."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.bag_types import IMAGE
from mot_ros.data.bag_writer import BagWriter
from mot_ros.data.mot import read_detections, read_tracks, read_truth
from mot_ros.data.video import open_source
import mot_ros.tracking.detectors
from test.test_cli import SquareDetector

FRAMES = 21
RATE = 7
SECOND = 1_000_000_000


def scene(number: int) -> np.ndarray:
    image = np.zeros((120, 160, 3), np.uint8)
    image[20:50, 100 - 3 * number:125 - 3 * number] = 255
    image[70:110, 40 + 2 * number:65 + 2 * number] = 255
    return image


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    """Two walkers as a MOTChallenge folder of 7 Hz."""
    folder = tmp_path / 'SEQ-01'
    for name in ('img1', 'gt', 'det'):
        (folder / name).mkdir(parents=True)
    truth, detections = [], []
    for number in range(FRAMES):
        # lossless, so that every way of storing it shows the same
        cv2.imwrite(str(folder / 'img1' / f'{number + 1:06d}.png'), scene(number))
        truth += [f'{number + 1},4,{100 - 3 * number},20,25.5,30.125,1,-1,-1,-1',
                  f'{number + 1},9,{40 + 2 * number},70,25,40,{number % 2},-1,-1,-1']
        detections.append(f'{number + 1},-1,{100 - 3 * number},20,25,30,0.75,-1,-1,-1')
    (folder / 'gt' / 'gt.txt').write_text('\n'.join(truth) + '\n')
    (folder / 'det' / 'det.txt').write_text('\n'.join(detections) + '\n')
    (folder / 'seqinfo.ini').write_text(
        f'[Sequence]\nname=SEQ-01\nimDir=img1\nframeRate={RATE}\nseqLength={FRAMES}\n'
        'imWidth=160\nimHeight=120\nimExt=.png\n')
    return folder


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        mot_ros.tracking.detectors, 'make_detector', lambda settings: SquareDetector())


def run(*words: object) -> None:
    assert cli.main([*map(str, words)]) == 0


@pytest.mark.usefixtures('stub')
@pytest.mark.parametrize('method', ['bytetrack', 'sort'])
def test_folder_mcap_and_sqlite3_give_the_same_tracks(
        sequence: Path, tmp_path: Path, method: str) -> None:
    run('convert', sequence, tmp_path / 'mcap')
    run('convert', sequence, tmp_path / 'sqlite3', '--storage', 'sqlite3')
    texts = []
    for source in (sequence, tmp_path / 'mcap', tmp_path / 'sqlite3'):
        out = tmp_path / 'out.txt'
        run('track', source, '--method', method, '--mot', out, '--device', 'cpu')
        texts.append(out.read_bytes())
    assert texts[0] == texts[1] == texts[2]
    assert len(read_tracks(out)) > FRAMES


def test_there_and_back(sequence: Path, tmp_path: Path) -> None:
    run('convert', sequence, tmp_path / 'bag')
    run('convert', tmp_path / 'bag', tmp_path / 'back')
    for reader, name in ((read_truth, 'gt/gt.txt'), (read_detections, 'det/det.txt')):
        before, after = reader(sequence / name), reader(tmp_path / 'back' / name)
        np.testing.assert_array_equal(before.frames, after.frames)
        np.testing.assert_array_equal(before.ids, after.ids)
        np.testing.assert_allclose(before.boxes, after.boxes, atol=1e-9)
        np.testing.assert_array_equal(before.values, after.values)
    source = open_source(tmp_path / 'back')
    assert (source.fps, source.length, source.size) == (RATE, FRAMES, (160, 120))
    assert 'seqLength=21' in (tmp_path / 'back' / 'seqinfo.ini').read_text()


def test_part_of_a_compressed_bag_is_numbered_anew(sequence: Path, tmp_path: Path) -> None:
    run('convert', sequence, tmp_path / 'bag', '--compressed', '--quality', '90')
    run('convert', tmp_path / 'bag', tmp_path / 'part', '--start', '5', '--frames', '3')
    truth, whole = read_truth(tmp_path / 'part' / 'gt/gt.txt'), read_truth(sequence / 'gt/gt.txt')
    assert sorted(set(truth.frames.tolist())) == [1, 2, 3]
    np.testing.assert_allclose(truth.at(1).boxes, whole.at(6).boxes, atol=1e-9)
    images = list(open_source(tmp_path / 'part'))
    assert np.abs(images[0].image.astype(int) - scene(5)).mean() < 3


def test_bag_to_video(sequence: Path, tmp_path: Path) -> None:
    run('convert', sequence, tmp_path / 'bag')
    run('convert', tmp_path / 'bag', tmp_path / 'out.avi')
    source = open_source(tmp_path / 'out.avi')
    assert (source.length, source.fps) == (FRAMES, RATE)


def test_video_for_a_folder_without_images(
        sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run('convert', sequence, tmp_path / 'v.avi', '--fps', '25', '--frames', '20')
    for image in (sequence / 'img1').iterdir():
        image.unlink()
    run('convert', sequence, tmp_path / 'bag', '--video', tmp_path / 'v.avi')
    # the last frame of the truth has no image in the video
    errors = capsys.readouterr().err
    assert '2 boxes of /truth have no image and are left out, the first is in frame 21' in errors
    assert '1 boxes of /detections have no image' in errors
    run('convert', tmp_path / 'bag', tmp_path / 'back')
    # the rate is that of the annotation
    assert open_source(tmp_path / 'back').fps == RATE


def test_text_truth_by_stamp(
        sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with BagWriter(tmp_path / 'bag', {'/camera/image': IMAGE}) as writer:
        for number in (*range(10), *range(12, FRAMES)):
            writer.write_image(
                '/camera/image', SECOND + round(number * SECOND / RATE), scene(number))
    run('convert', tmp_path / 'bag', tmp_path / 'out', '--truth', sequence / 'gt/gt.txt',
        '--align', 'stamp', '--tolerance', '0.01')
    errors = capsys.readouterr().err
    assert '2 frames of' in errors
    assert 'within 0.01 s and are left out, the first is 11' in errors
    assert '1 of 18 steps between stamps are not of 1/7 s' in errors
    truth, whole = read_truth(tmp_path / 'out/gt/gt.txt'), read_truth(sequence / 'gt/gt.txt')
    np.testing.assert_allclose(truth.at(11).boxes, whole.at(13).boxes, atol=1e-9)


@pytest.mark.usefixtures('stub')
def test_stamps_are_judged_as_in_the_node(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tenths = [*range(30, 40), 39, 38, *range(40, 45), *range(100, 105), *range(30, 35)]
    with BagWriter(tmp_path / 'bag', {'/camera/image': IMAGE}) as writer:
        for number, stamp in enumerate(tenths):
            writer.write_image(
                '/camera/image', stamp * SECOND // 10, scene(5), received=number * SECOND)
    out = tmp_path / 'out.txt'
    run('track', tmp_path / 'bag', '--mot', out, '--topic', '/camera/image')
    errors = capsys.readouterr().err
    for sentence in (
            '1 frames were dropped: duplicate stamp', '1 frames were dropped: out of order',
            'all tracks were dropped 1 times: gap',
            'all tracks were dropped 1 times: time jumped back'):
        assert sentence in errors
    rows = read_tracks(out)
    # frames count the messages; ids go on after a gap and restart after a jump back
    assert not {11, 12} & set(rows.frames.tolist())
    assert set(rows.at(10).ids.tolist()) == {1, 2}
    assert set(rows.at(22).ids.tolist()) == {3, 4}
    assert set(rows.at(27).ids.tolist()) == {1, 2}


@pytest.mark.usefixtures('stub')
def test_cut_off_bag_and_wrong_topic_are_told(
        sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run('convert', sequence, tmp_path / 'bag')
    file = tmp_path / 'bag' / 'bag.mcap'
    file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])
    run('track', tmp_path / 'bag', '--mot', tmp_path / 'out.txt')
    assert 'announces 21 frames, but ends after' in capsys.readouterr().err
    assert cli.main(['track', str(tmp_path / 'bag'), '--topic', '/nothing']) == 2
    assert 'no topic /nothing; its topics are: /camera/image' in capsys.readouterr().err


@pytest.mark.parametrize('words, text', [
    (['--quality', '0'], 'quality is 0'), (['--start', '99'], 'start at an index below'),
    (['--fps', '-1'], 'fps is -1'), (['--to', 'mot', '--topic', '/x'], 'leave out --topic'),
    (['--truth', 'none.txt'], 'none.txt cannot be read')])
def test_wrong_options_are_named_and_leave_nothing(
        sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str],
        text: str) -> None:
    assert cli.main(['convert', str(sequence), str(tmp_path / 'out'), *words]) == 2
    assert text in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [sequence]


def test_what_is_there_is_not_overwritten(
        sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(['convert', str(sequence), str(tmp_path)]) == 2
    assert 'exists already' in capsys.readouterr().err
    run('convert', sequence, tmp_path / 'bag')
    assert cli.main(['convert', str(tmp_path / 'bag'), str(tmp_path / 'b'), '--to', 'bag']) == 2
    assert 'is a bag already' in capsys.readouterr().err
