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

"""What the tracker node is made of."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip('rclpy')

from mot_ros.ros.loading import load_detector, load_tracker
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.settings import build


def test_a_machine_without_torch_is_told_what_to_install(monkeypatch):
    for name in list(sys.modules):
        if name.startswith('mot_ros.tracking.detectors'):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'torch', None)
    with pytest.raises(ConfigError, match='pip install torch'):
        load_detector(Settings())


@pytest.mark.parametrize('method', METHODS)
def test_the_method_of_the_settings_is_made(method):
    tracker = load_tracker(build(Settings, {'method': method}), detector=None)
    assert type(tracker).__name__.lower() == method
