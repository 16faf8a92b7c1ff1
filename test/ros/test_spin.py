# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Running nodes in a process that ends cleanly."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

from ros_bench import python

SCRIPT = """
import sys
from rclpy.node import Node
from mot_ros.ros.spin import run
from mot_ros.tracking.errors import ConfigError


class Stumbling(Node):
    finished = False
    exit_code = 0

    def __init__(self):
        super().__init__('stumbling')
        self.count = 0
        self.create_timer(0.01, self.stumble)

    def stumble(self):
        self.count += 1
        if self.count < 4:
            raise RuntimeError(f'stumbled {self.count}')
        self.exit_code = int(sys.argv[1])
        self.finished = True

    def destroy_node(self):
        sys.stdout.write('destroyed\\n')
        super().destroy_node()


class Refusing(Node):
    def __init__(self):
        super().__init__('refusing')
        raise ConfigError('x is 3; set it to 4')


nodes = [Stumbling, Refusing] if 'refuse' in sys.argv else [Stumbling]
sys.exit(run(*nodes))
"""


@pytest.fixture
def start_script(start, tmp_path):
    script = tmp_path / 'script.py'
    script.write_text(SCRIPT)
    return lambda *arguments: start(python(script, *arguments))


@pytest.mark.parametrize('status', ['0', '3'])
def test_an_exception_costs_its_callback_and_the_node_says_how_it_ended(start_script, status):
    child = start_script(status)
    assert child.wait() == int(status)
    for number in (1, 2, 3):
        assert f'stumbled {number}' in child.text
    assert 'destroyed' in child.text


def test_a_node_that_refuses_to_start_is_quoted_and_the_others_are_destroyed(start_script):
    child = start_script('0', 'refuse')
    assert child.wait() == 1
    assert 'x is 3; set it to 4' in child.text
    assert 'Traceback' not in child.text
    assert 'destroyed' in child.text
