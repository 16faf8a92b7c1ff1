# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Choose the quality of service of inputs, and subscribe to its events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import (
    HistoryPolicy,
    qos_policy_name_from_kind,
    QoSProfile,
    ReliabilityPolicy,
)

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
    """Return the profile of the tracker's inputs: keep the newest message, or all."""
    latest = settings.queue == 'latest'
    reliability = settings.reliability
    if reliability == 'auto':
        reliability = 'best_effort' if latest else 'reliable'
    return image_qos(reliability, 1 if latest else settings.queue_depth)


@dataclass(frozen=True)
class Incidents:
    """Callbacks for the events of a subscription."""

    on_lost: Callable[[int], None]
    """Called with the number of messages lost in transport."""
    on_incompatible: Callable[[str], None]
    """Called with the policy of which a publisher offers less than requested."""


def subscribe(
        node: Node, kind: type, topic: str, callback: Callable[[Any], None], qos: QoSProfile,
        incidents: Incidents) -> Any:
    """Subscribe `node` to a topic, and `incidents` to its events."""
    def on_lost(event: Any) -> None:
        incidents.on_lost(event.total_count_change)

    def on_incompatible(event: Any) -> None:
        incidents.on_incompatible(policy_name_of(event.last_policy_kind))

    try:
        return node.create_subscription(
            kind, topic, callback, qos, event_callbacks=SubscriptionEventCallbacks(
                message_lost=on_lost, incompatible_qos=on_incompatible))
    except UnsupportedEventTypeError:
        # not every middleware has these events
        return node.create_subscription(kind, topic, callback, qos)


def policy_name_of(kind: int) -> str:
    """Return the name of a policy as ROS tools write it: RELIABILITY, DURABILITY ..."""
    try:
        name: str = qos_policy_name_from_kind(kind)
    except ValueError:
        return f'policy {kind}'
    return name.removesuffix('_QOS_POLICY')
