# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The benchmark of tracking by boxes alone: its detections, its peers, its table and JSON."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mot_ros.data.datasets.mot import MotRows
from test.benchmarks.scripts import load

LENGTH = 20


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('motion_only', monkeypatch)


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('motion_peers', monkeypatch)


@pytest.fixture
def mot(tmp_path: Path) -> Path:
    """Two sequences in which one person walks and another one stands, all of it detected."""
    for name, rate in (('fast', 20), ('slow', 10)):
        folder = tmp_path / 'mot' / name
        for inner in ('gt', 'det'):
            (folder / inner).mkdir(parents=True)
        rows = [(frame, person, x, 40, 20, 50)
                for frame in range(1, LENGTH + 1)
                for person, x in ((1, 10 + 3 * frame), (2, 150))]
        (folder / 'gt' / 'gt.txt').write_text(''.join(
            f'{f},{i},{x},{y},{w},{h},1,-1,-1,-1\n' for f, i, x, y, w, h in rows))
        (folder / 'det' / 'det.txt').write_text(''.join(
            f'{f},-1,{x},{y},{w},{h},0.9,-1,-1,-1\n' for f, i, x, y, w, h in rows))
        (folder / 'seqinfo.ini').write_text(
            f'[Sequence]\nname={name}\nframeRate={rate}\nseqLength={LENGTH}\nimWidth=200\n'
            'imHeight=100\n')
    return tmp_path / 'mot'


def test_disturbed_detections_are_those_of_their_seed(benchmark: ModuleType) -> None:
    boxes = np.tile([100.0, 100, 140, 200], (4000, 1))
    given = MotRows(np.arange(1, 4001), np.full(4000, -1), boxes, np.full(4000, 0.5))
    moved, again, other = (benchmark.disturbed(given, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(moved.boxes, again.boxes)
    assert not np.array_equal(moved.boxes[:100], other.boxes[:100])
    assert len(moved) == pytest.approx(0.97 * 4000, abs=40)
    error = moved.boxes - boxes[0]
    assert error.std(axis=0) == pytest.approx([0.8, 2, 0.8, 2], rel=0.1)
    assert moved.values.std() == pytest.approx(0.01, rel=0.1)


def test_all_of_ours_are_scored_on_all_sequences_together(
        benchmark: ModuleType, mot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    result = tmp_path / 'result.json'
    # whatever peers are installed here are none of this test's business
    nobody: tuple[dict, dict] = {}, dict.fromkeys(('given', '1'), tmp_path)
    monkeypatch.setattr(benchmark, 'run_peers', lambda *args: nobody)
    assert benchmark.main([
        str(mot), '--disturbed', '1', '--json', str(result), '--peers-python', 'x']) == 0
    report = json.loads(result.read_text())
    assert {row['tracker'] for row in report['rows']} == set(benchmark.OURS)
    assert report['sequences'] == ['fast', 'slow']
    row = next(row for row in report['rows'] if row['tracker'] == 'mot_ros smiletrack')
    assert (row['IDF1'], row['MOTA'], row['switches']) == (1, 1, 0)
    assert row['HOTA'] > 0.98
    assert row['sequences']['slow']['FN'] == 0
    # boxes that are off overlap less
    assert 0.5 < row['mean HOTA'] < row['HOTA'] - 0.01
    assert report['hardware'] and report['date']
    assert '| 100.00 |' in capsys.readouterr().out


def test_a_sequence_without_detections_is_refused(
        benchmark: ModuleType, mot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mot / 'slow' / 'det' / 'det.txt').unlink()
    assert benchmark.main([str(mot)]) == 2
    assert 'slow has no det/det.txt' in capsys.readouterr().err


def test_a_peer_gets_the_best_first_and_its_boxes_are_cut(
        peers: ModuleType, tmp_path: Path) -> None:
    (tmp_path / 's.txt').write_text(
        '1,-1,-5,10,20,30,0.6,-1,-1,-1\n1,-1,50,10,20,30,0.8,-1,-1,-1\n'
        '3,-1,300,10,20,30,0.7,-1,-1,-1\n')
    seen = []

    def update(boxes, scores):
        seen.append(scores.tolist())
        return boxes, np.arange(len(boxes))

    peers.run(peers.Peer('p', 'q', lambda size: update), [
        {'name': 's', 'size': [100, 80], 'length': 3}], tmp_path, tmp_path / 'out')
    assert seen == [[0.8, 0.6], [], [0.7]]
    assert (tmp_path / 'out' / 's.txt').read_text().splitlines() == [
        '1,0,50.000,10.000,20.000,30.000,1,-1,-1,-1', '1,1,0.000,10.000,15.000,30.000,1,-1,-1,-1']


def test_peers_that_fail_say_why_and_the_others_go_on(
        peers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 's.txt').write_text('1,-1,5,10,20,30,0.6,-1,-1,-1\n')

    def broken(size):
        raise ValueError('it is old')

    monkeypatch.setattr(peers, 'PEERS', (
        peers.Peer('a', 'numpy', broken),
        peers.Peer('b', 'no-such-package', broken),
        peers.Peer('c', 'numpy', lambda size: lambda boxes, scores: (boxes, np.ones(1, int)))))
    job = tmp_path / 'job.json'
    job.write_text(json.dumps({
        'sequences': [{'name': 's', 'size': [100, 80], 'length': 1}],
        'detections': {'given': str(tmp_path)}, 'output': {'given': str(tmp_path / 'out')},
        'report': str(tmp_path / 'report.json')}))
    assert peers.main([str(job)]) == 0
    a, b, c = json.loads((tmp_path / 'report.json').read_text())
    assert a['error'] == 'ValueError: it is old'
    assert b['error'].startswith('PackageNotFoundError')
    assert (c['error'], c['version']) == ('', np.__version__)
    assert (tmp_path / 'out' / 'c' / 's.txt').exists()
