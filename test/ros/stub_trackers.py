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

"""
The trackers of several cameras in one process, with the detector of stub_tracker.py.

Run as a script. Each time that the detector is loaded, a line says so.
"""

from __future__ import annotations

import sys

import stub_tracker

from mot_ros.ros.sharing import Sharing
from mot_ros.ros.trackers import main
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.contracts import Detector


def make_detector(settings: NodeSettings) -> Detector:
    sys.stdout.write('loaded\n')
    sys.stdout.flush()
    return stub_tracker.make_detector(settings)


if __name__ == '__main__':
    raise SystemExit(main(sharing=Sharing(make_detector, stub_tracker.TellingTracker)))
