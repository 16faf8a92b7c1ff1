# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Every setting of every method: the only home of defaults."""

from __future__ import annotations

from mot_ros.tracking.config.appearance import AppearanceSettings, CameraMotionSettings
from mot_ros.tracking.config.detector import DetectorSettings, RegionSettings
from mot_ros.tracking.config.methods.botsort import BotSortSettings
from mot_ros.tracking.config.methods.bytetrack import ByteTrackSettings
from mot_ros.tracking.config.methods.deepsort import DeepSortSettings
from mot_ros.tracking.config.methods.siammot import SiamMotSettings, TracktorSettings
from mot_ros.tracking.config.methods.smiletrack import SmileTrackSettings
from mot_ros.tracking.config.methods.smot import SmotSettings
from mot_ros.tracking.config.methods.sort import SortSettings
from mot_ros.tracking.config.methods.table import (
    APPEARANCE_METHODS,
    BOX_METHODS,
    IMAGE_METHODS,
    METHODS,
)
from mot_ros.tracking.config.node import ExternalSettings, NodeSettings
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.config.sequence import SequenceSettings
from mot_ros.tracking.config.tracker import Settings

__all__ = [
    'APPEARANCE_METHODS',
    'BOX_METHODS',
    'IMAGE_METHODS',
    'METHODS',
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
