# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""How the topics of a bag were offered when they were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rosbags import rosbag1
from rosbags.interfaces import (
    ConnectionExtRosbag1,
    ConnectionExtRosbag2,
    QosDurability,
    QosReliability,
)

from mot_ros.data.bags.bag_layout import is_ros1, storage_files
from mot_ros.data.bags.bounded_reader import BoundedReader
from mot_ros.data.bags.reader import Topic

ALWAYS_LATCHED = ('/tf_static',)
"""Topics that are latched by convention, where the bag does not say."""


@dataclass(frozen=True)
class Offer:
    """Quality of service: `reliable`, and `latched` (transient local) for who comes later."""

    reliable: bool = True
    latched: bool = False


def offers(path: str | Path, topics: list[Topic]) -> dict[str, Offer]:
    """
    Return the offer of each topic; where the bag does not hold it, the one that loses nothing.

    Of several publishers the most generous counts: it satisfies every subscriber that any of
    them did.
    """
    recorded = _recorded(path)
    return {
        topic.name: recorded.get(topic.name, Offer(latched=topic.name in ALWAYS_LATCHED))
        for topic in topics}


def _recorded(path: str | Path) -> dict[str, Offer]:
    try:
        file = storage_files(Path(path))[0]
        with (rosbag1.Reader(file) if is_ros1(file) else BoundedReader(path)) as reader:
            connections = list(reader.connections)
    except Exception:
        # a bag that is cut off fails in the reader in any way there is, and has lost them
        return {}
    found: dict[str, Offer] = {}
    for connection in connections:
        if isinstance(connection.ext, ConnectionExtRosbag1):
            found[connection.topic] = Offer(latched=bool(connection.ext.latching))
        if not isinstance(connection.ext, ConnectionExtRosbag2):
            continue
        profiles = connection.ext.offered_qos_profiles
        if profiles:
            earlier = found.get(connection.topic, Offer(reliable=False))
            found[connection.topic] = Offer(
                earlier.reliable or any(
                    profile.reliability != QosReliability.BEST_EFFORT for profile in profiles),
                earlier.latched or any(
                    profile.durability == QosDurability.TRANSIENT_LOCAL for profile in profiles))
    return found
