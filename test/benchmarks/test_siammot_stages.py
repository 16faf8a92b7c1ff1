# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The benchmark of SiamMOT's stages with a tiny network input."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from test.benchmarks.scripts import load


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('siammot', monkeypatch)


def test_growth_is_added_up_and_written(
        benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / 'a.json'
    assert benchmark.main([
        '--size', '192', '64', '--short-side', '64', '--long-side', '96', '--tracks', '2', '10',
        '--bodies', 'mobilenetv3', '--rounds', '1', '--json', str(file)]) == 0
    body, = json.loads(file.read_text())['bodies']
    assert body['network_size'] == [96, 32]
    time = {(row['stage'], row['tracks']): row['cpu_ms'] for row in body['rows']}
    alone = {row['tracks']: row for row in body['growth'] if row['group'] == 'heads + EMM'}
    assert alone[2]['cpu_ms'] == pytest.approx(
        time['box head', None] + sum(time[name, 2] for name in ('remember', 'search', 'judge')))
    assert alone[10]['ratio'] == 1
    assert alone[2]['ratio'] == pytest.approx(alone[2]['cpu_ms'] / alone[10]['cpu_ms'])
    assert capsys.readouterr().out.startswith(file.with_suffix('.md').read_text())


def test_bad_numbers_are_a_usage_error(benchmark: ModuleType) -> None:
    with pytest.raises(SystemExit, match='2'):
        benchmark.main(['--rounds', '0'])
