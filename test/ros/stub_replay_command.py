# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros replay` with the stub detector live: `stub_replay_command.py BAG -o FOLDER ...`."""

from __future__ import annotations

from pathlib import Path
import sys

from mot_ros import cli
from mot_ros.commands import replay

if __name__ == '__main__':
    replay.COMMAND = (sys.executable, str(Path(__file__).with_name('stub_replay.py')))
    raise SystemExit(cli.main(['replay', *sys.argv[1:]]))
