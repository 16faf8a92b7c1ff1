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

"""A bag through the tracker with the stub detector: `stub_replay.py BAG FOLDER [OPTIONS]`."""

from __future__ import annotations

from pathlib import Path
import sys

from mot_ros.ros.replay_live import main

if __name__ == '__main__':
    raise SystemExit(main(tracker=[
        sys.executable, str(Path(__file__).with_name('stub_tracker.py'))]))
