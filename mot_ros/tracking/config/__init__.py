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

"""Every setting of every method: the only home of defaults."""

from __future__ import annotations

from mot_ros.tracking.config.botsort import BotSortSettings
from mot_ros.tracking.config.bytetrack import ByteTrackSettings
from mot_ros.tracking.config.deepsort import DeepSortSettings
from mot_ros.tracking.config.detector import DetectorSettings, RegionSettings
from mot_ros.tracking.config.looks import AppearanceSettings, CameraMotionSettings
from mot_ros.tracking.config.node import ExternalSettings, NodeSettings
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.config.sequence import SequenceSettings
from mot_ros.tracking.config.siammot import SiamMotSettings, TracktorSettings
from mot_ros.tracking.config.smiletrack import SmileTrackSettings
from mot_ros.tracking.config.smot import SmotSettings
from mot_ros.tracking.config.sort import SortSettings
from mot_ros.tracking.config.tracker import BY_BOXES, LOOKING, METHODS, SEEING, Settings

__all__ = [
    'BY_BOXES',
    'LOOKING',
    'METHODS',
    'SEEING',
    'AppearanceSettings',
    'BotSortSettings',
    'ByteTrackSettings',
    'CameraMotionSettings',
    'DeepSortSettings',
    'DetectorSettings',
    'ExternalSettings',
    'NodeSettings',
    'RcnnSettings',
    'RegionSettings',
    'SequenceSettings',
    'Settings',
    'SiamMotSettings',
    'SmileTrackSettings',
    'SmotSettings',
    'SortSettings',
    'TracktorSettings',
]
