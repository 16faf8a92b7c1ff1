# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Find a topic in the namespace of another one, as image_transport finds camera_info."""

from __future__ import annotations

from rclpy.node import Node


def find_sibling_topic(node: Node, name: str, other: str) -> str:
    """
    Return the resolved topic of the relative `name`: remapped, else in the namespace of `other`.

    `camera_info` follows a remapped `image`, as with image_transport. The plain name is returned
    where only that one has publishers.
    """
    plain = node.resolve_topic_name(name, only_expand=True)
    remapped = node.resolve_topic_name(name)
    if remapped != plain:
        return str(remapped)
    sibling = node.resolve_topic_name(other).rpartition('/')[0] + f'/{name}'
    if node.count_publishers(plain) and not node.count_publishers(sibling):
        return str(plain)
    return sibling
