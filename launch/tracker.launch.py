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

"""
The tracker node: `ros2 launch mot_ros tracker.launch.py image_topic:=/camera/image_raw`.

An argument that is left empty changes nothing; what it says otherwise goes before the parameter
file, and that before the defaults.
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, PythonExpression
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from mot_ros.ros.share import profile_variable, PROFILE_VARIABLES
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.errors import ConfigError


def check_params_file(context: LaunchContext) -> None:
    """Stop if there is no such file: launch_ros only warns, and the node would take defaults."""
    path = context.launch_configurations['params_file']
    if not Path(path).is_file():
        raise ConfigError(f'params_file is {path!r}, which is no file; name one, or leave it out')


def generate_launch_description() -> LaunchDescription:
    config = [FindPackageShare('mot_ros'), '/config/']
    # the choices of method leave nothing in it that could be an expression
    chosen_method = PythonExpression(["'", LaunchConfiguration('method'), f"' or '{METHODS[0]}'"])
    profile = [*config, 'fastdds.xml']
    newer, older = PROFILE_VARIABLES

    def argument(name: str) -> ParameterValue:
        # a string always: device:=0 must not become a number, which the node would refuse
        return ParameterValue(LaunchConfiguration(name), value_type=str)

    return LaunchDescription([
        DeclareLaunchArgument(
            'method', default_value='', choices=['', *METHODS],
            description=f'Tracking method; empty: what params_file says, else {METHODS[0]}.'),
        DeclareLaunchArgument(
            'preset', default_value='', choices=['', *Settings.presets],
            description='Starting point of all other parameters: speed or accuracy; empty: what '
            'params_file says.'),
        DeclareLaunchArgument(
            'params_file', default_value=[*config, chosen_method, '.yaml'],
            description='Parameter file; by default the one that comes with the method.'),
        DeclareLaunchArgument(
            'image_topic', default_value='image',
            description='Topic of the camera images (sensor_msgs/msg/Image); the base topic also '
            'where they come compressed.'),
        DeclareLaunchArgument(
            'image_transport', default_value='', choices=['', 'raw', 'compressed'],
            description='How images come: raw, or compressed on <image_topic>/compressed; empty: '
            'what params_file says.'),
        DeclareLaunchArgument(
            'detections_topic', default_value='detections',
            description="Topic of another node's detections (vision_msgs/msg/Detection2DArray), "
            'for detector.type external.'),
        DeclareLaunchArgument(
            'namespace', default_value='', description='Namespace of the node.'),
        DeclareLaunchArgument(
            'device', default_value='',
            description='Where networks run: auto, cpu, cuda, cuda:1; empty: what params_file '
            'says.'),
        DeclareLaunchArgument(
            'weights', default_value='',
            description='Weights of the detector: a name in the manifest or the path of a '
            '.safetensors file; empty: what params_file says.'),
        DeclareLaunchArgument(
            'queue', default_value='', choices=['', 'latest', 'all'],
            description='Images that wait: latest: the newest wins; all: every one in order; '
            'empty: what params_file says.'),
        DeclareLaunchArgument(
            'use_sim_time', default_value='', choices=['', 'true', 'false'],
            description='Take time from /clock, as a simulation or a bag publishes it; empty: '
            'what params_file says.'),
        DeclareLaunchArgument(
            'autostart', default_value='', choices=['', 'true', 'false'],
            description='Configure and activate at once; empty: what params_file says.'),
        DeclareLaunchArgument(
            'log_level', default_value='info',
            choices=['debug', 'info', 'warn', 'error', 'fatal'],
            description='Least severity that is logged.'),

        OpaqueFunction(function=check_params_file),

        # images over 0.5 MB need it; a profile of the user's own stays, whichever name it has
        SetEnvironmentVariable(profile_variable(), EnvironmentVariable(
            newer, default_value=EnvironmentVariable(older, default_value=profile))),

        Node(
            package='mot_ros',
            executable='tracker',
            name='tracker',
            namespace=LaunchConfiguration('namespace'),
            # `launch.` marks values that count only where they are not empty: ROS merges file
            # and arguments before the node sees them
            parameters=[LaunchConfiguration('params_file'), {
                'launch.method': argument('method'),
                'launch.preset': argument('preset'),
                'launch.image_transport': argument('image_transport'),
                'launch.device': argument('device'),
                'launch.detector.weights': argument('weights'),
                'launch.queue': argument('queue'),
                'launch.use_sim_time': argument('use_sim_time'),
                'launch.autostart': argument('autostart'),
            }],
            remappings=[
                ('image', LaunchConfiguration('image_topic')),
                ('detections', LaunchConfiguration('detections_topic'))],
            arguments=['--ros-args', '--log-level', LaunchConfiguration('log_level')],
            output='screen',
            emulate_tty=True),
    ])
