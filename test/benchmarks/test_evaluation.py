# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The benchmark of evaluation itself on a small sequence: its table, its JSON, its failures."""

import json
from pathlib import Path
from types import ModuleType

import pytest
from walkers import write_walkers

from test.benchmarks.scripts import load


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('evaluation', monkeypatch)


def test_parts_add_up_to_the_whole(
        benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file = write_walkers(tmp_path / 's'), tmp_path / 'result.json'
    assert benchmark.main([
        '--mot', str(folder), '--images', str(tmp_path / 'none.avi'), '--detections', 'public',
        '--methods', 'bytetrack,sort', '--frames', '30', '--runs', '2', '--json', str(file)]) == 0
    result = json.loads(file.read_text())
    assert result['hardware']['cores'] >= 1
    assert len(result['rows']) == 2
    for row in result['rows']:
        # every method has gone through them
        assert (row['run'], row['frames']) == ('bytetrack,sort', 60)
        parts = [row[name] for name in (*benchmark.PARTS, 'report', 'start')]
        assert sum(parts) == pytest.approx(row['wall'])
        assert min(parts) >= 0
        assert row['tracker'] > 0
        assert row['overhead'] == pytest.approx(1 - row['tracker'] / row['wall'])
    table = capsys.readouterr().out.splitlines()
    assert table[0].split()[1::2] == list(result['rows'][0])
    assert len({len(line) for line in table[:4]}) == 1


def test_a_failure_is_passed_on(benchmark: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / 'result.json'
    assert benchmark.main(['--mot', str(tmp_path), '--json', str(file)]) == 2
    assert not file.exists()
