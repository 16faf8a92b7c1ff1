# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The camera motion benchmark on a small video of its own."""

import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from test.benchmarks.scripts import load


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('camera_motion', monkeypatch)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Write what a standing camera sees of a textured scene."""
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.uniform(0, 255, (60, 80, 3)), (768, 576), interpolation=cv2.INTER_CUBIC)
    path = tmp_path / 'v.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10.0, (768, 576))
    for _ in range(12):
        writer.write(np.clip(scene + rng.normal(0, 2, scene.shape), 0, 255).astype(np.uint8))
    writer.release()
    return path


def test_every_way_is_measured_and_right(
        benchmark: ModuleType, video: Path, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / 'a.json'
    assert benchmark.main(['--video', str(video), '--frames', '10', '--json', str(file)]) == 0
    result = json.loads(file.read_text())
    rows = {(row['camera'], row['mode'], row['method']): row for row in result['rows']}
    assert len(rows) == 2 * len(benchmark.WAYS)
    assert all(row['frames'] == 10 and row['failures'] == 0 for row in rows.values())
    assert rows['stands', 'auto', 'flow']['moved'] == 0
    assert rows['stands', 'auto', 'flow']['off max'] == 0
    # the path of the window is known
    assert rows['pans', 'off', 'flow']['off median'] > 3
    for mode in ('auto', 'on'):
        assert rows['pans', mode, 'flow']['moved'] == 9
        assert rows['pans', mode, 'flow']['off max'] < 0.5
    assert len([line for line in capsys.readouterr().out.splitlines() if '| ' in line]) == 11


def test_errors_take_one_line(
        benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(['--video', 'none.avi']) == 2
    assert 'none.avi does not exist' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        benchmark.main(['--frames', '0'])
