# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The locator: `ros2 launch mot_ros locator.launch.py camera_info_topic:=/camera/camera_info`.

It takes the tracks of a tracker that runs already. An argument that is left empty changes
nothing; what it says otherwise goes before the parameter file. The topics lie in the namespace
unless they begin with a slash.
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration

from mot_ros.ros.launching import argument, dds_profile, node, own_file, passed_on

ROS_TRUTH = ['', 'true', 'false']


def locator(context: LaunchContext) -> list:
    """Return what starts the node."""
    return [node(
        'locator',
        parameters=[*own_file(context), passed_on(
            'target_frame', 'ground_frame', 'depth', 'rectified', 'use_sim_time',
            follow_id='follow.id')],
        remappings=[
            ('tracks', LaunchConfiguration('tracks_topic')),
            ('camera_info', LaunchConfiguration('camera_info_topic')),
            ('depth', LaunchConfiguration('depth_topic'))])]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([
        DeclareLaunchArgument(
            'tracks_topic', default_value='tracker/tracks',
            description='Topic of the tracks (vision_msgs/msg/Detection2DArray).'),
        DeclareLaunchArgument(
            'camera_info_topic', default_value='camera_info',
            description='Topic of the calibration of the camera (sensor_msgs/msg/CameraInfo).'),
        DeclareLaunchArgument(
            'depth', default_value='', choices=ROS_TRUTH,
            description='Read a depth image; empty: what params_file says, else false.'),
        DeclareLaunchArgument(
            'depth_topic', default_value='depth',
            description='Topic of the depth image (sensor_msgs/msg/Image, 16UC1 or 32FC1), '
            'registered to the image that is tracked.'),
        DeclareLaunchArgument(
            'target_frame', default_value='',
            description='Frame of tf that people are located in; empty: what params_file says, '
            'else odom.'),
        DeclareLaunchArgument(
            'ground_frame', default_value='',
            description='Frame of tf whose plane z = 0 is the ground; empty: what params_file '
            'says, else base_footprint.'),
        DeclareLaunchArgument(
            'rectified', default_value='', choices=ROS_TRUTH,
            description='The images are rectified: P of the calibration counts, not K and D; '
            'empty: what params_file says, else false.'),
        DeclareLaunchArgument(
            'follow_id', default_value='',
            description='Id of the track to follow; empty: none, until a service selects one.'),
        argument('params_file', description='Parameter file of your own; empty: none.'),
        argument('namespace'),
        argument('use_sim_time'),
        argument('log_level'),

        dds_profile(),

        OpaqueFunction(function=locator),
    ])
