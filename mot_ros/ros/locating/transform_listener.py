# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Fill a transform buffer from /tf and /tf_static, as tf2_ros does in every ROS."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from mot_ros.localisation.transform_buffer import TransformBuffer
from mot_ros.ros.conversion import to_nanoseconds

STATIC_QOS = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class TransformListener:
    """
    Keeps the transforms that come in `buffer`, and calls `on_new` after each message.

    It is used beside tf2_ros too, so that the node works alike where that is not installed.
    """

    def __init__(self, node: Node, on_new: Callable[[], None]) -> None:
        self.buffer = TransformBuffer()
        self._node = node
        self._on_new = on_new
        node.create_subscription(
            TFMessage, '/tf', lambda message: self._take(message, static=False), 100)
        node.create_subscription(
            TFMessage, '/tf_static', lambda message: self._take(message, static=True),
            STATIC_QOS)

    def _take(self, message: TFMessage, *, static: bool) -> None:
        for stamped in message.transforms:
            place, turn = stamped.transform.translation, stamped.transform.rotation
            fault = self.buffer.put(
                stamped.header.frame_id, stamped.child_frame_id,
                to_nanoseconds(stamped.header.stamp), (place.x, place.y, place.z),
                (turn.x, turn.y, turn.z, turn.w), static=static)
            if fault:
                self._node.get_logger().warning(
                    f'{fault} cannot be used', throttle_duration_sec=10.0)
        self._on_new()
