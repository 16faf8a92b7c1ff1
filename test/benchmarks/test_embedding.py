# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The appearance benchmark with few boxes."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from test.benchmarks.scripts import load


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('embedding', monkeypatch)


def test_all_ways_agree_and_are_written(
        benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / 'a.json'
    assert benchmark.main(['--boxes', '3', '--rounds', '1', '--json', str(file)]) == 0
    rows = json.loads(file.read_text())['rows']
    assert [(row['embedder'], row['way']) for row in rows] == [
        ('SLM code', 'as published'), ('SLM code', 'one by one'), ('SLM code', 'batch'),
        ('SLM article', 'one by one'), ('SLM article', 'batch'), ('colour', 'one by one'),
        ('colour', 'batch')]
    for row in rows:
        assert row['boxes'] == 3 and row['ms'] > 0
        assert row['largest difference'] < 1e-3
        assert (row['batch / this'] == 1) == (row['way'] == 'batch')
    assert '| as published |' in capsys.readouterr().out


def test_bad_numbers_are_a_usage_error(benchmark: ModuleType) -> None:
    with pytest.raises(SystemExit, match='2'):
        benchmark.main(['--boxes', '0'])
