# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros convert`, and `mot_ros track` on what it made."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.bags.box_messages import columns_of
from mot_ros.data.bags.boxes import boxes_of_topic
from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.types import IMAGE
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.datasets.mot import read_detections, read_tracks, read_truth
from mot_ros.data.datasets.mot_folder import read_scored
from mot_ros.data.video.frames import open_source
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


def assert_same_boxes(one: Path, other: Path, *names: str) -> None:
    for name in names or ('gt', 'det'):
        reader = read_truth if name == 'gt' else read_detections
        before, after = (reader(folder / name / f'{name}.txt') for folder in (one, other))
        np.testing.assert_array_equal(before.frames, after.frames)
        np.testing.assert_array_equal(before.ids, after.ids)
        np.testing.assert_allclose(before.boxes, after.boxes, atol=1e-9)
        np.testing.assert_array_equal(before.values, after.values)


def test_there_and_back(sequence: Path, tmp_path: Path) -> None:
    run('convert', sequence, tmp_path / 'bag')
    run('convert', tmp_path / 'bag', tmp_path / 'back')
    assert_same_boxes(sequence, tmp_path / 'back')
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


def test_coco_folder_there_and_back(
        sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run('convert', sequence, tmp_path / 'coco', '--to', 'coco')
    assert sorted(path.name for path in (tmp_path / 'coco').iterdir()) == [
        'annotations.json', 'detections.json', 'images']
    run('convert', tmp_path / 'coco', tmp_path / 'back', '--to', 'mot')
    assert_same_boxes(sequence, tmp_path / 'back')
    assert 'frameRate=7\n' in (tmp_path / 'back/seqinfo.ini').read_text()
    run('convert', tmp_path / 'coco', tmp_path / 'bag')
    run('convert', tmp_path / 'bag', tmp_path / 'again', '--to', 'coco')
    assert 'warning' not in capsys.readouterr().err
    first, second = (json.loads((tmp_path / name / 'annotations.json').read_text())
                     for name in ('coco', 'again'))
    assert first.pop('info') == {'description': 'SEQ-01', 'fps': 7}
    assert second.pop('info') == {'description': 'bag', 'fps': 7}
    del first['videos'], second['videos']
    assert first == second


def test_coco_to_a_bag(sequence: Path, tmp_path: Path) -> None:
    run('convert', sequence, tmp_path / 'a.json')
    run('convert', tmp_path / 'a.json', tmp_path / 'bag')
    source = BagSource(tmp_path / 'bag')
    found, truth = boxes_of_topic(source, '/truth'), read_truth(sequence / 'gt/gt.txt')
    assert found.mismatches == []
    np.testing.assert_array_equal(found.rows.frames, truth.frames)
    np.testing.assert_array_equal(found.rows.ids, truth.ids)
    np.testing.assert_array_equal(found.rows.values, truth.values)
    np.testing.assert_allclose(found.rows.boxes, truth.boxes, atol=1e-9)
    assert [int(frame.image.sum()) for frame in source] == [
        int(scene(number).sum()) for number in range(FRAMES)]


def test_coco_file_alone(sequence: Path, tmp_path: Path) -> None:
    run('convert', sequence, tmp_path / 'a.json')
    # what is left out was not asked for
    assert sorted(path.name for path in tmp_path.iterdir()) == ['SEQ-01', 'a.json']
    run('convert', sequence, tmp_path / 'b.json', '--detections', sequence / 'det/det.txt')
    assert (tmp_path / 'a.json').read_bytes() == (tmp_path / 'b.json').read_bytes()
    run('convert', tmp_path / 'b.json', tmp_path / 'back', '--to', 'mot', '--detections',
        tmp_path / 'b_detections.json')
    assert_same_boxes(sequence, tmp_path / 'back')
    # elsewhere, the names of the images need a folder
    (tmp_path / 'far' / 'away').mkdir(parents=True)
    (tmp_path / 'a.json').rename(tmp_path / 'far' / 'away' / 'a.json')
    assert cli.main(
        ['convert', str(tmp_path / 'far/away/a.json'), str(tmp_path / 'out'), '--to', 'mot']) == 2
    run('convert', tmp_path / 'far/away/a.json', tmp_path / 'out', '--to', 'mot',
        '--images', tmp_path)
    assert_same_boxes(sequence, tmp_path / 'out', 'gt')


def test_coco_of_a_part_is_numbered_anew(sequence: Path, tmp_path: Path) -> None:
    run('convert', sequence, tmp_path / 'a.json', '--start', '5', '--frames', '3')
    run('convert', tmp_path / 'a.json', tmp_path / 'part', '--to', 'mot', '--start', '1')
    truth, whole = read_truth(tmp_path / 'part/gt/gt.txt'), read_truth(sequence / 'gt/gt.txt')
    assert sorted(set(truth.frames.tolist())) == [1, 2]
    np.testing.assert_allclose(truth.at(1).boxes, whole.at(7).boxes, atol=1e-9)


def test_classes_of_mot16_and_regions_come_back(sequence: Path, tmp_path: Path) -> None:
    lines = (sequence / 'gt/gt.txt').read_text().splitlines()
    text = '\n'.join(
        ','.join(line.split(',')[:7]) + f',{1 if ",4," in line else 8},1' for line in lines)
    (sequence / 'gt/gt.txt').write_text(text + '\n1,-1,3,4,50,60.5,0,13,1\n')
    run('convert', sequence, tmp_path / 'a.json')
    run('convert', tmp_path / 'a.json', tmp_path / 'back', '--to', 'mot')
    assert_same_boxes(sequence, tmp_path / 'back', 'gt')
    before, after = (read_scored(folder / 'gt/gt.txt') for folder in (
        sequence, tmp_path / 'back'))
    assert before[0] == after[0] == 'mot16'
    np.testing.assert_array_equal(before[1].values, after[1].values)
    np.testing.assert_array_equal(before[2], after[2])
    assert before[2].any()


@pytest.fixture
def tao(tmp_path: Path) -> Path:
    """Two videos of the scene, in the folders that TAO has, of persons and cars."""
    content: dict[str, Any] = {
        'videos': [{'id': 3, 'name': 'train/one'}, {'id': 4, 'name': 'train/two'}],
        'categories': [{'id': 5, 'name': 'person'}, {'id': 9, 'name': 'car'}],
        'images': [], 'annotations': []}
    for video in (3, 4):
        for number in range(4):
            name, image = f'train/{video}/frame{30 * number:04d}.png', 10 * video + number
            (tmp_path / 'tao/frames/train' / str(video)).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / 'tao/frames' / name), scene(number))
            content['images'].append({
                'id': image, 'video_id': video, 'frame_index': 30 * number, 'file_name': name,
                'width': 160, 'height': 120})
            for track, category, x in ((1, 5, 100 - 3 * number), (2, 9, 40 + 2 * number)):
                box = {'image_id': image, 'category_id': category, 'bbox': [x, 20, 25, 30]}
                # plain detections in the second
                content['annotations'].append(
                    {**box, 'track_id': track} if video == 3 else {**box, 'score': 0.5})
    (tmp_path / 'tao/annotations').mkdir()
    path = tmp_path / 'tao/annotations/train.json'
    path.write_text(json.dumps(content))
    return path


def test_a_video_and_categories_of_several(
        tao: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(['convert', str(tao), str(tmp_path / 'out')]) == 2
    assert 'holds 2 videos; name the one to take (--video): train/one, train/two' in (
        capsys.readouterr().err)
    run('convert', tao, tmp_path / 'all', '--to', 'mot', '--video', 'train/one')
    errors = capsys.readouterr().err
    assert 'text files do not name categories; there are boxes of 5 person, 9 car' in errors
    assert 'states no frame rate; 30 Hz is taken' in errors
    assert read_truth(tmp_path / 'all/gt/gt.txt').ids.tolist() == [1, 2] * 4
    # every thirtieth frame
    assert 'frameRate=1\n' in (tmp_path / 'all/seqinfo.ini').read_text()
    run('convert', tao, tmp_path / 'cars', '--to', 'mot', '--video', 'train/one',
        '--categories', 'car', '--fps', '15')
    assert 'warning' not in capsys.readouterr().err
    assert read_truth(tmp_path / 'cars/gt/gt.txt').ids.tolist() == [2] * 4
    assert 'frameRate=0.5\n' in (tmp_path / 'cars/seqinfo.ini').read_text()


def test_categories_are_classes_in_a_bag(
        tao: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run('convert', tao, tmp_path / 'bag', '--video', '3', '--fps', '30')
    assert 'class_id is the id of the category: 5 person, 9 car' in capsys.readouterr().err
    source = BagSource(tmp_path / 'bag')
    stamps = source.stamps()
    assert np.diff(stamps).tolist() == [SECOND] * 3
    labels = [columns_of(source.bag.deserialize(record)).labels.tolist()
              for record in source.bag.records(['/truth'])]
    assert labels == [[5, 9]] * 4


def test_annotations_without_tracks_are_detections(tao: Path, tmp_path: Path) -> None:
    run('convert', tao, tmp_path / 'out', '--to', 'mot', '--video', 'train/two',
        '--categories', 'person', '--fps', '30')
    assert not (tmp_path / 'out/gt').exists()
    rows = read_detections(tmp_path / 'out/det/det.txt')
    assert rows.frames.tolist() == [1, 2, 3, 4]
    assert rows.values.tolist() == [0.5] * 4


def test_a_gap_in_coco_is_one_in_a_bag_and_told_of_text(
        tao: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(tao.read_text())
    del content['images'][2], content['annotations'][4:6]
    tao.write_text(json.dumps(content))
    run('convert', tao, tmp_path / 'bag', '--video', '3', '--fps', '30')
    assert np.diff(BagSource(tmp_path / 'bag').stamps()).tolist() == [SECOND, 2 * SECOND]
    assert 'have no image' not in capsys.readouterr().err
    run('convert', tao, tmp_path / 'mot', '--to', 'mot', '--video', '3', '--fps', '30')
    assert '1 of 2 steps between stamps are not of 1/1 s' in capsys.readouterr().err
    truth = read_truth(tmp_path / 'mot/gt/gt.txt')
    assert truth.at(3).boxes[0].tolist() == [91, 20, 116, 50]


@pytest.mark.parametrize('words, text', [
    (['--video', 'three'], "holds no video 'three'; there is train/one, train/two"),
    (['--video', '3', '--categories', 'cat'], "no category 'cat'; there is person, car"),
    (['--video', '3', '--truth', 'gt.txt'], 'leave out --truth'),
    (['--video', '3', '--to', 'coco'], 'is COCO-style already'),
    (['--video', '3', '--images', '.'], 'there is no train/3/frame0000.png in .'),
    (['--video', '3', '--fps', '0'], 'fps is 0'),
    (['--video', '3', '--detections', 'none.json'], 'none.json cannot be read')])
def test_wrong_options_with_coco_leave_nothing(
        tao: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str],
        text: str) -> None:
    assert cli.main(['convert', str(tao), str(tmp_path / 'out'), *words]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_coco_needs_images(
        sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run('convert', sequence, tmp_path / 'bag')
    assert cli.main(['convert', str(tmp_path / 'bag'), str(tmp_path / 'a.json')]) == 2
    assert 'has no image files that a.json could name' in capsys.readouterr().err
    assert cli.main(
        ['convert', str(sequence), str(tmp_path / 'b'), '--categories', 'person']) == 2
    assert 'leave out --images and --categories' in capsys.readouterr().err
