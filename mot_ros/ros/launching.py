# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
What the launch files share: arguments, the tracker node, the Fast DDS profile.

An argument that is left empty changes nothing. What it says otherwise goes before the user's
parameter file, that before the files that come with the package, and they before the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import difflib
from pathlib import Path
from typing import Any

from launch.actions import (
    DeclareLaunchArgument,
    LogInfo,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.launch_context import LaunchContext
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, PythonExpression
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from mot_ros.ros.package_share import profile_variable, PROFILE_VARIABLES
from mot_ros.ros.parameter_overrides import LAUNCH_PREFIX
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.errors import ConfigError

RESPAWN_DELAY = 2.0
"""Seconds until a process that ended is started again."""
ALIKE = 0.85
"""Likeness (difflib) of an unknown argument to one of ours from which it is a slip."""


def config_file(*name: Any) -> list[Any]:
    """Return the path of a file in config/; its name may have substitutions in it."""
    return [FindPackageShare('mot_ros'), '/config/', *name]


def method_file(default: str = METHODS[0], **scenario: str) -> list[Any]:
    """
    Return the path of the parameter file that comes with the argument `method`, over tracker.yaml.

    It has the name of the method unless `scenario` has another for it; an empty method stands
    for the `default`.
    """
    names = {**{name: name for name in METHODS}, **scenario}
    names[''] = names[default]
    # the choices of method leave nothing in it that could be an expression
    return config_file(
        PythonExpression([f"{names}['", LaunchConfiguration('method'), "']"]), '.yaml')


ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    'method': {
        'choices': ['', *METHODS],
        'description': f'Tracking method; empty: what params_file says, else {METHODS[0]}.'},
    'preset': {
        'choices': ['', *Settings.presets],
        'description': 'Starting point of all other parameters: speed or accuracy; empty: what '
        'params_file says.'},
    'params_file': {
        'description': 'Parameter file of your own, which needs only what it changes of '
        'config/tracker.yaml and the file of the method; empty: none.'},
    'image_topic': {
        'default_value': 'image',
        'description': 'Topic of the camera images (sensor_msgs/msg/Image); the base topic also '
        'where they come compressed.'},
    'image_transport': {
        'choices': ['', 'raw', 'compressed'],
        'description': 'How images come: raw, or compressed on <image_topic>/compressed; empty: '
        'what params_file says.'},
    'detections_topic': {
        'default_value': 'detections',
        'description': "Topic of another node's detections (vision_msgs/msg/Detection2DArray), "
        'for detector.type external.'},
    'namespace': {'description': 'Namespace of the nodes.'},
    'device': {
        'description': 'Where networks run: auto, cpu, cuda, cuda:1; empty: what params_file '
        'says.'},
    'weights': {
        'description': 'Weights of the detector: a name in the manifest or the path of a '
        '.safetensors file; empty: what params_file says.'},
    'rcnn_weights': {
        'description': 'Weights of siammot and tracktor, detector included: likewise; empty: '
        'what params_file says.'},
    'queue': {
        'choices': ['', 'latest', 'all'],
        'description': 'Images that wait: latest: the newest wins, as with a camera; all: every '
        'one in order; empty: what params_file says.'},
    'use_sim_time': {
        'choices': ['', 'true', 'false'],
        'description': 'Take time from /clock, as a simulation or a bag publishes it; empty: '
        'what params_file says.'},
    'autostart': {
        'choices': ['', 'true', 'false'],
        'description': 'Configure and activate at once; empty: what params_file says.'},
    'exit_on_failure': {
        'choices': ['', 'true', 'false'],
        'description': 'End the process with status 1 where it cannot be configured and activated '
        'at its start; empty: what params_file says, else false.'},
    'respawn': {
        'default_value': 'false', 'choices': ['true', 'false'],
        'description': 'Start the process again, after 2 s, whenever it ends.'},
    'log_level': {
        'default_value': 'info', 'choices': ['debug', 'info', 'warn', 'error', 'fatal'],
        'description': 'Least severity that is logged.'},
}
"""Arguments that several launch files have, in the order of the tracker's, which has them all."""


def argument(name: str, **changed: Any) -> DeclareLaunchArgument:
    """Declare one of ARGUMENTS, with what is `changed` of it; empty by default."""
    return DeclareLaunchArgument(name, **{'default_value': '', **ARGUMENTS[name], **changed})


def passed_on(*names: str, **parameters: str) -> dict[str, ParameterValue]:
    """
    Return parameters that count only where the launch arguments they come from are not empty.

    `names` are those of arguments and parameters alike, `parameters` (argument=parameter) of
    the others. ROS merges file and arguments before a node sees them, hence the prefix.
    """
    # a string always: device:=0 must not become a number, which the node would refuse
    return {
        LAUNCH_PREFIX + parameter: ParameterValue(LaunchConfiguration(name), value_type=str)
        for name, parameter in {**{name: name for name in names}, **parameters}.items()}


def log_arguments() -> list[Any]:
    """Return the arguments of a node that hand the argument `log_level` to it."""
    return ['--ros-args', '--log-level', LaunchConfiguration('log_level')]


def node(name: str, **more: Any) -> Node:
    """Start one of our nodes, by its executable, where the argument `namespace` says."""
    return Node(
        package='mot_ros', executable=name, name=name,
        namespace=LaunchConfiguration('namespace'), arguments=log_arguments(), output='screen',
        emulate_tty=True, **more)


def dds_profile() -> SetEnvironmentVariable:
    """Give the Fast DDS profile, which images over 0.5 MB need, to what is started after."""
    newer, older = PROFILE_VARIABLES
    # a profile of the user's own stays, whichever name it has
    return SetEnvironmentVariable(profile_variable(), EnvironmentVariable(
        newer, default_value=EnvironmentVariable(
            older, default_value=config_file('fastdds.xml'))))


def tracker(file: Sequence[Any] | None = None) -> list[Any]:
    """
    Return what starts the tracker node; goes after the declaration of all of ARGUMENTS.

    `file` is the path of the parameter file over tracker.yaml, by default that of the method.
    """
    def start(context: LaunchContext) -> list[Any]:
        return [*_doubts(context), node('tracker', **_wiring(context, file or method_file()))]

    return [dds_profile(), OpaqueFunction(function=start)]


def trackers() -> list[Any]:
    """Return what starts the trackers of the argument `cameras` in one process; see tracker."""
    return [dds_profile(), OpaqueFunction(function=_trackers)]


def _trackers(context: LaunchContext) -> list[Any]:
    given = context.launch_configurations
    cameras = [f'{given["namespace"]}/{name.strip()}' for name in given['cameras'].split(',')]
    # a name or a namespace here would be that of every node in the process
    return [*_doubts(context), Node(
        package='mot_ros', executable='trackers', arguments=[*cameras, *log_arguments()],
        output='screen', emulate_tty=True, **_wiring(context, method_file()))]


def _wiring(context: LaunchContext, file: Sequence[Any]) -> dict[str, Any]:
    """Return the parameters and topics of trackers, as the arguments say."""
    return {
        'parameters': [config_file('tracker.yaml'), file, *own_file(context), passed_on(
            'method', 'preset', 'image_transport', 'device', 'queue', 'use_sim_time',
            'autostart', 'exit_on_failure', weights='detector.weights',
            rcnn_weights='rcnn.weights')],
        'remappings': [
            ('image', LaunchConfiguration('image_topic')),
            ('detections', LaunchConfiguration('detections_topic'))],
        'respawn': context.launch_configurations['respawn'] == 'true',
        'respawn_delay': RESPAWN_DELAY}


def _doubts(context: LaunchContext) -> list[LogInfo]:
    """
    Return warnings of arguments that are hardly ours but for a slip of the pen.

    launch takes every argument that it is given, and ours may come from a file that includes
    them beside its own.
    """
    unknown = [name for name in context.launch_configurations if name not in ARGUMENTS]
    return [
        LogInfo(msg=f'warning: there is no argument {name}; did you mean {near[0]}?')
        for name in unknown
        if (near := difflib.get_close_matches(name, ARGUMENTS, n=1, cutoff=ALIKE))]


def own_file(context: LaunchContext) -> list[str]:
    """
    Return the path of the user's parameter file, if there is one.

    Raises ConfigError if it does not exist: launch_ros only warns, and the node would take
    defaults.
    """
    path = context.launch_configurations['params_file']
    if path and not Path(path).is_file():
        raise ConfigError(f'params_file is {path!r}, which is no file; name one, or leave it out')
    return [path] if path else []
