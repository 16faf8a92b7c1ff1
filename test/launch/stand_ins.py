# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Stand-ins for `launch` and `launch_ros`, which no package index has: they record and evaluate.

Only what the launch files use, each with the arguments of Humble; an unknown one is an error, as
it would be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import importlib.util
from pathlib import Path
import sys
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class LaunchConfiguration:
    variable_name: str
    default: Any = None


@dataclass
class EnvironmentVariable:
    name: Any
    default_value: Any = None


@dataclass
class PythonExpression:
    expression: Any


@dataclass
class FindPackageShare:
    package: Any


@dataclass
class ParameterValue:
    value: Any
    value_type: Any = None


@dataclass
class DeclareLaunchArgument:
    name: str
    default_value: Any = None
    description: str = ''
    choices: list[str] | None = None


@dataclass
class SetEnvironmentVariable:
    name: Any
    value: Any


@dataclass
class IfCondition:
    predicate_expression: Any


@dataclass
class LogInfo:
    msg: Any
    condition: Any = None


@dataclass
class Node:
    executable: Any
    package: Any = None
    name: Any = None
    namespace: Any = None
    parameters: list[Any] = field(default_factory=list)
    remappings: list[tuple[Any, Any]] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)
    output: str = 'log'
    emulate_tty: bool = False
    condition: Any = None
    on_exit: Any = None
    respawn: bool = False
    respawn_delay: float | None = None


@dataclass
class GroupAction:
    actions: list[Any]
    scoped: bool = True


@dataclass
class Shutdown:
    reason: Any = ''


@dataclass
class OpaqueFunction:
    function: Any


@dataclass
class PythonLaunchDescriptionSource:
    location: Any


@dataclass
class IncludeLaunchDescription:
    launch_description_source: PythonLaunchDescriptionSource
    launch_arguments: Any = ()


@dataclass
class LaunchContext:
    launch_configurations: dict[str, str]


@dataclass
class LaunchDescription:
    entities: list[Any]


MODULES = {
    'launch': [LaunchContext, LaunchDescription],
    'launch.actions': [
        DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, LogInfo, OpaqueFunction,
        SetEnvironmentVariable, Shutdown],
    'launch.launch_context': [LaunchContext],
    'launch.launch_description_sources': [PythonLaunchDescriptionSource],
    'launch.conditions': [IfCondition],
    'launch.substitutions': [EnvironmentVariable, LaunchConfiguration, PythonExpression],
    'launch_ros': [],
    'launch_ros.actions': [Node],
    'launch_ros.parameter_descriptions': [ParameterValue],
    'launch_ros.substitutions': [FindPackageShare],
}
SHARED = 'mot_ros.ros.launching'
"""What all launch files import of ours, and which imports launch itself."""


@dataclass
class Launched:
    """What a launch file would have started, evaluated."""

    arguments: dict[str, DeclareLaunchArgument]
    environment: dict[str, str]
    nodes: list[Node]
    messages: list[str] = field(default_factory=list)


def load(path: Path) -> LaunchDescription:
    """Run a launch file on the stand-ins."""
    before = dict(sys.modules)
    # it belongs to the launch that it was imported with
    sys.modules.pop(SHARED, None)
    try:
        for name, members in MODULES.items():
            sys.modules[name] = ModuleType(name)
            for member in members:
                setattr(sys.modules[name], member.__name__, member)
        spec = importlib.util.spec_from_file_location(path.name.replace('.', '_'), path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.generate_launch_description()
    finally:
        for name in (*MODULES, SHARED):
            sys.modules.pop(name, None)
            if name in before:
                sys.modules[name] = before[name]


def launch(path: Path, environment: Mapping[str, str] = {}, **given: str) -> Launched:
    """Do what `ros2 launch` would with these arguments, up to starting processes."""
    result = Launched({}, dict(environment), [])
    configurations: dict[str, str] = dict(given)

    def holds(condition: IfCondition | None) -> bool:
        if condition is None:
            return True
        # launch takes these only
        return {'true': True, '1': True, 'false': False, '0': False}[
            perform(condition.predicate_expression).lower()]

    def perform(value: Any) -> Any:
        if isinstance(value, str):
            return value
        if isinstance(value, (list, tuple)):
            return ''.join(map(perform, value))
        if isinstance(value, LaunchConfiguration):
            return configurations[value.variable_name]
        if isinstance(value, EnvironmentVariable):
            return result.environment.get(
                perform(value.name)) or perform(value.default_value)
        if isinstance(value, PythonExpression):
            return str(eval(perform(value.expression)))  # noqa: S307
        if isinstance(value, FindPackageShare):
            # a checkout is laid out as the share folder is
            assert perform(value.package) == 'mot_ros'
            return str(ROOT)
        if isinstance(value, ParameterValue):
            # launch_ros reads text as YAML unless it is told that it is text
            assert value.value_type in (str, bool, int, float), 'a type has to be stated'
            text = perform(value.value)
            if value.value_type is bool:
                return {'True': True, 'False': False}[text]
            return value.value_type(text)
        if isinstance(value, (bool, int, float)):
            return value
        raise TypeError(f'no substitution: {value!r}')

    def visit(entities: list[Any]) -> None:
        for entity in entities:
            visit_one(entity)

    def visit_one(entity: Any) -> None:
        if isinstance(entity, DeclareLaunchArgument):
            # what includes a file goes before it, as its values do
            result.arguments.setdefault(entity.name, entity)
            if entity.name not in configurations:
                configurations[entity.name] = perform(entity.default_value)
            value = configurations[entity.name]
            if entity.choices and value not in entity.choices:
                raise ValueError(f'{entity.name}: {value!r} is not one of {entity.choices}')
        elif isinstance(entity, SetEnvironmentVariable):
            result.environment[perform(entity.name)] = perform(entity.value)
        elif isinstance(entity, (LogInfo, Node)) and not holds(entity.condition):
            return
        elif isinstance(entity, LogInfo):
            result.messages.append(perform(entity.msg))
        elif isinstance(entity, Node):
            result.nodes.append(Node(
                executable=perform(entity.executable), package=perform(entity.package),
                name=None if entity.name is None else perform(entity.name),
                namespace=None if entity.namespace is None else perform(entity.namespace),
                parameters=[
                    {name: perform(value) for name, value in item.items()}
                    if isinstance(item, dict) else perform(item) for item in entity.parameters],
                remappings=[(perform(a), perform(b)) for a, b in entity.remappings],
                arguments=[perform(item) for item in entity.arguments],
                on_exit=entity.on_exit, respawn=entity.respawn,
                respawn_delay=entity.respawn_delay))
        elif isinstance(entity, OpaqueFunction):
            visit(entity.function(LaunchContext(configurations)) or [])
        elif isinstance(entity, GroupAction):
            before = dict(configurations), dict(result.environment)
            visit(entity.actions)
            if entity.scoped:
                for kept, changed in zip(
                        before, (configurations, result.environment), strict=True):
                    changed.clear()
                    changed.update(kept)
        elif isinstance(entity, IncludeLaunchDescription):
            # without a scope of its own
            configurations.update(
                (perform(name), perform(value)) for name, value in entity.launch_arguments)
            visit(load(Path(perform(entity.launch_description_source.location))).entities)
        elif isinstance(entity, Shutdown):
            result.messages.append(f'shutdown: {perform(entity.reason)}')
        else:
            raise TypeError(f'no action: {entity!r}')

    visit(load(path).entities)
    unknown = given.keys() - result.arguments.keys()
    if unknown:
        raise ValueError(f'not declared: {unknown}')
    return result
