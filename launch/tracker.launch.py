# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The tracker node: `ros2 launch mot_ros tracker.launch.py image_topic:=/camera/image_raw`.

An argument that is left empty changes nothing; what it says otherwise goes before the parameter
file, and that before the defaults.
"""

from launch import LaunchDescription

from mot_ros.ros.launching import argument, ARGUMENTS, tracker


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*map(argument, ARGUMENTS), *tracker()])
