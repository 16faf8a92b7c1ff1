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

"""`mot_ros replay` with the stub detector live: `stub_replay_command.py BAG -o FOLDER ...`."""

from __future__ import annotations

from pathlib import Path
import sys

from mot_ros import cli
from mot_ros.commands import replay

if __name__ == '__main__':
    replay.COMMAND = (sys.executable, str(Path(__file__).with_name('stub_replay.py')))
    raise SystemExit(cli.main(['replay', *sys.argv[1:]]))
