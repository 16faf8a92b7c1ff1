# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The driving sweep: what it counts, and whether a network that knows the truth fails on time."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.synthetic import driving
from mot_ros.data.synthetic.truth import SyntheticTruth
from mot_ros.tracking.types import Frame
from test.benchmarks.knowing import Knowing
from test.benchmarks.scripts import load


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load('driving', monkeypatch)
    # looking for the speed takes longer than the clip
    monkeypatch.setattr(driving, 'MEASURED', 15)
    monkeypatch.setattr(module, 'FIGURES', 4)
    return module


@pytest.fixture
def words(benchmark, monkeypatch, tmp_path: Path) -> list[str]:
    weights = tmp_path / 'w.safetensors'
    weights.write_bytes(b'only hashed here')
    network = Knowing()
    monkeypatch.setattr(benchmark, 'make_network', lambda settings: network)
    monkeypatch.setattr(benchmark, 'frames', network.watch(benchmark.frames))
    benchmark.network = network
    return ['--weights', str(weights), '--size', '640x192', '--seeds', '3', '--frames', '12',
            '--json', str(tmp_path / 'd.json'), '--png', str(tmp_path / 'd.png')]


def truth(*places: tuple[int, float]) -> SyntheticTruth:
    """Return people 10 px wide by (id, left edge)."""
    return SyntheticTruth.of(
        [((x, 0, x + 10, 30), (x, 0, x + 10, 30), 1.0, who, 0) for who, x in places])


def rows(*lines: tuple[int, int, float]) -> MotRows:
    """Return such boxes by (frame, id, left edge)."""
    numbers, ids, left = np.array(lines, np.float64).reshape(-1, 3).T
    boxes = np.stack([left, left * 0, left + 10, left * 0 + 30], axis=1)
    return MotRows(numbers, ids, boxes, np.ones(len(ids)))


def test_who_keeps_a_track_is_counted_by_how_far_they_moved(benchmark):
    truths = [truth((1, 0), (2, 100), (3, 200)), truth((1, 1.5), (2, 106), (4, 300)),
              truth((1, 3), (2, 112), (4, 303))]
    found = rows((1, 7, 0), (1, 8, 100), (1, 9, 200), (2, 7, 1), (2, 5, 106), (3, 7, 3),
                 (3, 5, 112), (3, 6, 303))
    kept, of = benchmark.continued(truths, found)
    # 1 moves .15 twice, kept; 2 moves .6 twice, another track, then kept; nobody else counts:
    # 3 is gone after the first frame, and 4 has no track before the last
    assert [benchmark.EDGES[place] for place in np.flatnonzero(of)] == [0.1, 0.6]
    assert (kept[1], of[1]) == (2, 2)
    assert (kept[6], of[6]) == (1, 2)


def test_short_tracks_do_not_last(benchmark):
    found = rows(*[(n, 1, 0) for n in range(1, 6)], *[(n, 2, 50) for n in range(1, 5)])
    assert set(benchmark.only_lasting(found).ids.tolist()) == {1}
    assert len(benchmark.only_lasting(found[:0])) == 0


def test_tracks_on_the_hardly_visible_are_not_false(benchmark):
    there = SyntheticTruth.of([((0, 0, 10, 30), (0, 0, 10, 30), 1.0, 1, 0),
                      ((50, 0, 60, 30), (50, 0, 52, 30), 0.2, 2, 0)])
    raw = benchmark.raw_scores(
        [there] * 2, rows((1, 1, 0), (1, 2, 50), (1, 3, 90), (2, 1, 0)), (100, 30),
        benchmark.RATE)
    columns = benchmark.columns([raw])
    assert (columns['FP'], columns['FN'], columns['truth boxes']) == (1, 0, 2)


def test_the_network_sees_every_frame_once_for_all_rows(benchmark):
    network = Knowing()
    shared = benchmark.SharedRcnn(network)
    frame, other = (Frame.of(np.zeros((48, 64, 3), np.uint8), 0.0) for _ in range(2))
    assert shared.extract_features(frame) is shared.extract_features(frame)
    assert shared.extract_features(frame).detections() is shared.detect([frame])[0]
    assert network.seen == 1
    assert shared.extract_features(other) is not shared.extract_features(frame)
    assert network.seen == 3


def test_methods_lose_people_where_geometry_says(benchmark, words, tmp_path, capsys):
    assert benchmark.main([*words, '--shifts', '0.15,0.6', '--look', 'dusk']) == 0
    result = json.loads((tmp_path / 'd.json').read_text())
    assert benchmark.network.seen == 2 * 12
    assert (tmp_path / 'd.png').stat().st_size > 10000
    at = {(row['row'], row['shift']): row for row in result['rows']}
    assert at['truth', 0.6]['MOTA'] == at['truth', 0.6]['continued'] == 1
    slow, fast = ({name: at[name, shift]['continued'] for name in benchmark.ROWS
                   if name != benchmark.IMM_ROW} for shift in (0.15, 0.6))
    assert min(slow.values()) > 0.8
    assert fast['Tracktor'] < fast['+ EMM, r = 2'] < fast['+ EMM, r = 3']
    bins = benchmark.by_bin(result['rows'])
    edges = np.array(benchmark.EDGES)

    def share(name, low, high):
        inside = [value for value, edge in zip(bins[name], edges, strict=True)
                  if low <= edge < high and not np.isnan(value)]
        assert inside
        return np.mean(inside)

    for name, end in (('Tracktor', 0.3), ('+ EMM, r = 2', 0.5), ('+ EMM, r = 3', 1.0)):
        assert share(name, 0, end) > 0.9
    assert share('Tracktor', 0.4, 3) == 0
    assert share('+ EMM, r = 2', 0.6, 3) < 0.05
    assert '+ EMM, r = 3 | ' in capsys.readouterr().out
    assert result['look'] == 'dusk'
    assert result['sha256'].keys() == {'w.safetensors'}


def test_a_second_network_adds_the_row_of_imm(benchmark, words):
    args = benchmark.parse([*words, '--imm', 'imm.safetensors', '--set', 'siammot.decide=box'])
    settings = benchmark.settings_of_rows(args)
    assert list(settings) == list(benchmark.ROWS)
    assert settings['+ IMM'].rcnn.weights == 'imm.safetensors'
    assert all(each.siammot.decide == 'box' for each in settings.values())
    paper = [settings[name].siammot for name in benchmark.TABLE_1]
    assert all(each.tau == 1 and not each.velocity and not each.camera for each in paper)


@pytest.mark.parametrize(('more', 'complaint'), [
    (['--shifts', '50'], 'cannot be reached'),
    (['--weights', 'none.safetensors', '--shifts', '0.3'], 'none.safetensors'),
    (['--set', 'siammot.searhc=5'], 'did you mean siammot.search'),
    (['--cutouts', 'nowhere', '--shifts', '0.3'], 'nowhere'),
])
def test_errors_take_one_line(benchmark, words, more, complaint, capsys):
    assert benchmark.main([*words, '--frames', '2', *more]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert 'driving.py: error: ' in lines[-1]
    assert complaint in lines[-1]


def test_lists_that_are_none_are_a_usage_error(benchmark):
    with pytest.raises(SystemExit, match='2'):
        benchmark.parse(['--shifts', 'fast'])
