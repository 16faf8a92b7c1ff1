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


# shellcheck shell=bash
# Sourced by the scripts beside it: keeps two kinds of ROS 2 apart.

if [[ -n "${ROS_DISTRO:-}" ]]; then
    cat >&2 <<MESSAGE
ROS 2 "${ROS_DISTRO}" is sourced in this shell (ROS_DISTRO is set), and this script brings its own
ROS 2 as Python wheels: the two must not be mixed. With ROS 2 installed, build with colcon, in the
folder of mot_ros:

    rosdep install --ignore-src -y --from-paths . msg
    pip install torch safetensors
    colcon build --base-paths . msg
    source install/setup.bash

Or run this script in a shell where no ROS 2 is sourced. Nothing was changed.
MESSAGE
    exit 1
fi

# The wheels' start-up hook marks the environment of its children; seen by a Python of another
# environment, the mark would keep that one from finding its own libraries.
if [[ -n "${_ROS_WHEELS_BOOTSTRAP_COMPLETE:-}" ]]; then
    unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH
fi
unset PYTHONHOME PYTHONPATH
