# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What `ros2 run mot_ros NODE --help` prints; needs neither ROS nor the node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PAGES = 'docs/nodes.md, docs/parameters.md'


@dataclass(frozen=True)
class NodeHelp:
    """A node: what it does, its topics and services, and the parameters one starts with."""

    does: str
    inputs: str
    outputs: str
    parameters: str
    page: str = PAGES


NODE_HELP: Mapping[str, NodeHelp] = {
    'camera': NodeHelp(
        'Play a video or a folder of images as a camera would.', '', 'image',
        'source (the file or folder; needed), rate, loop, frame_id, stamp'),
    'locator': NodeHelp(
        'Locate tracked people in the world, in metres, and follow one of them.',
        'tracks, camera_info, depth, /tf, /tf_static',
        '~/tracks, ~/track_states, ~/markers, ~/followed_pose, /tf, /diagnostics; services '
        '~/follow_nearest, ~/stop, ~/follow',
        'target_frame, ground_frame, depth, rectified, pitch_sigma, follow.id',
        'docs/locator.md'),
    'recorder': NodeHelp(
        'Record tracks to a bag and a text file, debug images to a video.', 'tracks, debug_image',
        '/diagnostics', 'output (a folder; needed), video, storage, idle_timeout'),
    'replay': NodeHelp(
        'Play a rosbag2 file, with /clock.', '', 'the topics of the bag, /clock; service ~/pause',
        'bag (needed), rate, loop', 'docs/nodes.md, docs/scoring.md'),
    'tracker': NodeHelp(
        'Track people and objects in camera images; a lifecycle node that starts by itself.',
        'image, image/compressed, detections, camera_info',
        '~/tracks, ~/label_info, ~/track_states, /diagnostics; services ~/reset, ~/enable',
        'method, preset, device, image_transport, encoding, queue, detector.type, autostart, '
        'exit_on_failure'),
    'viewer': NodeHelp(
        'Run visualizer and recorder in one process.', 'as the two', 'as the two', 'as the two'),
    'visualizer': NodeHelp(
        'Draw boxes, ids and trails on images, and publish markers, while subscribed to.',
        'image, image/compressed, tracks, camera_info, label_info',
        '~/debug_image, ~/debug_image/compressed, ~/markers',
        'image_transport, encoding, rectified, trail, jpeg_quality, marker_lifetime'),
}
"""By executable; trackers and demo have options of their own."""


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether the arguments before those of ROS ask for help."""
    given = list(arguments)
    if '--ros-args' in given:
        given = given[:given.index('--ros-args')]
    return '-h' in given or '--help' in given


def help_of(name: str) -> str:
    """Return the help of a node."""
    node = NODE_HELP[name]
    lines = [
        f'usage: ros2 run mot_ros {name} [--ros-args [-r FROM:=TO] [-p NAME:=VALUE] '
        '[--params-file FILE] ...]', '', node.does, '']
    for title, text in (('subscribes', node.inputs), ('publishes', node.outputs),
                        ('parameters', node.parameters), ('more', node.page)):
        if text:
            lines.append(f'  {title:12}{text}')
    return '\n'.join(lines) + '\n'
