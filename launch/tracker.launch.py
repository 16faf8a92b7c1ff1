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

from launch import LaunchDescription

from mot_ros.ros.launching import argument, ARGUMENTS, tracker


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*map(argument, ARGUMENTS), *tracker()])
