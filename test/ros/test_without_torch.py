# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A machine that has all that rosdep brings, but not the PyTorch that pip is to bring."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip('rclpy')

from ros_bench import ros_args

HIDDEN = 'import sys; sys.modules.update(torch=None, safetensors=None)\n'


def test_the_node_starts_says_what_is_missing_and_lives_on(bench, start):
    code = f'{HIDDEN}from mot_ros.ros.node import main\nraise SystemExit(main(sys.argv))'
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
