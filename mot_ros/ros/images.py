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

"""Image topics: the quality of service asked for, and counting what is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from mot_ros.tracking.config import NodeSettings

try:
    from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:
    # its name on Humble
    from rclpy.qos_event import SubscriptionEventCallbacks, UnsupportedEventTypeError


def image_qos(reliability: str, depth: int) -> QoSProfile:
    """Return the profile of 'best_effort' or 'reliable' images, the last `depth` of them kept."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth,
        reliability=ReliabilityPolicy.BEST_EFFORT if reliability == 'best_effort'
        else ReliabilityPolicy.RELIABLE)


def input_qos(settings: NodeSettings) -> QoSProfile:
    """Return what the tracker asks of its camera: the newest image, or all of them."""
    latest = settings.queue == 'latest'
    reliability = settings.reliability
    if reliability == 'auto':
        reliability = 'best_effort' if latest else 'reliable'
    return image_qos(reliability, 1 if latest else settings.queue_depth)


def subscribe_and_count_losses(
        node: Node, callback: Callable[[Image], None], qos: QoSProfile,
        on_lost: Callable[[int], None]) -> Any:
    """Subscribe `node` to `image`; `on_lost` hears how many messages the middleware lost."""
    def on_event(event: Any) -> None:
        on_lost(event.total_count_change)

    try:
        return node.create_subscription(
            Image, 'image', callback, qos,
            event_callbacks=SubscriptionEventCallbacks(message_lost=on_event))
    except UnsupportedEventTypeError:
        # not every middleware can tell
        return node.create_subscription(Image, 'image', callback, qos)
