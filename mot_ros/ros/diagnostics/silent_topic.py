# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Explain from the ROS graph why a subscribed topic is silent, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
import os

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

from mot_ros.ros.package_share import profile_variable

IMAGE_TYPE = 'sensor_msgs/msg/Image'
COMPRESSED_TYPE = 'sensor_msgs/msg/CompressedImage'
BOXES_TYPE = 'vision_msgs/msg/Detection2DArray'
LARGE_IMAGES = (
    'Fast DDS loses best-effort images over 0.5 MB unless the *camera* runs with a larger '
    'shared-memory segment: start it with FASTDDS_DEFAULT_PROFILES_FILE set to '
    'share/mot_ros/config/fastdds.xml, or use reliability:=reliable if the camera offers that')
SLOW_RECEIVER = (
    'this node has a profile for large images; if the *camera* has one too (share/mot_ros/config/'
    'fastdds.xml), images come faster than this node or the network takes them: lower their rate '
    'or size, or use image_transport:=compressed, or reliability:=reliable if the camera offers '
    'that')
OTHER_MIDDLEWARE = (
    'this node or the network takes the images more slowly than they come: lower their rate or '
    'size, or use reliability:=reliable if the camera offers that')
LOST_BOXES = 'set reliability:=reliable if the detector offers that'
INCOMPATIBLE = {
    'RELIABILITY': 'the publisher is best effort, and reliable transport is asked for, so '
                   'nothing is delivered: set reliability:=best_effort'}
"""What to do where a publisher offers less of a policy than is asked for."""


@dataclass(frozen=True)
class TopicRequest:
    """A topic as the node subscribes to it; `name` is what is remapped, `topic` resolved."""

    name: str
    topic: str
    kind: str
    reliability: ReliabilityPolicy


def large_image_remedy() -> str:
    """Return what to do about lost images; a profile that is in use is not what is missing."""
    middleware = os.environ.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp')
    if not middleware.startswith('rmw_fastrtps'):
        return OTHER_MIDDLEWARE
    return SLOW_RECEIVER if os.environ.get(profile_variable()) else LARGE_IMAGES


def why_silent(node: Node, wanted: TopicRequest) -> str:
    """Explain why `node` may receive nothing of what it subscribed to."""
    publishers = node.get_publishers_info_by_topic(wanted.topic)
    if not publishers:
        return _nobody_publishes(node, wanted)
    names = ', '.join(
        f'{publisher.node_namespace.rstrip("/")}/{publisher.node_name}'
        for publisher in publishers)
    wrong = sorted({publisher.topic_type for publisher in publishers} - {wanted.kind})
    if wrong:
        return (f'{wanted.topic} is published by {names} as {", ".join(wrong)}, not as '
                f'{wanted.kind}')
    best_effort = [publisher.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
                   for publisher in publishers]
    if all(best_effort) and wanted.reliability == ReliabilityPolicy.RELIABLE:
        return (f'{wanted.topic} is published by {names} as best effort, but reliable transport '
                'is asked for, so nothing is delivered: set reliability:=best_effort')
    return (f'{wanted.topic} is published by {names}, but nothing arrives: is it stopped?'
            + (f' {large_image_remedy()}' if wanted.kind == IMAGE_TYPE else ''))


def _nobody_publishes(node: Node, wanted: TopicRequest) -> str:
    types = dict(node.get_topic_names_and_types())
    packed, raw = f'{wanted.topic}/compressed', wanted.topic.removesuffix('/compressed')
    if wanted.kind == IMAGE_TYPE and node.count_publishers(packed):
        return (f'nobody publishes {wanted.topic}, but {packed} is there: set '
                'image_transport:=compressed')
    if wanted.kind == COMPRESSED_TYPE and node.count_publishers(raw):
        return f'nobody publishes {wanted.topic}, but {raw} is there: set image_transport:=raw'
    candidates = sorted(
        name for name, kinds in types.items()
        if wanted.kind in kinds and name != wanted.topic and any(
            (publisher.node_name, publisher.node_namespace) != (
                node.get_name(), node.get_namespace())
            for publisher in node.get_publishers_info_by_topic(name)))
    if not candidates:
        return (f'nobody publishes {wanted.topic}, nor any other topic of {wanted.kind}: is the '
                f'{"detector" if wanted.kind == BOXES_TYPE else "camera"} running, with the same '
                'ROS_DOMAIN_ID?')
    first = candidates[0]
    if wanted.kind == COMPRESSED_TYPE:
        first = first.removesuffix('/compressed')
    return (f'nobody publishes {wanted.topic}; {wanted.kind} is on {", ".join(candidates)}: '
            f'remap with -r {wanted.name}:={first} or {wanted.name}_topic:={first}')
