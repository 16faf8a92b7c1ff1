# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


# shellcheck shell=bash
# Sourced by the scripts beside it, with root set. Two kinds of ROS 2 are kept apart: where one is
# sourced in the shell (ROS_DISTRO), that one is used and everything lies in .ros; elsewhere ROS 2
# comes as Python wheels, in .venv. Sets kind to "sourced" or "wheels".

if [[ -n "${ROS_DISTRO:-}" ]]; then
    kind=sourced
    if [[ -z "${AMENT_PREFIX_PATH:-}" ]]; then
        cat >&2 <<MESSAGE
ROS_DISTRO is "$ROS_DISTRO", but that ROS 2 is not sourced: AMENT_PREFIX_PATH is not set. Source it:
    source /opt/ros/$ROS_DISTRO/setup.bash
or do without it, and this script brings a ROS 2 of its own:
    unset ROS_DISTRO
MESSAGE
        exit 1
    fi
else
    kind=wheels
    # The wheels' start-up hook marks the environment of its children; seen by a Python of another
    # environment, the mark would keep that one from finding its own libraries.
    if [[ -n "${_ROS_WHEELS_BOOTSTRAP_COMPLETE:-}" ]]; then
        unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH
    fi
    unset PYTHONHOME PYTHONPATH
fi

# Puts on top of the sourced ROS 2 what scripts/setup built for it, and its virtual environment,
# which the executables find as they ask env for python3.
use_workspace() {
    set +u
    # shellcheck source=/dev/null
    source "$root/.ros/$ROS_DISTRO/install/local_setup.bash"
    set -u
    PATH="$root/.ros/$ROS_DISTRO/venv/bin:$PATH"
}
