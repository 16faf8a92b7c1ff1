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

"""Why no image comes: what the ROS graph and the middleware say, in words to act on."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

IMAGE_TYPE = 'sensor_msgs/msg/Image'
LARGE_IMAGES = (
    'Fast DDS loses best-effort images over 0.5 MB unless the *camera* runs with a larger '
    'shared-memory segment: start it with FASTDDS_DEFAULT_PROFILES_FILE set to '
    'share/mot_ros/config/fastdds.xml, or use reliability:=reliable if the camera offers that')


def why_silent(node: Node, topic: str, reliability: ReliabilityPolicy) -> str:
    """Explain why `node`, subscribed to images on the resolved `topic`, may receive none."""
    publishers = node.get_publishers_info_by_topic(topic)
    if not publishers:
        candidates = sorted(
            name for name, types in node.get_topic_names_and_types()
            if IMAGE_TYPE in types and name != topic and node.count_publishers(name))
        if not candidates:
            return (f'nobody publishes {topic}, nor any other image: is the camera running, with '
                    'the same ROS_DOMAIN_ID?')
        return (f'nobody publishes {topic}; images are on {", ".join(candidates)}: remap with '
                f'-r image:={candidates[0]} or image_topic:={candidates[0]}')
    names = ', '.join(
        f'{publisher.node_namespace.rstrip("/")}/{publisher.node_name}'
        for publisher in publishers)
    wrong = sorted({publisher.topic_type for publisher in publishers} - {IMAGE_TYPE})
    if wrong:
        return f'{topic} is published by {names} as {", ".join(wrong)}, not as {IMAGE_TYPE}'
    best_effort = [publisher.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
                   for publisher in publishers]
    if all(best_effort) and reliability == ReliabilityPolicy.RELIABLE:
        return (f'{topic} is published by {names} as best effort, but reliable transport is asked '
                'for, so nothing is delivered: set reliability:=best_effort')
    return f'{topic} is published by {names}, but nothing arrives: is it stopped? {LARGE_IMAGES}'
