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

"""The settings catalogue as ROS parameters: declared with units and ranges, read back whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.settings import build, catalogue, flatten, Setting, Value

LAUNCH_PREFIX = 'launch.'
"""
What launch files put before a parameter to pass an argument that may be empty.

An empty `launch.method` means "not given" and leaves the parameter file alone, which a plain
`method` set to '' could not: ROS merges the two before the node sees them.
"""

_TYPES = {
    bool: Parameter.Type.BOOL, int: Parameter.Type.INTEGER, float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING, tuple: Parameter.Type.STRING_ARRAY}
_TRUTH = {'true': True, 'false': False}


def is_ros_own(name: str) -> bool:
    """Tell whether ROS itself reads this parameter, in any node."""
    return (name in ('use_sim_time', 'start_type_description_service')
            or name.startswith(('qos_overrides.', 'diagnostic_updater.')))


def describe(name: str, setting: Setting) -> ParameterDescriptor:
    """Return what ROS tools show of a parameter: meaning, unit, range, choices."""
    unit = f' [{setting.unit}]' if setting.unit else ''
    descriptor = ParameterDescriptor(
        name=name, type=_TYPES[type(setting.default)].value, description=setting.help + unit,
        dynamic_typing=False)
    if setting.choices:
        descriptor.additional_constraints = f'one of: {", ".join(setting.choices)}'
    unbounded = Setting(0, '')
    if (setting.minimum, setting.maximum) == (unbounded.minimum, unbounded.maximum):
        return descriptor
    if isinstance(setting.default, float):
        descriptor.floating_point_range = [FloatingPointRange(
            from_value=setting.minimum, to_value=setting.maximum)]
    else:
        descriptor.integer_range = [IntegerRange(
            from_value=int(max(setting.minimum, -2**63)),
            to_value=int(min(setting.maximum, 2**63 - 1)))]
    return descriptor


def declare(node: Node, name: str, setting: Setting) -> Any:
    """
    Declare one read-only parameter and return its value; a launch argument goes first.

    Raises ConfigError if the value given does not fit, whatever its type: ROS's own check would
    take an integer for a wrong type of float.
    """
    overrides = {
        key: parameter.value for key, parameter in node._parameter_overrides.items()}
    value = overrides.get(name, setting.default)
    if overrides.get(LAUNCH_PREFIX + name):
        value = overrides[LAUNCH_PREFIX + name]
        if isinstance(setting.default, bool):
            value = _TRUTH.get(value, value)
    value = setting.check(name, value)
    descriptor = describe(name, setting)
    descriptor.read_only = True
    node.declare_parameter(name, value, descriptor, ignore_override=True)
    return value


def use_launched_sim_time(node: Node) -> None:
    """Set use_sim_time of a node from a launch argument, if that is not empty."""
    given = node._parameter_overrides.get(LAUNCH_PREFIX + 'use_sim_time')
    if given is not None and given.value in _TRUTH:
        node.set_parameters([Parameter('use_sim_time', value=_TRUTH[given.value])])


class Parameters:
    """
    The parameters of the tracker node.

    A value from a file or the command line that does not fit is no exception here (it would end
    the process): it is kept aside, `read` complains of it, and setting the parameter repairs it.
    `locked` refuses every change.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.locked = False
        self._writing = False
        # no public way shows what was given without being declared; declaring it automatically
        # raises on an empty list
        values = _merge({name: parameter.value
                         for name, parameter in node._parameter_overrides.items()})
        sim_time = values.pop('use_sim_time', None)
        if sim_time is not None:
            node.set_parameters([Parameter('use_sim_time', value=sim_time)])
        known = catalogue(NodeSettings, next(iter(NodeSettings.presets)))
        if values.get('preset') in NodeSettings.presets:
            known = catalogue(NodeSettings, values['preset'])
        self._known = known
        self._given = {name: value for name, value in values.items() if name in known}
        self._unknown = sorted(name for name in values if name not in known)
        for name, setting in known.items():
            node.declare_parameter(
                name, _TYPES[type(setting.default)], describe(name, setting),
                ignore_override=True)
        self._ours: dict[str, Parameter[Any]] = {}
        self._write({name: _checked_or_default(name, setting, self._given)
                     for name, setting in known.items()})
        node.add_on_set_parameters_callback(self._judge)

    def read(self) -> NodeSettings:
        """
        Return the settings that the parameters stand for; raises ConfigError if they do not fit.

        The preset fills in what nobody stated; the parameters then show those values.
        """
        values: dict[str, Any] = {}
        for name, ours in self._ours.items():
            # ROS keeps the very object it was given, so another one is a change by a user
            parameter = self._node.get_parameter(name)
            if parameter is not ours:
                values[name] = parameter.value
            elif name in self._given:
                values[name] = self._given[name]
        settings = build(NodeSettings, values)
        if self._unknown and settings.strict_parameters:
            raise ConfigError(
                'unknown parameters: correct the parameter file and restart, or set '
                f'strict_parameters to false ({"; ".join(map(_explain_unknown, self._unknown))})')
        for name in self._unknown:
            self._node.get_logger().warning(f'{_explain_unknown(name)}; it is ignored')
        self._write({name: value for name, value in flatten(settings).items()
                     if name not in values})
        return settings

    def _write(self, values: Mapping[str, Value]) -> None:
        """Set parameters in our own name."""
        for name, value in values.items():
            ours = Parameter(
                name, _TYPES[type(value)], list(value) if isinstance(value, tuple) else value)
            self._writing = True
            try:
                result = self._node.set_parameters([ours])[0]
            finally:
                self._writing = False
            if not result.successful:
                raise ConfigError(f'parameter {name} could not be set to {value!r}: '
                                  f'{result.reason}')
            self._ours[name] = ours

    def _judge(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        """Allow or refuse a change; ROS calls it with all parameters of an atomic set at once."""
        for parameter in parameters:
            if parameter.name not in self._known or self._writing:
                continue
            if self.locked:
                return SetParametersResult(successful=False, reason=(
                    f'{parameter.name} cannot change while the node is configured: deactivate '
                    'it and clean it up first'))
            try:
                self._known[parameter.name].check(parameter.name, parameter.value)
            except ConfigError as error:
                return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)


def _merge(given: Mapping[str, Any]) -> dict[str, Any]:
    """Put launch arguments over the rest, leave out what is not set, and what ROS itself reads."""
    values = {name: value for name, value in given.items()
              if not is_ros_own(name) and not name.startswith(LAUNCH_PREFIX)}
    known = catalogue(NodeSettings, next(iter(NodeSettings.presets)))
    for name, value in given.items():
        if name.startswith(LAUNCH_PREFIX) and value != '':
            name = name[len(LAUNCH_PREFIX):]
            # launch arguments are strings; one that cannot be read is left to the validator
            if name == 'use_sim_time' or (name in known and isinstance(known[name].default, bool)):
                value = _TRUTH.get(str(value).lower(), value)
            values[name] = value
    # YAML's empty list reaches us as a value that is not set
    values |= {name: () for name, value in values.items()
               if value is None and name in known and isinstance(known[name].default, tuple)}
    return {name: value for name, value in values.items() if value is not None and value != ''}


def _checked_or_default(name: str, setting: Setting, given: Mapping[str, Any]) -> Value:
    try:
        return setting.check(name, given.get(name, setting.default))
    except ConfigError:
        return setting.default


def _explain_unknown(name: str) -> str:
    try:
        build(NodeSettings, {name: ''})
    except ConfigError as error:
        return str(error)
    raise ValueError(f'{name} is a setting')
