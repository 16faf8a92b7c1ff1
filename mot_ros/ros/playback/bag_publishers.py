# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Publish the topics of a bag with the quality of service of the recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
import importlib
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from mot_ros.data.bags.qos import Offer
from mot_ros.data.bags.reader import BagMessage, Topic
from mot_ros.data.bags.source import IMAGE_TYPES

DEPTH = 100
"""Messages that a publisher keeps for slow or late subscribers."""
WINDOW, WINDOW_BYTES = 50, 8_000_000
"""Unacknowledged messages, and their size, after which `keep_pace` waits for subscribers."""


class BagPublishers:
    """
    Publishes serialised messages of `topics` as they are.

    `offers` say how, and `reliability` for images, unless it is 'auto'. A topic whose type has
    no Python package here is left out, with a warning.
    """

    def __init__(
            self, node: Node, topics: Sequence[Topic], offers: Mapping[str, Offer],
            reliability: str) -> None:
        self._publishers: dict[str, Any] = {}
        self._unacknowledged: Counter[str] = Counter()
        self._unacknowledged_bytes: Counter[str] = Counter()
        for topic in topics:
            try:
                self._publishers[topic.name] = node.create_publisher(
                    _class_of(topic.type), topic.name,
                    _qos(topic, offers[topic.name], reliability))
            except Exception as error:
                node.get_logger().warning(
                    f'{topic.name} is left out: its type {topic.type} is not installed here '
                    f'({type(error).__name__}: {error})')

    @property
    def names(self) -> list[str]:
        """The topics that can be published, by their names in the bag."""
        return list(self._publishers)

    def heard(self, name: str) -> bool:
        """Return whether a topic has subscribers."""
        return bool(self._publishers[name].get_subscription_count())

    def publish(self, record: BagMessage) -> None:
        """Publish a message."""
        self._publishers[record.topic].publish(record.data)

    def keep_pace(self, record: BagMessage) -> None:
        """Wait after publishing while more messages are unacknowledged than it keeps."""
        topic = record.topic
        self._unacknowledged[topic] += 1
        self._unacknowledged_bytes[topic] += len(record.data)
        if (self._unacknowledged[topic] < WINDOW
                and self._unacknowledged_bytes[topic] < WINDOW_BYTES):
            return
        # a message is often acknowledged with the next one only: there is room for a few more
        patience = 0.02 if self._unacknowledged[topic] < DEPTH else 5.0
        if (self._publishers[topic].wait_for_all_acked(Duration(seconds=patience))
                or self._unacknowledged[topic] >= DEPTH):
            self._unacknowledged[topic] = self._unacknowledged_bytes[topic] = 0

    def flush(self, seconds: float) -> None:
        """Wait until everything is acknowledged, no longer than so many seconds per topic."""
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=seconds))


def _qos(topic: Topic, offer: Offer, reliability: str) -> QoSProfile:
    reliable = offer.reliable
    if topic.type in IMAGE_TYPES and reliability != 'auto':
        reliable = reliability == 'reliable'
    return QoSProfile(
        depth=DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if offer.latched
        else DurabilityPolicy.VOLATILE)


def _class_of(name: str) -> Any:
    """Return the Python class of a message type 'package/msg/Name'."""
    package, kind, what = name.split('/')
    return getattr(importlib.import_module(f'{package}.{kind}'), what)
