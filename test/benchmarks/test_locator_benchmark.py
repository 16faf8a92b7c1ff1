# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The script that measures the locator."""

from __future__ import annotations

import json

from test.benchmarks.scripts import load


def test_it_measures_and_writes(tmp_path, monkeypatch, capsys):
    script = load('locator', monkeypatch)
    result = tmp_path / 'result.json'
    assert script.main([
        '--people', '200', '--images', '2', '--seconds', '2', '--rounds', '3',
        '--json', str(result)]) == 0
    found = json.loads(result.read_text())
    assert len(found['placed']) == 16 and len(found['filtered']) == 3
    exact = found['placed'][3]
    assert exact['what'] == 'camera at 1.2 m, pitch off by +0 deg'
    assert exact['median error [%]'] < 5 and exact['covered [%]'] > 88
    assert found['placed'][-1]['median error [%]'] < 3
    assert set(found['frame of 50 people [ms]']) == {
        'place', 'read depth', 'filter', 'all of it'}
    assert exact['what'] in capsys.readouterr().out
