# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The demo with the stub detector in place of the real one: `stub_demo.py [OPTIONS]`."""

from __future__ import annotations

import os
from pathlib import Path
import sys

from mot_ros.ros.nodes.demo import main

if __name__ == '__main__':
    command = os.environ.get('STUB_COMMAND', str(Path(__file__).with_name('stub_tracker.py')))
    raise SystemExit(main(tracker=[sys.executable, *command.split('\n')]))
