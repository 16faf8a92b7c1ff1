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

"""What the tracker node is made of unless it is told otherwise: the real detector and methods."""

from __future__ import annotations

from mot_ros.tracking.config import Settings
from mot_ros.tracking.contracts import Detector, Tracker
from mot_ros.tracking.errors import ConfigError


def load_detector(settings: Settings) -> Detector:
    """Load the detector that the settings name; raises ConfigError where torch is missing."""
    try:
        # here and not above: torch takes seconds to load, and ROS does not bring it
        from mot_ros.tracking.detectors import make_detector
        return make_detector(settings)
    except ImportError as error:
        raise ConfigError(
            f'{error}: the detector needs PyTorch; install it with "pip install torch '
            'safetensors"') from error


def load_tracker(settings: Settings, detector: Detector) -> Tracker:
    """Assemble the method that the settings name around the detector."""
    from mot_ros.tracking.methods import make_tracker
    return make_tracker(settings, detector)
