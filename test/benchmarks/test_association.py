# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""The association benchmark: its scene, its judgement, its table, JSON and soak."""

import json
from pathlib import Path
import sys
from types import ModuleType

import numpy as np
import pytest

from mot_ros.tracking.boxes import iou
from test.benchmarks.scripts import load


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    # the script sets these for its own process; this puts them back
    for variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
        monkeypatch.setenv(variable, '1')
    return load('association', monkeypatch)


def contestant(benchmark: ModuleType, ids_of, name: str = 'a peer'):
    """Make a tracker that gives out the detections under the ids of a function of the view."""
    return benchmark.Contestant(name, 'Python', None, lambda: benchmark.Runner(
        lambda view: view, lambda view: view, lambda view: (view.boxes, ids_of(view))))


def true_ids(view) -> np.ndarray:
    """Give each detection the id of the object under it, which only the scene can know."""
    overlap = iou(view.boxes, view.true_boxes)
    return np.where(
        overlap.max(axis=1) > 0.7, view.true_ids[overlap.argmax(axis=1)],
        10 ** 6 + np.arange(len(view.boxes)))


def test_scene_is_that_of_its_seed_and_as_described(benchmark: ModuleType) -> None:
    first, again = (list(benchmark.scene(400, 30)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        for name, value in vars(one).items():
            np.testing.assert_array_equal(value, getattr(other, name))
    assert not np.array_equal(first[0].boxes[:20], next(benchmark.scene(400, 1, 1)).boxes[:20])
    view = first[-1]
    assert view.size == (2715, 1527)
    assert np.mean([len(v.true_ids) for v in first]) == pytest.approx(380, abs=6)
    assert np.mean([len(v.boxes) for v in first]) == pytest.approx(400, abs=6)
    assert np.mean([(v.scores < 0.5).mean() for v in first]) == pytest.approx(0.12, abs=0.02)
    assert (np.diff(view.scores) <= 0).all()
    side = view.true_boxes[:, 2:] - view.true_boxes[:, :2]
    assert (side.min(axis=0) >= [19.9, 39.9]).all()
    assert (side.max(axis=0) <= [60.1, 120.1]).all()


def test_objects_of_a_soak_are_replaced(benchmark: ModuleType) -> None:
    views = list(benchmark.scene(50, 200, lifetime=100))
    ids = np.unique(np.concatenate([view.true_ids for view in views]))
    assert 50 + 70 < len(ids) < 50 + 130
    assert max(len(view.true_ids) for view in views) <= 50
    assert all(len(np.unique(view.true_ids)) == len(view.true_ids) for view in views)


@pytest.mark.parametrize('name, ids_of, tracks', [
    ('knows everything', true_ids, True),
    ('new ids every time', lambda view: view.number * 1000 + np.arange(len(view.boxes)), False),
    ('numbers the detections', lambda view: np.arange(len(view.boxes)), False),
    ('one id for all', lambda view: np.ones(len(view.boxes), int), False),
])
def test_judge_tells_who_tracks(benchmark: ModuleType, name: str, ids_of, tracks: bool) -> None:
    _, _, judge = benchmark.measure(
        contestant(benchmark, ids_of).make, list(benchmark.scene(60, 40)), 5, 60.0)
    assert judge.tracks is tracks
    if tracks:
        assert judge.coverage > 0.98
        assert judge.ids_kept > 0.98


def test_judge_sees_a_tracker_that_reports_nothing(benchmark: ModuleType) -> None:
    judge = benchmark.Judge()
    for view in benchmark.scene(60, 10):
        judge.look(view, (np.zeros((0, 4), np.float32), np.zeros(0, np.int64)))
    assert judge.coverage == 0
    assert not judge.tracks


def test_slow_trackers_are_cut_short(benchmark: ModuleType) -> None:
    cpu, wall, _ = benchmark.measure(
        contestant(benchmark, true_ids).make, list(benchmark.scene(20, 30)), 5, 0.0)
    assert len(cpu) == len(wall) == 3


def test_table_and_json_are_written(
        benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    numberer = contestant(benchmark, lambda view: np.arange(len(view.boxes)), 'numberer')
    mine = [c for c in benchmark.CONTESTANTS if c.package is None]
    monkeypatch.setattr(benchmark, 'CONTESTANTS', (*mine, numberer))
    words = ['--sizes', '10,60', '--frames', '30', '--rounds', '2', '--json']
    # one of the trackers that are not from a package does not track
    assert benchmark.main([*words, str(tmp_path / 'a.json')]) == 1
    out = capsys.readouterr().out
    assert [line.rsplit('|', 2)[1].strip() for line in out.splitlines()
            if line.lstrip('| ').startswith(('mot_ros', 'numberer'))] == ['yes', 'yes', 'NO']
    result = json.loads((tmp_path / 'a.json').read_text())
    assert [(row['tracker'], row['objects']) for row in result['rows']] == [
        (name, size) for size in (10, 60)
        for name in ('mot_ros bytetrack', 'mot_ros sort', 'numberer')]
    for row in result['rows']:
        assert row['updates'] == 60
        assert 0 < row['cpu_median_ms'] <= row['cpu_p99_ms']
        assert len(row['cpu_median_of_rounds_ms']) == 2
    assert result['rows'][0]['coverage'] > 0.85
    assert result['rows'][0]['ids_kept'] > 0.98
    assert result['hardware']['threads'] == 1
    assert benchmark.main([*words, str(tmp_path / 'b.json'), '--only', 'bytetrack']) == 0


def test_soak_prints_ten_slices(
        benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / 'soak.json'
    # so short a run may be disturbed: its verdict is tested below, on made-up slices
    assert benchmark.main(['--soak', '200', '--objects', '20', '--json', str(file)]) in (0, 1)
    result = json.loads(file.read_text())
    assert [row['frames'] for row in result['rows']] == 5 * [*range(20, 201, 20)]
    assert all(row['rss_mb'] > 10 and row['cpu_median_ms'] > 0 for row in result['rows'])
    assert len([line for line in capsys.readouterr().out.splitlines() if 'mot_ros' in line]) == 50


@pytest.mark.parametrize('last_ms, last_mb, complaints', [
    (1.25, 119, []), (1.35, 119, ['1.35 x the second']), (1.0, 121, ['grew by 21.0 MB']),
    (2, 200, ['2.00 x the second', 'grew by 100.0 MB'])])
def test_soak_fails_what_slows_down_or_grows(
        benchmark: ModuleType, last_ms: float, last_mb: float, complaints: list[str]) -> None:
    slices = [{'tracker': 'a peer', 'cpu_median_ms': 1.0, 'rss_mb': 100.0} for _ in range(10)]
    # the first slice warms up
    slices[0]['cpu_median_ms'] = 0.5
    slices[-1] |= {'cpu_median_ms': last_ms, 'rss_mb': last_mb}
    found = benchmark.faults(slices)
    assert len(found) == len(complaints)
    assert all(text in line for text, line in zip(complaints, found, strict=True))


def test_peers_are_optional(
        benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    for package in ('pyxtrackers', 'ioutrack', 'trackers', 'supervision'):
        monkeypatch.setitem(sys.modules, package, None)
    here = benchmark.available(benchmark.CONTESTANTS)
    assert [c.name for c in here] == ['mot_ros bytetrack', 'mot_ros sort']
    assert 'ioutrack Sort is left out' in capsys.readouterr().err
    assert benchmark.main(['--list-peers']) == 0
    assert 'pip install numpy scipy pyxtrackers ioutrack trackers' in capsys.readouterr().out
    assert benchmark.main(['--only', 'nobody']) == 2


def test_bad_sizes_are_a_usage_error(benchmark: ModuleType) -> None:
    for words in (['--sizes', 'many'], ['--sizes', '0'], ['--soak', '3'], ['--rounds', '0']):
        with pytest.raises(SystemExit, match='2'):
            benchmark.main(words)


def test_versions_of_peers_whose_wheel_has_another_name(
        benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name != 'ioutrack-rs':
            raise benchmark.importlib.metadata.PackageNotFoundError(name)
        return '0.4.0'

    monkeypatch.setattr(benchmark.importlib.metadata, 'version', version)
    monkeypatch.setattr(
        benchmark.importlib.metadata, 'packages_distributions', lambda: {
            'ioutrack': ['ioutrack-rs']})
    versions = [benchmark.Contestant('x', 'Rust', package, None).version
                for package in ('ioutrack', 'nowhere', None)]
    assert versions == ['0.4.0', 'unknown', None]
