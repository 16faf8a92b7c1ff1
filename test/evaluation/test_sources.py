# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The same sequence as a folder, a bag and a video: equal tracks, equal scores, nothing hidden."""

import json
from pathlib import Path
import shutil

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.annotated import SequenceRef
from mot_ros.data.bags.annotated import AnnotatedBag
from mot_ros.data.bags.writer import BagWriter, STORAGES
from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.datasets.mot_folder import MotFolder
from mot_ros.data.video.annotated import AnnotatedVideo
from mot_ros.evaluation.benchmark import Job, Outcome, run_job
from mot_ros.evaluation.options import Options
from mot_ros.evaluation.scores.scoring import figures
from mot_ros.tracking.errors import ConfigError, SourceError

LENGTH = 24
RATE = 7.0
METHODS = {'bytetrack': {'method': 'bytetrack'}, 'sort': {'method': 'sort', 'sort.min_hits': 1}}


def box_of(person: int, frame: int) -> tuple[float, float, float, float]:
    """Return x, y, w, h of a person; two of them cross."""
    return 20 + 60 * person + (frame - 12) * 4 * (-1) ** person, 30 + 11 * person, 24.25, 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a MOTChallenge folder with lossless images; person 3 is not to be considered."""
    path = tmp_path / 'walk'
    generator = np.random.default_rng(1)
    truth, detections = [], []
    (path / 'img1').mkdir(parents=True)
    for frame in range(1, LENGTH + 1):
        picture = np.full((200, 320, 3), frame, np.uint8)
        for person in range(4):
            x, y, width, height = box_of(person, frame)
            truth.append(
                f'{frame},{person + 1},{x},{y},{width},{height},{int(person != 2)},-1,-1,-1')
            if generator.random() < 0.9:
                dx = generator.normal(0, 2)
                detections.append(
                    f'{frame},-1,{x + dx:.2f},{y},{width},{height},'
                    f'{generator.uniform(0.4, 1):.3f},-1,-1,-1')
        cv2.imwrite(str(path / 'img1' / f'{frame:06d}.png'), picture)
    for name, lines in (('gt', truth), ('det', detections)):
        (path / name).mkdir()
        (path / name / f'{name}.txt').write_text('\n'.join(lines) + '\n')
    (path / 'seqinfo.ini').write_text(
        f'[Sequence]\nframeRate={RATE:g}\nseqLength={LENGTH}\nimWidth=320\nimHeight=200\n')
    return path


def convert(source: Path, target: Path, *words: str) -> Path:
    assert cli.main(['convert', str(source), str(target), *words]) == 0
    return target


def run(place: SequenceRef, output: Path, options: Options) -> list[Outcome]:
    outcomes = run_job(Job(place, options, METHODS, output=output))
    assert [outcome.error for outcome in outcomes] == ['', '']
    return outcomes


@pytest.mark.parametrize('options', [
    Options('public'), Options('public', fps=3.5), Options('public', drop=0.3)])
def test_folder_and_bags_give_identical_tracks_and_scores(
        folder: Path, tmp_path: Path, options: Options) -> None:
    expected = run(MotFolder('walk', folder), tmp_path / 'folder', options)
    for storage in STORAGES:
        bag = convert(folder, tmp_path / storage, '--storage', storage)
        found = run(AnnotatedBag('walk', bag), tmp_path / f'of_{storage}', options)
        for mine, theirs in zip(expected, found, strict=True):
            assert figures(mine.raw) == figures(theirs.raw)
            assert figures(mine.raw)['FN'] < 60
            assert (mine.frames, mine.scored) == (theirs.frames, theirs.scored)
            assert mine.switches == theirs.switches
            assert theirs.warnings == []
            assert mine.checksums['tracks'] == theirs.checksums['tracks']
            assert (tmp_path / 'folder' / mine.run / 'walk.txt').read_bytes() == (
                tmp_path / f'of_{storage}' / mine.run / 'walk.txt').read_bytes()


def test_a_bag_tracks_alike_whatever_its_epoch(folder: Path, tmp_path: Path) -> None:
    """A double holds no nanoseconds since 1970, so the tracker must not be given them."""
    truth = MotFolder('walk', folder).read().truth
    sums = set()
    for first in (1_000_000_000, 1_795_000_000_123_456_789):
        path = tmp_path / f'bag_{first}'
        with BagWriter(path, {
                '/image': 'sensor_msgs/msg/Image',
                '/truth': 'vision_msgs/msg/Detection2DArray'}) as writer:
            for frame in range(1, LENGTH + 1):
                stamp = first + round((frame - 1) * 1e9 / RATE)
                writer.write_image('/image', stamp, np.zeros((200, 320, 3), np.uint8), 'camera')
                writer.write_boxes('/truth', stamp, truth.at(frame), 'camera')
        outcomes = run_job(Job(
            AnnotatedBag('walk', path), Options(str(folder / 'det' / 'det.txt')), METHODS))
        sums.add(tuple(outcome.checksums['tracks'] for outcome in outcomes))
    assert len(sums) == 1


def test_text_truth_is_joined_by_stamp_and_misfits_are_told(
        folder: Path, tmp_path: Path) -> None:
    bag = convert(folder, tmp_path / 'bag', '--start', '4')
    truth = folder / 'gt' / 'gt.txt'
    whole = AnnotatedBag('walk', bag, truth=truth).read()
    # frame 1 of the text is the first image, whatever that shows: the last four have none
    assert whole.scored.tolist() == list(range(1, LENGTH - 4 + 1))
    assert '4 frames of' in whole.notes[0]
    assert '16 boxes' in whole.notes[0]
    assert 'within 0.0714' in whole.notes[0]
    assert 'the first is 21' in whole.notes[0]
    # at half of the rate every second image is annotated
    slow = AnnotatedBag('walk', bag, truth=truth, rate=RATE / 2, tolerance=0.01).read()
    assert np.unique(slow.truth.frames).tolist() == list(range(1, 21, 2))
    assert slow.truth.ids[slow.truth.values == 0].tolist() == [3] * 10


def test_only_annotated_frames_of_a_topic_are_scored(folder: Path, tmp_path: Path) -> None:
    truth = MotFolder('walk', folder).read().truth
    path = tmp_path / 'sparse'
    with BagWriter(path, {
            '/image': 'sensor_msgs/msg/Image',
            '/truth': 'vision_msgs/msg/Detection2DArray'}) as writer:
        for frame in range(1, LENGTH + 1):
            stamp = 1_000_000_000 + round((frame - 1) * 1e9 / RATE)
            writer.write_image('/image', stamp, np.zeros((200, 320, 3), np.uint8))
            if frame % 4 == 1:
                writer.write_boxes('/truth', stamp, truth.at(frame))
    results = tmp_path / 'walk.txt'
    lines = (folder / 'gt' / 'gt.txt').read_text().splitlines()
    results.write_text('\n'.join(line for line in lines if line.split(',')[1] != '3') + '\n')
    outcome, = run_job(Job(
        AnnotatedBag('walk', path), Options(), results={'perfect': results}))
    assert (outcome.frames, outcome.scored) == (LENGTH, 6)
    found = figures(outcome.raw)
    assert (found['MOTA'], found['truth boxes'], found['FP']) == (1, 18, 0)
    assert outcome.warnings == [
        '18 of 24 images have no message of /truth, the first is image 2']


def test_amodal_tracks_reach_over_the_border(folder: Path, tmp_path: Path) -> None:
    (folder / 'det' / 'det.txt').write_text(''.join(
        f'{frame},-1,-10,10,40,80,0.9\n' for frame in range(1, LENGTH + 1)))
    found = {}
    for amodal in (False, True):
        assert cli.main([
            'evaluate', '--mot', str(folder), '--detections', 'public', '--methods', 'sort',
            '-o', str(tmp_path / f'r{amodal}'), *(['--amodal'] if amodal else [])]) == 0
        text = (tmp_path / f'r{amodal}' / 'tracks' / 'sort' / 'walk.txt').read_text()
        found[amodal] = {line.split(',')[2] for line in text.splitlines()}
        runs = json.loads((tmp_path / f'r{amodal}' / 'report.json').read_text())['runs']
        assert runs['sort']['rcnn.amodal'] is amodal, 'the network follows'
    assert found == {False: {'0.000'}, True: {'-10.000'}}


def test_sparse_truth_in_a_folder(folder: Path, tmp_path: Path) -> None:
    file = folder / 'gt' / 'gt.txt'
    (tmp_path / 'walk.txt').write_text(file.read_text().replace(',0,-1,-1,-1', ',1,-1,-1,-1'))
    lines = file.read_text().splitlines()
    file.write_text('\n'.join(line for line in lines if int(line.split(',')[0]) % 8 == 1) + '\n')
    place = MotFolder('walk', folder)
    for sparse, scored, false in ((True, 3, 3), (False, LENGTH, 4 * LENGTH - 9)):
        outcome, = run_job(Job(
            place, Options(sparse=sparse), results={'r': tmp_path / 'walk.txt'}))
        assert (outcome.frames, outcome.scored) == (LENGTH, scored)
        assert (figures(outcome.raw)['FP'], figures(outcome.raw)['FN']) == (false, 0)


def test_a_sequence_without_truth_is_tracked_for_submission(
        folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test_set = tmp_path / 'test' / 'walk'
    shutil.copytree(folder, test_set, ignore=shutil.ignore_patterns('gt'))
    words = ['--methods', 'sort', '--detections', 'public', '-o']
    assert cli.main(['evaluate', '--mot', str(folder), *words, str(tmp_path / 'with')]) == 0
    assert cli.main(['evaluate', '--mot', str(test_set), *words, str(tmp_path / 'out')]) == 0
    assert 'there is no truth: tracked, not scored' in capsys.readouterr().err
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert (report['results'][0]['frames'], report['results'][0]['scores']) == (LENGTH, {})
    assert 'walk' in (tmp_path / 'out' / 'report.html').read_text()
    assert (tmp_path / 'out' / 'tracks' / 'sort' / 'walk.txt').read_bytes() == (
        tmp_path / 'with' / 'tracks' / 'sort' / 'walk.txt').read_bytes()
    # a folder for the truth without one in it is a mistake
    (test_set / 'gt').mkdir()
    assert cli.main(['evaluate', '--mot', str(test_set), *words, str(tmp_path / 'no')]) == 1
    assert 'gt.txt cannot be read' in capsys.readouterr().err


def test_boxes_without_id_in_a_topic_are_regions_to_ignore(tmp_path: Path) -> None:
    boxes = MotRows(
        np.ones(3, np.int64), np.array([1, 2, -1]),
        np.array([[0, 0, 10, 20], [50, 0, 60, 20], [100, 0, 200, 100]], float),
        np.array([1.0, 0.0, 1.0]))
    with BagWriter(tmp_path / 'bag', {
            '/image': 'sensor_msgs/msg/Image',
            '/boxes': 'vision_msgs/msg/Detection2DArray'}) as writer:
        writer.write_image('/image', 5, np.zeros((200, 320, 3), np.uint8))
        writer.write_boxes('/boxes', 5, boxes)
    (tmp_path / 'x.txt').write_text(
        '1,1,0,0,10,20,1\n1,2,50,0,10,20,1\n1,3,110,10,20,20,1\n')
    place = AnnotatedBag('x', tmp_path / 'bag')
    assert place.read().rule == 'kitti'
    outcome, = run_job(Job(place, Options(), results={'r': tmp_path / 'x.txt'}))
    found = figures(outcome.raw)
    assert (found['truth boxes'], found['FP'], found['FN']) == (1, 0, 0)


def test_the_only_other_topic_holds_the_detections(folder: Path, tmp_path: Path) -> None:
    with_both = convert(folder, tmp_path / 'both')
    public = AnnotatedBag('walk', with_both).read().public
    assert public is not None
    assert len(public()) == len((folder / 'det' / 'det.txt').read_text().splitlines())
    swapped = AnnotatedBag('walk', with_both, truth='/detections').read
    with pytest.raises(SourceError, match='no box of the truth is to be considered'):
        swapped()
    with pytest.raises(ConfigError, match='has no column of classes'):
        AnnotatedBag(
            'walk', with_both, truth=folder / 'gt' / 'gt.txt', classes=('car',)).read()
    with pytest.raises(SourceError, match='leave the classes out'):
        AnnotatedBag('walk', with_both, classes=('car',)).read()


def test_a_video_with_its_truth(folder: Path, tmp_path: Path) -> None:
    video = convert(folder, tmp_path / 'people.avi', '--to', 'video')
    place = AnnotatedVideo('walk', video, folder / 'gt' / 'gt.txt')
    sequence = place.read()
    mine = MotFolder('walk', folder).read()
    assert (sequence.size, sequence.rate, sequence.length) == (mine.size, RATE, LENGTH)
    assert sequence.truth.boxes.tolist() == mine.truth.boxes.tolist()
    options = Options(str(folder / 'det' / 'det.txt'))
    one = run(place, tmp_path / 'one', options)
    two = run(MotFolder('walk', folder), tmp_path / 'two', options)
    assert [outcome.checksums['tracks'] for outcome in one] == [
        outcome.checksums['tracks'] for outcome in two]
    (tmp_path / 'long.txt').write_text('25,1,10,10,5,9,1,-1,-1,-1\n')
    with pytest.raises(SourceError, match=r'long.txt goes to frame 25, but .*people.avi has 24'):
        AnnotatedVideo('walk', video, tmp_path / 'long.txt').read()


def test_as_options_of_the_command(folder: Path, tmp_path: Path) -> None:
    bag = convert(folder, tmp_path / 'bag')
    video = convert(folder, tmp_path / 'people.avi', '--to', 'video')
    assert cli.main([
        'evaluate', '--mot', str(folder), '--bag', str(bag), '--video', str(video),
        '--truth', f'people={folder / "gt" / "gt.txt"}', '--methods', 'sort', '--detections',
        str(det_folder(folder, tmp_path)), '-o', str(tmp_path / 'report')]) == 0
    report = json.loads((tmp_path / 'report' / 'report.json').read_text())
    assert [result['sequence'] for result in report['results']] == ['walk', 'bag', 'people']
    one, two, three = (result['scores'] for result in report['results'])
    assert one == two == three


def det_folder(folder: Path, tmp_path: Path) -> Path:
    """Return a folder with the same detections under three names."""
    path = tmp_path / 'detections'
    path.mkdir()
    for name in ('walk', 'bag', 'people'):
        (path / f'{name}.txt').write_bytes((folder / 'det' / 'det.txt').read_bytes())
    return path
