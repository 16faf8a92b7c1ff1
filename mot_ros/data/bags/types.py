# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The message types that bags of this package hold, without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from rosbags.typesys import get_types_from_msg, get_typestore, Stores

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
DETECTIONS = 'vision_msgs/msg/Detection2DArray'
COMPRESSED_VIDEO = 'foxglove_msgs/msg/CompressedVideo'
VIDEO_PACKET = 'ffmpeg_image_transport_msgs/msg/FFMPEGPacket'
VIDEO_TYPES = (COMPRESSED_VIDEO, VIDEO_PACKET)
"""Types of messages that hold a packet of a video each."""
THEORA = 'theora_image_transport/msg/Packet'

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
# likewise; both begin with a stamp and a name of the coordinate system, as a Header does
_VIDEO: Mapping[str, str] = {
    COMPRESSED_VIDEO:
        'builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format',
    VIDEO_PACKET:
        'std_msgs/Header header\nint32 width\nint32 height\nstring encoding\nuint64 pts\n'
        'uint8 flags\nbool is_bigendian\nuint8[] data',
}
# of Foxy and older; between them and 4 only names changed
_OLD_VISION: Mapping[str, str] = {
    'BoundingBox2D': 'geometry_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y',
    'ObjectHypothesisWithPose':
        'string id\nfloat64 score\ngeometry_msgs/PoseWithCovariance pose',
    'Detection2D':
        'std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n'
        'vision_msgs/BoundingBox2D bbox\nsensor_msgs/Image source_img\nbool is_tracking\n'
        'string tracking_id',
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
    for name, text in _VIDEO.items():
        _register(store, text, name)
    return store


@cache
def older_vision_types() -> Any:
    """Return rosbags' types with vision_msgs as Foxy had it."""
    store = get_typestore(Stores.ROS2_FOXY)
    for name, text in _OLD_VISION.items():
        _register(store, text, f'vision_msgs/msg/{name}')
    return store


def differing_types(definitions: Mapping[str, str]) -> set[str]:
    """Return those of the definitions of a bag whose fields are not those of Humble."""
    ours = make_typestore().fielddefs
    found = set()
    for name, text in definitions.items():
        theirs = get_types_from_msg(text, name)
        if name in ours and _layout(name, theirs) != _layout(name, ours):
            found.add(name)
    return found


def _layout(name: str, fields: Mapping[str, Any]) -> Any:
    """Return the types of the fields of a type, and of their fields."""
    if name == 'std_msgs/msg/Header':
        # that of ROS 1 has a number before the stamp, which conversion leaves out
        return name
    return tuple(_expanded(kind, fields) for _, kind in fields[name][1])


def _expanded(kind: Any, fields: Mapping[str, Any]) -> Any:
    if isinstance(kind, str):
        return _layout(kind, fields) if kind in fields else kind
    return tuple(_expanded(part, fields) for part in kind) if isinstance(kind, tuple) else kind


def _register(store: Any, text: str, name: str) -> None:
    store.register({found: fields for found, fields in get_types_from_msg(text, name).items()
                    if found not in store.fielddefs})
