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

"""Topics that belong together: found beside one another unless somebody says otherwise."""

from __future__ import annotations

from rclpy.node import Node


def beside(node: Node, name: str, other: str) -> str:
    """
    Return the resolved topic of the relative `name`: remapped, else in the namespace of `other`.

    So `camera_info` follows a remapped `image`, as with image_transport. Where nobody publishes
    there, but somebody under the plain name, it is that one.
    """
    plain = node.resolve_topic_name(name, only_expand=True)
    remapped = node.resolve_topic_name(name)
    if remapped != plain:
        return str(remapped)
    sibling = node.resolve_topic_name(other).rpartition('/')[0] + f'/{name}'
    if node.count_publishers(plain) and not node.count_publishers(sibling):
        return str(plain)
    return sibling
