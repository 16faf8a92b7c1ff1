# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings from a ROS 2 parameter file, and from `name=value` texts, without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import re
from typing import Any

from mot_ros.tracking.config.schema import Setting
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.runtime.user_files import read_text
from mot_ros.tracking.runtime.yaml_text import (
    load_yaml,
    MAX_YAML_BYTES,
    SafeLoader,
    YamlTextError,
)

ROS_OWN = ('use_sim_time', 'start_type_description_service', 'qos_overrides')
"""Parameters that every ROS node has and that are no settings of ours."""
SECTION = 'ros__parameters'


class _Loader(SafeLoader):  # type: ignore[misc]
    """SafeLoader that reads 1e-3 as a number, as ROS does and YAML 1.1 does not."""


_Loader.add_implicit_resolver(
    'tag:yaml.org,2002:float', re.compile(r'[-+]?\d+(\.\d*)?[eE][-+]?\d+$'),
    list('-+0123456789'))


MAX_LEVELS = 20
"""Of names in names."""
MAX_VALUES = 100_000
"""Counted once for each place where an alias puts them."""


def read_params_file(path: str | Path, node: str = 'tracker') -> dict[str, Any]:
    """
    Return the parameters that a file gives to a node, by dotted name.

    Takes the sections `/**` and those of any node called `node`, whatever its namespace; where
    a name comes twice the later one wins, as in ROS. Values are not checked here. Raises
    ConfigError naming the file.
    """
    try:
        content = load_yaml(read_text(path, MAX_YAML_BYTES), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path} cannot be read ({error}); name a parameter file') from error
    except YamlTextError as error:
        raise ConfigError(f'{path} is not valid YAML: {error}') from error
    _check_bounds(content, str(path))
    sections = list(_sections(content, ''))
    if not sections:
        raise ConfigError(
            f'{path} has no {SECTION}; it must look like "/**: {{{SECTION}: {{name: value}}}}"')
    values: dict[str, Any] = {}
    meant = [(name, section) for name, section in sections if _matches(name, node)]
    if not meant:
        raise ConfigError(
            f'{path} has parameters for {", ".join(name for name, _ in sections)}, but none for '
            f'/** or {node}')
    for name, section in meant:
        if section is not None and not isinstance(section, Mapping):
            raise ConfigError(f'{path}: {SECTION} of {name} is {section!r}; it must hold names')
        values |= _flatten(section or {}, str(path))
    return {name: value for name, value in values.items() if name.split('.')[0] not in ROS_OWN}


def parse_assignment(text: str, known: Mapping[str, Setting]) -> tuple[str, Any]:
    """
    Split `name=value` and read the value in the type of that setting's default.

    A list is written with commas. An unknown name is passed on as text: to complain of it is up
    to settings.build, which knows the nearest valid ones.
    """
    name, sign, value = (part.strip() for part in text.partition('='))
    if not sign or not name:
        raise ConfigError(f'{text!r} is no assignment; write name=value')
    kind = type(known[name].default) if name in known else str
    if kind is bool:
        if value.lower() not in ('true', 'false'):
            raise ConfigError(f'{name} is {value!r}; it must be true or false')
        return name, value.lower() == 'true'
    if kind is tuple:
        return name, tuple(part.strip() for part in value.split(',') if part.strip())
    try:
        return name, kind(value)
    except ValueError as error:
        raise ConfigError(f'{name} is {value!r}; it must be of type {kind.__name__}') from error


def _sections(content: Any, name: str) -> list[tuple[str, Any]]:
    """Find what stands under every `ros__parameters`, with the node's name in front."""
    found: list[tuple[str, Any]] = []
    if isinstance(content, Mapping):
        for key, value in content.items():
            if key == SECTION:
                found.append((name or '/', value))
            else:
                found += _sections(value, f'{name}/{str(key).strip("/")}')
    return found


def _matches(name: str, node: str) -> bool:
    last = name.rpartition('/')[2]
    return last in ('**', '*', node)


def _check_bounds(content: object, path: str) -> None:
    """Raise ConfigError for a file whose aliases hold themselves or multiply without end."""
    waiting, count = [(content, 0)], 0
    while waiting:
        value, level = waiting.pop()
        inner = list(value.values()) if isinstance(value, Mapping) else (
            value if isinstance(value, list) else [])
        count += len(inner)
        if level > MAX_LEVELS or count > MAX_VALUES:
            raise ConfigError(
                f'{path} has names in names more than {MAX_LEVELS} deep, or more than '
                f'{MAX_VALUES} values; write it without aliases (&name, *name)')
        waiting += [(each, level + 1) for each in inner]


def _flatten(values: Mapping[Any, Any], path: str, prefix: str = '') -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f'{prefix}{key}'
        if isinstance(value, Mapping):
            flat |= _flatten(value, path, f'{name}.')
        elif value is None:
            raise ConfigError(f'{path}: {name} has no value; give it one or remove the line')
        else:
            flat[name] = value
    return flat
