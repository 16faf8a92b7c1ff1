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

"""What a benchmark leaves: a JSON file that says when and on what machine it was measured."""

from __future__ import annotations

from collections.abc import Mapping
import datetime
import json
from pathlib import Path
import sys
from typing import Any

from mot_ros.evaluation.machine import describe_machine


def write_result(path: Path, content: Mapping[str, Any], **machine: Any) -> None:
    """Write the content with date and hardware, of which `machine` tells more; say so."""
    path.write_text(json.dumps({
        **content,
        'date': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        'hardware': {**describe_machine(), **machine}}, indent=2) + '\n')
    sys.stdout.write(f'wrote {path}\n')
