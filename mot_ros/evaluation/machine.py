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

"""What the speed of a run depends on: written beside every published figure."""

from __future__ import annotations

import os
from pathlib import Path
import platform
from typing import Any


def describe_machine() -> dict[str, Any]:
    """Return processor, number of cores, load averages and the version of Python."""
    info = Path('/proc/cpuinfo')
    models = [line.partition(':')[2].strip() for line in info.read_text().splitlines()
              if line.startswith('model name')] if info.exists() else []
    return {
        'cpu': models[0] if models else platform.processor(), 'cores': os.cpu_count(),
        'load': os.getloadavg(), 'python': platform.python_version()}
