# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A machine that has all that rosdep brings, but not the PyTorch that pip is to bring."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip('rclpy')

from ros_bench import ros_args

HIDDEN = 'import sys; sys.modules.update(torch=None, safetensors=None)\n'


def test_the_node_starts_says_what_is_missing_and_lives_on(bench, start):
    code = f'{HIDDEN}from mot_ros.ros.nodes.tracker import main\nraise SystemExit(main(sys.argv))'
    child = start([sys.executable, '-c', code, *ros_args()])
    bench.until(lambda: bench.status(), 'diagnostics of a node without torch', child=child)
    assert bench.state() == 'unconfigured'
    assert 'pip install torch safetensors' in bench.status()['message']
    assert 'pip install torch safetensors' in child.text
    assert 'Traceback' not in child.text

    # what needs no network works
    assert bench.set_parameters(detector__type='external')[0].successful
    assert bench.transition('configure'), child.text
    assert bench.transition('activate')
    assert child.stop() == 0
