# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The benchmark of the backends, on one part and few frames."""

import json
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')
pytest.importorskip('onnxscript')

from test.benchmarks.scripts import load, write_noise


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    module = load('backends', monkeypatch)
    monkeypatch.setattr(module, 'PARTS', {
        name: part for name, part in module.PARTS.items() if name.startswith('slm')})
    return module


def test_both_agree_and_are_written(
        benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video, file = tmp_path / 'noise.avi', tmp_path / 'a.json'
    write_noise(video, (480, 540), 4)
    assert benchmark.main(
        ['--video', str(video), '--frames', '4', '--json', str(file)]) == 0
    row, = json.loads(file.read_text())['rows']
    assert row['torch ms'] > 0 < row['onnx ms'] and row['torch / onnx'] > 0
    assert row['largest difference'] < 1e-4
    assert '| slm-small, 10 crops |' in capsys.readouterr().out


@pytest.mark.parametrize('words', [['--frames', '3'], ['--video', 'none.avi']])
def test_bad_words_are_a_usage_error(benchmark: ModuleType, words: list[str]) -> None:
    with pytest.raises(SystemExit, match='2'):
        benchmark.main(words)
