# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A bag through the tracker with the stub detector: `stub_replay.py BAG FOLDER [OPTIONS]`."""

from __future__ import annotations

from pathlib import Path
import sys

from mot_ros.ros.playback.live_run import main

if __name__ == '__main__':
    raise SystemExit(main(tracker=[
        sys.executable, str(Path(__file__).with_name('stub_tracker.py'))]))
