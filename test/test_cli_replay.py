# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros replay` as a user meets it: real nodes with a stub detector, files, exit codes."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
import sys

import pytest

pytest.importorskip('rclpy')

import numpy as np
from ros_bench import picture, ROOT
from stub_tracker import RectangleDetector

from mot_ros import cli
from mot_ros.commands import replay
from mot_ros.data.bags.types import COMPRESSED_IMAGE, DETECTIONS
from mot_ros.data.bags.writer import BagWriter
from mot_ros.data.datasets.mot import MotRows, NO_ID

TOPIC, TRUTH = '/camera/image', '/truth'
FRAMES = 30


def write_bag(path: Path, *, truth: bool) -> Path:
    """Two people who walk, at 10 Hz."""
    topics = {TOPIC: 'sensor_msgs/msg/Image'}
    if truth:
        topics[TRUTH] = 'vision_msgs/msg/Detection2DArray'
    with BagWriter(path, topics) as writer:
        for number in range(FRAMES):
            boxes = [(10 + 2 * number, 20, 30 + 2 * number, 70),
                     (130 - 2 * number, 75, 145 - 2 * number, 110)]
            stamp = 1_700_000_000_000_000_000 + number * 100_000_000
            writer.write_image(TOPIC, stamp, picture(*boxes), 'camera')
            if truth:
                writer.write_boxes(TRUTH, stamp, MotRows(
                    np.ones(2, np.int64), np.array([1, 2]), np.array(boxes, float), np.ones(2)))
    return path


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the detector that finds white rectangles, live and offline."""
    monkeypatch.setattr(
        replay, 'COMMAND', (sys.executable, str(ROOT / 'test' / 'ros' / 'stub_replay.py')))
    monkeypatch.setattr('mot_ros.tracking.detectors.make_detector', RectangleDetector)
    monkeypatch.setenv('PYTHONPATH', str(ROOT), prepend=os.pathsep)


@pytest.mark.usefixtures('stub')
def test_live_and_offline_stand_side_by_side(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag, output = write_bag(tmp_path / 'walk', truth=True), tmp_path / 'report'
    assert cli.main([
        'replay', str(bag), '-o', str(output), '--methods', 'bytetrack,sort', '--queue', 'all',
        '--rate', '0', '--set', 'sort.min_hits=2']) == 0
    names = ['bytetrack', 'bytetrack (live)', 'sort', 'sort (live)']
    report = json.loads((output / 'report.json').read_text())
    assert list(report['runs']) == names
    assert report['runs']['sort (live)']['queue'] == 'all'
    assert 'queue' not in report['runs']['sort']
    by_run = {result['run']: result for result in report['results']}
    for method in ('bytetrack', 'sort'):
        live, offline = by_run[f'{method} (live)'], by_run[method]
        assert live['scores'] == offline['scores']
        assert live['scores']['MOTA'] > 0.8
        assert live['sha256']['tracks'] == offline['sha256']['tracks']
        assert 'live' not in offline
        assert live['live']['processed'] == live['live']['images'] == FRAMES
        assert live['live']['change'] == {'HOTA': 0, 'MOTA': 0, 'IDF1': 0}
        assert live['live']['share'] == 1
        assert (output / 'live' / method / 'tracks.txt').read_text() == (
            output / 'tracks' / method / 'walk.txt').read_text()
    page = (output / 'report.html').read_text()
    assert '<h2>Live</h2>' in page
    assert 'as fast as it goes' in page
    assert 'aria-label="live"' in page
    with (output / 'report.csv').open() as file:
        rows = {row['run']: row for row in csv.DictReader(file) if row['sequence'] == 'walk'}
    assert rows['sort (live)']['live_processed'] == str(FRAMES)
    assert float(rows['sort (live)']['live_age_ms_p50']) > 0
    assert float(rows['sort (live)']['live_ms_median']) > 0
    assert rows['sort']['live_processed'] == ''
    times = json.loads((output / 'timings.json').read_text())['results']
    assert 'live_ms_p99' in next(row for row in times if row['run'] == 'sort (live)')
    printed = capsys.readouterr().out
    assert f'sort (live): {FRAMES} of {FRAMES} images processed' in printed
    assert 'against offline HOTA +0.000' in printed


@pytest.mark.usefixtures('stub')
def test_without_truth_nothing_is_scored(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag, output = write_bag(tmp_path / 'walk', truth=False), tmp_path / 'report'
    assert cli.main(['replay', str(bag), '-o', str(output), '--rate', '4', '--queue', 'all']) == 0
    report = json.loads((output / 'report.json').read_text())
    assert [result['scores'] for result in report['results']] == [{}, {}]
    live = report['results'][1]['live']
    assert (live['processed'], live['change']) == (FRAMES, {})
    assert set(live['lag_ms']) >= {'p50', 'p95', 'p99'}
    assert '<h2>Live</h2>' in (output / 'report.html').read_text()
    printed = capsys.readouterr()
    assert 'images processed' in printed.out
    assert 'there is no truth' in printed.err


@pytest.mark.usefixtures('stub')
@pytest.mark.parametrize('options', [[], ['--detections', 'public']], ids=['images', 'boxes'])
def test_compressed_images_and_boxes_of_the_bag(tmp_path: Path, options: list[str]) -> None:
    path, images = tmp_path / 'walk', f'{TOPIC}/compressed'
    with BagWriter(path, {images: COMPRESSED_IMAGE, '/detections': DETECTIONS}) as writer:
        for number in range(FRAMES):
            stamp = 1_700_000_000_000_000_000 + number * 100_000_000
            box = (10 + 2 * number, 20, 30 + 2 * number, 70)
            writer.write_jpeg(images, stamp, picture(box), 95, 'camera')
            writer.write_boxes('/detections', stamp, MotRows(
                np.ones(1, np.int64), np.array([NO_ID]), np.array([box], float), np.full(1, 0.9)))
    output = tmp_path / 'report'
    assert cli.main([
        'replay', str(path), '-o', str(output), '--queue', 'all', '--rate', '0', *options]) == 0
    live = (output / 'live' / 'smiletrack' / 'tracks.txt').read_text()
    assert live == (output / 'tracks' / 'smiletrack' / 'walk.txt').read_text()
    assert len(live.splitlines()) > FRAMES // 2
    result = json.loads((output / 'report.json').read_text())['results'][1]
    assert result['live']['processed'] == FRAMES
    # boxes without ids are no truth
    assert result['scores'] == {}


def test_a_live_run_that_fails_costs_only_itself(
        tmp_path: Path, stub: None, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(replay, 'COMMAND', (
        sys.executable, '-c', 'import sys; sys.exit("the tracker process fell over")'))
    bag, output = write_bag(tmp_path / 'walk', truth=True), tmp_path / 'report'
    assert cli.main(['replay', str(bag), '-o', str(output)]) == 1
    assert 'error: smiletrack (live) on walk: the tracker process fell over' in (
        capsys.readouterr().err)
    report = json.loads((output / 'report.json').read_text())
    assert report['results'][0]['scores']['MOTA'] > 0.8
    assert 'fell over' in report['results'][1]['error']


def test_without_ros_it_is_said_in_one_line(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(replay.importlib.util, 'find_spec', lambda name: None)
    assert cli.main(['replay', str(tmp_path), '-o', str(tmp_path / 'out')]) == 2
    assert 'error: replay needs ROS 2' in capsys.readouterr().err


@pytest.mark.parametrize('options, words', [
    (['--rate', '-1'], 'rate is -1'), (['--rate', 'nan'], 'rate is nan'),
    (['--methods', ''], 'there is no method'), (['--methods', 'magic'], 'magic'),
    (['--topic', '/none'], 'has no topic /none'), (['--set', 'queu=all'], 'did you mean queue'),
    (['--params', '/nowhere.yaml'], '/nowhere.yaml'),
    (['--detections', 'public'], 'has 0 topics that could hold detections')])
def test_what_is_wrong_is_said_before_anything_is_started(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str],
        words: str) -> None:
    bag = write_bag(tmp_path / 'walk', truth=False)
    assert cli.main(['replay', str(bag), '-o', str(tmp_path / 'out'), *options]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_what_is_no_bag_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(['replay', str(tmp_path), '-o', str(tmp_path / 'out')]) == 2
    assert 'is no bag' in capsys.readouterr().err
