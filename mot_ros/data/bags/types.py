# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The message types that bags of this package hold, without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rosbags.typesys import get_types_from_msg, get_typestore, Stores

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
DETECTIONS = 'vision_msgs/msg/Detection2DArray'

# Interface of vision_msgs 4 (Humble and later), which rosbags does not bring; the hash of each
# type, which a bag states, depends on names, types and order only.
_VISION: Mapping[str, str] = {
    'Point2D': 'float64 x\nfloat64 y',
    'Pose2D': 'vision_msgs/Point2D position\nfloat64 theta',
    'BoundingBox2D': 'vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y',
    'ObjectHypothesis': 'string class_id\nfloat64 score',
    'ObjectHypothesisWithPose':
        'vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose',
    'Detection2D':
        'std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n'
        'vision_msgs/BoundingBox2D bbox\nstring id',
    'Detection2DArray': 'std_msgs/Header header\nvision_msgs/Detection2D[] detections',
}


def make_typestore(definitions: Mapping[str, str] | None = None) -> Any:
    """
    Return rosbags' types of Humble, with vision_msgs.

    `definitions` are those that a bag carries, by type name, in the .msg language; for what
    rosbags does not know they come before ours, since a bag may be older than vision_msgs 4.
    """
    store = get_typestore(Stores.ROS2_HUMBLE)
    for name, text in (definitions or {}).items():
        _register(store, text, name)
    for name, text in _VISION.items():
        _register(store, text, f'vision_msgs/msg/{name}')
    return store


def _register(store: Any, text: str, name: str) -> None:
    store.register({found: fields for found, fields in get_types_from_msg(text, name).items()
                    if found not in store.fielddefs})
