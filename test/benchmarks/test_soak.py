# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The soak of the node: a few seconds of orders."""

import json
import subprocess
import sys

import pytest

from test.benchmarks.scripts import ROOT

pytest.importorskip('rclpy')


def test_orders_for_some_seconds(tmp_path, ros_domain):
    done = subprocess.run(
        [sys.executable, str(ROOT / 'benchmarks' / 'soak.py'), '--seconds', '3', '--only',
         'orders', '--objects', '20', '--json', str(tmp_path / 'soak.json')],
        capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    row, = json.loads((tmp_path / 'soak.json').read_text())['rows']
    assert row['tracked'] > 5
    assert len(row['orders']) == 3
    assert all(orders['set'] and orders['change'] for orders in row['orders'])
    assert row['last']['threads'] > 1 and row['last']['files'] > 3 and row['last']['MiB'] > 10
