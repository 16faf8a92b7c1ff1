# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import json

from test.benchmarks.scripts import load, ROOT, write_noise


def test_two_trees_take_turns_and_the_last_has_its_own_settings(monkeypatch, tmp_path, capsys):
    video, file = tmp_path / 'noise.avi', tmp_path / 'a.json'
    write_noise(video, (96, 64), 14)
    benchmark = load('demo_speed', monkeypatch)
    assert benchmark.main([
        str(ROOT), str(ROOT), '--video', str(video), '--turns', '1', '--frames', '4',
        '--methods', 'sort', '--set', 'detector.width=128', '--set', 'detector.height=96',
        '--set-last', 'precision=bfloat16', '--json', str(file)]) == 0
    first, last = json.loads(file.read_text())['rows']
    assert first['revision'] == last['revision'] and str(ROOT) not in file.read_text()
    assert first['settings'] == ['detector.width=128', 'detector.height=96']
    assert last['settings'] == [*first['settings'], 'precision=bfloat16']
    for row in first, last:
        assert row['frame_ms'] >= row['detector_ms'] > 0 < row['processor_ms']
    assert capsys.readouterr().out.count('frames/s') == 2
