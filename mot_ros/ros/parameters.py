# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The settings catalogue as ROS parameters: declared with units and ranges, read back whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from mot_ros.ros.parameter_overrides import LAUNCH_PREFIX, merged, TRUTH
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.schema import (
    build,
    catalogue,
    explain_unknown,
    flatten,
    Setting,
    Value,
)
from mot_ros.tracking.errors import ConfigError

_TYPES = {
    bool: Parameter.Type.BOOL, int: Parameter.Type.INTEGER, float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING, tuple: Parameter.Type.STRING_ARRAY}


def describe(name: str, setting: Setting) -> ParameterDescriptor:
    """Return what ROS tools show of a parameter: meaning, unit, range, choices."""
    unit = f' [{setting.unit}]' if setting.unit else ''
    descriptor = ParameterDescriptor(
        name=name, type=_TYPES[type(setting.default)].value, description=setting.help + unit,
        dynamic_typing=False)
    constraints = [f'one of: {", ".join(setting.choices)}'] if setting.choices else []
    if setting.fixed:
        constraints.append(f'fixed while the node is configured: {setting.fixed}')
    descriptor.additional_constraints = '; '.join(constraints)
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
            value = TRUTH.get(value, value)
    value = setting.check(name, value)
    descriptor = describe(name, setting)
    descriptor.read_only = True
    node.declare_parameter(name, value, descriptor, ignore_override=True)
    return value


def use_launched_sim_time(node: Node) -> None:
    """Set use_sim_time of a node from a launch argument, if that is not empty."""
    given = node._parameter_overrides.get(LAUNCH_PREFIX + 'use_sim_time')
    if given is not None and given.value in TRUTH:
        node.set_parameters([Parameter('use_sim_time', value=TRUTH[given.value])])


class Parameters:
    """
    The parameters of the tracker node.

    A value from a file or the command line that does not fit is no exception here (it would end
    the process): it is kept aside, `read` complains of it, and setting the parameter repairs it.

    From `lock` to `unlock` there are settings in use. What is fixed is refused then, with the
    reason; the rest is taken only if the settings as a whole are right, and given out by
    `changed`. That is asked before each image, as ROS has no call after a change on Humble, and
    in the thread that also changes parameters, so that an atomic change is never seen half.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._in_use: NodeSettings | None = None
        self._check: Callable[[NodeSettings], None] = lambda _: None
        self._touched = False
        self._writing = False
        # no public way shows what was given without being declared; declaring it automatically
        # raises on an empty list
        values = merged({name: parameter.value
                         for name, parameter in node._parameter_overrides.items()})
        sim_time = values.pop('use_sim_time', None)
        if sim_time is not None:
            node.set_parameters([Parameter('use_sim_time', value=sim_time)])
        known = catalogue(NodeSettings, next(iter(NodeSettings.presets)))
        if values.get('preset') in NodeSettings.presets:
            known = catalogue(NodeSettings, values['preset'])
        self._known = known
        self._given = {name: value for name, value in values.items() if name in known}
        self._unknown = {
            name: value for name, value in sorted(values.items()) if name not in known}
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
                f'strict_parameters to false ({"; ".join(self._explain_unknown())})')
        for explanation in self._explain_unknown():
            self._node.get_logger().warning(f'{explanation}; it is ignored')
        self._write({name: value for name, value in flatten(settings).items()
                     if name not in values})
        return settings

    def _explain_unknown(self) -> list[str]:
        """Say of each unknown name what to write in its place."""
        method = {name: self._given[name] for name in ('method',) if name in self._given}
        return [explain_unknown(NodeSettings, name, {**method, name: value})
                for name, value in self._unknown.items()]

    def lock(
            self, settings: NodeSettings, check: Callable[[NodeSettings], None]) -> None:
        """Put settings to use; `check` raises ConfigError for others that could not be."""
        self._in_use, self._check, self._touched = settings, check, False

    def unlock(self) -> None:
        """Let everything change again."""
        self._in_use = None

    def changed(self) -> NodeSettings | None:
        """Return the settings as they are to be from now on, if they are others than before."""
        if self._in_use is None or not self._touched:
            return None
        self._touched = False
        settings = build(NodeSettings, self._values())
        if settings == self._in_use:
            return None
        self._in_use = settings
        return settings

    def restore(self, settings: NodeSettings) -> None:
        """Show the settings that are really in use, where others could not be taken."""
        shown = self._values()
        self._writing = True
        try:
            self._node.set_parameters([
                Parameter(name, _TYPES[type(value)], _listed(value))
                for name, value in flatten(settings).items() if value != shown[name]])
        finally:
            self._writing = False
        self._in_use, self._touched = settings, False

    def _values(self) -> dict[str, Any]:
        """Return what the parameters show."""
        return {name: setting.check(name, self._node.get_parameter(name).value)
                for name, setting in self._known.items()}

    def _write(self, values: Mapping[str, Value]) -> None:
        """Set parameters in our own name."""
        for name, value in values.items():
            ours = Parameter(name, _TYPES[type(value)], _listed(value))
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
        wanted = {} if self._writing else {
            parameter.name: parameter.value for parameter in parameters
            if parameter.name in self._known}
        try:
            for name, value in wanted.items():
                self._known[name].check(name, value)
            if wanted and self._in_use is not None:
                self._judge_live(wanted)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _judge_live(self, wanted: Mapping[str, Any]) -> None:
        """Raise ConfigError unless the settings in use can take these values."""
        shown = self._values()
        for name, value in wanted.items():
            setting = self._known[name]
            if setting.fixed and setting.check(name, value) != shown[name]:
                raise ConfigError(
                    f'{name} is {shown[name]!r} and fixed while the node is configured: '
                    f'{setting.fixed}; deactivate the node and clean it up first')
        self._check(build(NodeSettings, {**shown, **wanted}))
        self._touched = True


def _listed(value: Value) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _checked_or_default(name: str, setting: Setting, given: Mapping[str, Any]) -> Value:
    try:
        return setting.check(name, given.get(name, setting.default))
    except ConfigError:
        return setting.default


