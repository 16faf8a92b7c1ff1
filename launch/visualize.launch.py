# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The visualizer, and rviz if wanted: `ros2 launch mot_ros visualize.launch.py rviz:=true`.

An argument that is left empty changes nothing. The topics lie in the namespace unless they begin
with a slash.
"""

import shutil

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PythonExpression
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from mot_ros.ros.launching import (
    argument,
    config_file,
    dds_profile,
    log_arguments,
    node,
    passed_on,
)


def generate_launch_description() -> LaunchDescription:
    camera_info = PythonExpression([
        "'/'.join('", LaunchConfiguration('image_topic'), "'.split('/')[:-1] + ['camera_info'])"])
    # the choices of use_sim_time leave nothing in it that could be an expression
    sim_time = PythonExpression(["'", LaunchConfiguration('use_sim_time'), "' == 'true'"])

    def rviz() -> Node | LogInfo:
        if shutil.which('rviz2') is None:
            return LogInfo(
                msg='rviz2 is not installed, so no window opens: install the package '
                'ros-$ROS_DISTRO-rviz2, or look at visualizer/debug_image with another tool',
                condition=IfCondition(LaunchConfiguration('rviz')))
        return Node(
            package='rviz2',
            executable='rviz2',
            name='rviz2',
            namespace=LaunchConfiguration('namespace'),
            parameters=[{'use_sim_time': ParameterValue(sim_time, value_type=bool)}],
            # what tracks.rviz names, to where it is
            remappings=[
                ('/image', LaunchConfiguration('image_topic')),
                ('/camera_info', LaunchConfiguration('camera_info_topic')),
                ('/visualizer/debug_image', 'visualizer/debug_image'),
                ('/visualizer/markers', 'visualizer/markers')],
            arguments=[
                '-d', config_file('tracks.rviz'), '-f', LaunchConfiguration('fixed_frame'),
                *log_arguments()],
            output='screen',
            condition=IfCondition(LaunchConfiguration('rviz')))

    return LaunchDescription([
        argument(
            'image_topic', description='Topic of the camera images (sensor_msgs/msg/Image).'),
        DeclareLaunchArgument(
            'tracks_topic', default_value='tracker/tracks',
            description='Topic of the tracks (vision_msgs/msg/Detection2DArray); label_info is '
            'looked for beside it.'),
        DeclareLaunchArgument(
            'camera_info_topic', default_value=camera_info,
            description='Topic of the calibration (sensor_msgs/msg/CameraInfo), which the markers '
            'need; by default beside the images.'),
        argument(
            'image_transport',
            description='How images come: raw, or compressed on the topic '
            'image_topic/compressed; empty: raw.'),
        DeclareLaunchArgument(
            'rectified', default_value='', choices=['', 'true', 'false'],
            description='The images are rectified, so markers are made with P of the calibration '
            "instead of K and D; empty: false. With true they also fit raw images in rviz's "
            'Camera display, which projects with P.'),
        argument('namespace'),
        argument(
            'use_sim_time',
            description='Take time from /clock, as a simulation or a bag publishes it; empty: '
            'false.'),
        DeclareLaunchArgument(
            'rviz', default_value='false', choices=['true', 'false'],
            description='Open rviz2 with config/tracks.rviz.'),
        DeclareLaunchArgument(
            'fixed_frame', default_value='camera',
            description='Fixed frame of rviz: the frame_id of the images, or one that tf knows.'),
        argument('log_level'),

        dds_profile(),

        node(
            'visualizer',
            parameters=[passed_on('image_transport', 'rectified', 'use_sim_time')],
            remappings=[
                ('image', LaunchConfiguration('image_topic')),
                ('tracks', LaunchConfiguration('tracks_topic')),
                ('camera_info', LaunchConfiguration('camera_info_topic'))]),
        rviz(),
    ])
