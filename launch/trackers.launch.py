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
