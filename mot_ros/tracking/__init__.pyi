# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from mot_ros.tracking.config import METHODS as METHODS
from mot_ros.tracking.config import Settings as Settings
from mot_ros.tracking.config.params_file import read_params_file as read_params_file
from mot_ros.tracking.config.schema import build as build
from mot_ros.tracking.detectors import make_detector as make_detector
from mot_ros.tracking.errors import MotError as MotError
from mot_ros.tracking.methods import make_tracker as make_tracker
from mot_ros.tracking.methods.multi_camera import Cameras as Cameras
from mot_ros.tracking.protocols import Detector as Detector
from mot_ros.tracking.protocols import Tracker as Tracker
from mot_ros.tracking.sequence import SequenceGuard as SequenceGuard
from mot_ros.tracking.types import Detections as Detections
from mot_ros.tracking.types import Frame as Frame
from mot_ros.tracking.types import Tracks as Tracks
from mot_ros.tracking.types import TrackState as TrackState
