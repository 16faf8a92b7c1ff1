# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Signals end a process at any moment of its life, with status 0 and without a traceback."""

from __future__ import annotations

from pathlib import Path
import re
import signal
import time

import pytest

pytest.importorskip('rclpy')

from ros_bench import python, ROOT, ros_args, STUB_TRACKER

LIMIT = 6.0
"""Seconds for the end: 2 on an idle machine, more where several tests run beside each other."""
pytestmark = pytest.mark.fresh_interpreter
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# whoever runs the tests may have been started with nohup
DEFAULT_HANGUP = ['env', '--default-signal=HUP']


def wait_for(text, child):
    deadline = time.monotonic() + 60
    while text not in child.text:
        assert child.process.poll() is None, child.text
        assert time.monotonic() < deadline, child.text
        time.sleep(0.02)


def until_handled(child):
    """Wait until the process has a handler of SIGTERM, before which nothing is imported."""
    deadline = time.monotonic() + 60
    status = Path(f'/proc/{child.process.pid}/status')
    while not int(re.search(r'SigCgt:\s*(\w+)', status.read_text())[1], 16) >> (
            signal.SIGTERM - 1) & 1:
        assert time.monotonic() < deadline, child.text
        time.sleep(0.005)


def end(child, *numbers):
    """Send signals; return the exit status and the seconds until the end."""
    begin = time.monotonic()
    return child.stop(*numbers), time.monotonic() - begin


@pytest.mark.parametrize('number', SIGNALS)
def test_a_stop_while_the_network_loads_ends_the_node_before_it_is_configured(start, number):
    child = start([*DEFAULT_HANGUP, *python(STUB_TRACKER)], STUB_LOAD='30')
    wait_for('loading', child)
    status, seconds = end(child, number)
    assert status == 0, child.text
    assert seconds < LIMIT
    assert 'configured' not in child.text
    assert 'Traceback' not in child.text


def test_a_stop_while_one_of_several_trackers_loads_starts_no_other(start):
    child = start(
        python(ROOT / 'test' / 'ros' / 'stub_trackers.py', 'front', 'left'), STUB_LOAD='30')
    wait_for('loading', child)
    status, seconds = end(child, signal.SIGINT, signal.SIGTERM)
    assert status == 0, child.text
    assert seconds < LIMIT
    assert 'configured' not in child.text


@pytest.mark.parametrize('moment', [0.0, 0.2, 0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize('node', ['tracker', 'visualizer'])
def test_a_stop_at_any_moment_of_the_start_is_clean(start, node, moment):
    child = start(python('mot_ros.entry', node, *ros_args(device='cpu') if node == 'tracker'
                         else ()))
    # the interpreter itself starts without our handlers
    until_handled(child)
    time.sleep(moment)
    status, seconds = end(child, signal.SIGINT)
    assert status == 0, child.text
    assert seconds < LIMIT
    assert 'Traceback' not in child.text


@pytest.mark.parametrize('node, parameters', [
    ('visualizer', {}), ('recorder', {'output': 'out'}), ('camera', {'source': 'video'})])
def test_a_hangup_ends_a_node_like_a_termination(start, tmp_path, node, parameters):
    if 'source' in parameters:
        import cv2
        import numpy as np
        (tmp_path / 'video').mkdir()
        cv2.imwrite(str(tmp_path / 'video' / '1.png'), np.zeros((8, 8, 3), np.uint8))
        parameters = {**parameters, 'wait_for_subscribers': 1}
    child = start([*DEFAULT_HANGUP, *python('mot_ros.entry', node, *ros_args(**{
        name: tmp_path / value if isinstance(value, str) else value
        for name, value in parameters.items()}))])
    until_handled(child)
    time.sleep(2.0)
    assert child.process.poll() is None, child.text
    assert end(child, signal.SIGHUP)[0] == 0, child.text
    assert 'Traceback' not in child.text


def test_nohup_keeps_a_node_through_a_hangup(start):
    child = start(['env', '--ignore-signal=HUP', *python('mot_ros.entry', 'visualizer')])
    until_handled(child)
    time.sleep(2.0)
    child.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert child.process.poll() is None
    assert child.stop(signal.SIGTERM) == 0
