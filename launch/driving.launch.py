# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The tracker for the camera of a car: `ros2 launch mot_ros driving.launch.py rcnn_weights:=FILE`.

As tracker.launch.py, with the method siammot and, for siammot, smot and smiletrack, a parameter
file for images that move fast. `video:=drive.mp4` plays a drive in place of the camera.
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from mot_ros.ros.launching import argument, ARGUMENTS, method_file, node, tracker

DRIVING = {
    'siammot': 'siammot_crp', 'smot': 'smot_driving', 'smiletrack': 'smiletrack_driving'}
"""Parameter files of methods that have one for this; the others have their usual one."""
CHANGED = {
    'method': {'description': 'Tracking method; empty: what params_file says, else siammot.'},
}


def camera(context: LaunchContext) -> list[Node]:
    """Return what plays the video, if there is one."""
    if not context.launch_configurations['video']:
        return []
    return [node(
        'camera',
        parameters=[{
            'source': ParameterValue(LaunchConfiguration('video'), value_type=str),
            'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
            # the tracker loads its network first
            'wait_for_subscribers': 1,
        }],
        remappings=[('image', LaunchConfiguration('image_topic'))],
        on_exit=Shutdown(reason='the video is at its end'))]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([
        *(argument(name, **CHANGED.get(name, {})) for name in ARGUMENTS),
        DeclareLaunchArgument(
            'video', default_value='',
            description='Video file or folder of images to play, raw, in place of a camera, and '
            'to end with; empty: none.'),
        DeclareLaunchArgument(
            'rate', default_value='0.0',
            description='Frames per second of the video; 0: what it says itself.'),

        *tracker(method_file('siammot', **DRIVING)),

        OpaqueFunction(function=camera),
    ])
