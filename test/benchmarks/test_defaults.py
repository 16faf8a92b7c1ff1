# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The benchmark of defaults: thinned scenes, regret, and the scene that is left out."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mot_ros.data.datasets.mot import MotRows
from test.benchmarks.scripts import load
from test.benchmarks.test_motion_only import mot  # noqa: F401 - two small sequences


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('defaults', monkeypatch)


def row(candidate: str, scene: str, value: float, seed: int = 0) -> dict[str, object]:
    return {'candidate': candidate, 'scene': scene, 'every': 1, 'seed': seed,
            'HOTA': value, 'MOTA': value, 'IDF1': value}


ROWS = [row('a', 'x', 0.8), row('a', 'y', 0.4), row('a', 'z', 0.5),
        row('b', 'x', 0.6), row('b', 'y', 0.5), row('b', 'z', 0.7)]


def test_every_second_frame_is_numbered_anew(benchmark: ModuleType) -> None:
    rows = MotRows(
        np.array([1, 2, 3, 5]), np.arange(4), np.zeros((4, 4)), np.ones(4))
    thin = benchmark.thinned(rows, 2)
    assert thin.frames.tolist() == [1, 2, 3]
    assert thin.ids.tolist() == [0, 2, 3]


def test_regret_is_the_loss_on_the_worst_scene(benchmark: ModuleType) -> None:
    best, other = benchmark.table_of_candidates(ROWS)
    assert (best['candidate'], best['regret']) == ('b', pytest.approx(0.2))
    assert (other['candidate'], other['regret']) == ('a', pytest.approx(0.2))
    assert best['y'] == '0.500 / 0.500 / 0.500'


def test_chance_is_the_deviation_between_runs(benchmark: ModuleType) -> None:
    line, = benchmark.table_of_candidates([row('a', 'x', 0.4, 0), row('a', 'x', 0.6, 1)])
    assert line['chance'] == pytest.approx(0.1)
    assert line['goal'] == pytest.approx(0.5)


def test_a_scene_that_is_left_out_has_no_say(benchmark: ModuleType) -> None:
    lines = {line['left out']: line for line in benchmark.leave_one_out(ROWS)}
    # without x, b is best by far; on x it gives .2 less than a
    assert lines['x']['chosen on the others'] == 'b'
    assert lines['x']['regret'] == pytest.approx(0.2)
    # without z, a is best on x and y together
    assert lines['z']['chosen on the others'] == 'a'
    assert lines['z']['its goal'] == pytest.approx(0.7)
    assert benchmark.leave_one_out(ROWS[:1]) == []


def test_sequences_with_public_detections_alone(
        benchmark: ModuleType, mot: Path, tmp_path: Path,  # noqa: F811 - the fixture
        capsys: pytest.CaptureFixture[str]) -> None:
    result = tmp_path / 'defaults.json'
    assert benchmark.main([
        '--data', str(tmp_path / 'none'), '--truth', str(tmp_path / 'none/gt/gt.txt'),
        '--public', str(mot), '--methods', 'smiletrack,bytetrack', '--high', '.3,.6',
        '--new', '.5', '--runs', '2', '--json', str(result)]) == 0
    content = json.loads(result.read_text())
    # thresholds that decrease are no candidate
    assert {line['candidate'] for line in content['candidates']} == {
        'smiletrack as it is', 'smiletrack 0.3 / 0.05 / 0.5',
        'bytetrack as it is', 'bytetrack 0.3 / 0.05 / 0.5'}
    assert len(content['rows']) == 4 * 2 * 2
    # who only walks and stands, and is seen all the time, is tracked
    assert all(line['goal'] > 0.8 for line in content['candidates'])
    captured = capsys.readouterr()
    assert 'PETS is left out' in captured.err
    assert 'left out' in captured.out


def test_without_any_scene_it_says_so(
        benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ['--data', str(tmp_path), '--truth', str(tmp_path / 'gt/gt.txt')]
    assert benchmark.main(arguments) == 2
    assert 'there is no scene' in capsys.readouterr().err


def test_embeddings_are_candidates_of_each_method(benchmark: ModuleType) -> None:
    args = benchmark.parse(['--methods', 'smiletrack,botsort', '--appearance', 'colour,slm:a.pt'])
    assert dict(benchmark.candidates(args)) == {
        'smiletrack colour': {'method': 'smiletrack', 'appearance.type': 'colour'},
        'smiletrack slm:a.pt': {
            'method': 'smiletrack', 'appearance.type': 'slm', 'appearance.weights': 'a.pt'},
        'botsort colour': {'method': 'botsort', 'appearance.type': 'colour'},
        'botsort slm:a.pt': {
            'method': 'botsort', 'appearance.type': 'slm', 'appearance.weights': 'a.pt'}}
