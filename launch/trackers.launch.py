# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Trackers of several cameras: `ros2 launch mot_ros trackers.launch.py cameras:=front,left`.

As tracker.launch.py, with one process for all of them and one network: /front/tracker takes images
from /front/image_raw, and so on.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument

from mot_ros.ros.launching import argument, ARGUMENTS, trackers

CHANGED = {
    'image_topic': {
        'default_value': 'image_raw',
        'description': 'Topic of the images in the namespace of each camera; the base topic also '
        'where they come compressed.'},
    'namespace': {'description': 'Namespace that those of the cameras are in.'},
}


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([
        DeclareLaunchArgument(
            'cameras', default_value='camera',
            description='Names of the cameras, which are their namespaces, with commas between.'),
        *(argument(name, **CHANGED.get(name, {})) for name in ARGUMENTS),

        *trackers(),
    ])
