# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
A bag through the tracker: `ros2 launch mot_ros replay.launch.py bag:=PATH`.

It ends with the bag, once no more tracks come. An argument that is left empty changes nothing.
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    Shutdown,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from mot_ros.data.bags.reader import Bag
from mot_ros.data.bags.source import IMAGE_TYPES
from mot_ros.data.bags.types import COMPRESSED_IMAGE
from mot_ros.ros.launching import argument, dds_profile, node
from mot_ros.tracking.errors import MotError

PASSED_ON = ('method', 'preset', 'params_file', 'namespace', 'device', 'weights', 'rcnn_weights',
             'queue', 'use_sim_time', 'log_level')
"""Arguments of tracker.launch.py."""
COMPRESSED = '/compressed'


def nodes(context: LaunchContext) -> list[Node | IncludeLaunchDescription | LogInfo | Shutdown]:
    """Return what is started, which depends on the topics of the bag."""
    given = context.launch_configurations
    try:
        bag = Bag(Path(given['bag']))
        topic = bag.choose(given['image_topic'] or None, IMAGE_TYPES, 'images')
    except MotError as error:
        return [LogInfo(msg=f'nothing is played: {error}'), Shutdown(reason='there is no bag')]
    packed = {found.name: found.type for found in bag.topics}[topic] == COMPRESSED_IMAGE
    of_tracker = {name: LaunchConfiguration(name) for name in PASSED_ON}
    of_tracker['image_topic'] = topic.removesuffix(COMPRESSED) if packed else topic
    of_tracker['image_transport'] = 'compressed' if packed else 'raw'
    of_tracker['detections_topic'] = given['detections_topic'] or 'detections'
    started = [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(
                [FindPackageShare('mot_ros'), '/launch/tracker.launch.py']),
            launch_arguments=of_tracker.items()),
        node(
            'replay',
            parameters=[{
                'bag': ParameterValue(LaunchConfiguration('bag'), value_type=str),
                'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
                'loops': ParameterValue(LaunchConfiguration('loops'), value_type=int),
                'start_offset': ParameterValue(
                    LaunchConfiguration('start_offset'), value_type=float),
                'wait_for_subscribers': given['detections_topic'] or topic,
                # what is still being tracked at the end of the bag is waited for
                'wait_for_tracks': 2.0,
                'reliability': 'reliable' if given['queue'] == 'all' else 'auto',
            }],
            remappings=[('tracks', 'tracker/tracks')],
            on_exit=Shutdown(reason='the bag is at its end')),
    ]
    if given['output']:
        started.append(node(
            'recorder',
            parameters=[{
                'output': ParameterValue(LaunchConfiguration('output'), value_type=str)}],
            remappings=[('tracks', 'tracker/tracks')]))
    return started


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([
        DeclareLaunchArgument(
            'bag', default_value='',
            description='The bag: folder of a rosbag2, or its .mcap or .db3 file.'),
        argument(
            'image_topic', default_value='',
            description='Topic of the images in the bag; empty: the only one.'),
        argument(
            'detections_topic', default_value='',
            description='Topic of the detections in the bag, to be named where params_file sets '
            'detector.type to external.'),
        DeclareLaunchArgument(
            'rate', default_value='1.0',
            description='Speed of the replay: 2 is twice as fast; 0: as fast as messages are '
            'taken.'),
        DeclareLaunchArgument(
            'loops', default_value='1',
            description='How often to play the bag; 0: until stopped.'),
        DeclareLaunchArgument(
            'start_offset', default_value='0.0',
            description='Seconds at the beginning of the bag to leave out.'),
        argument('queue'),
        argument('method'),
        argument('preset'),
        argument('params_file'),
        DeclareLaunchArgument(
            'output', default_value='',
            description='Folder for a bag and a text file of the tracks; empty: none.'),
        argument('namespace'),
        argument('device'),
        argument('weights'),
        argument('rcnn_weights'),
        argument(
            'use_sim_time', default_value='true',
            description='The tracker takes its time from the bag; empty: what params_file says.'),
        argument('log_level'),

        dds_profile(),

        OpaqueFunction(function=nodes),
    ])
