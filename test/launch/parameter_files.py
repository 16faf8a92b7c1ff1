# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The parameter files in config/, made from the settings: run this as a script to write them anew.

A test compares them, so that no default and no explanation drifts. Those for a scenario are
written by hand and state only what they change.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import textwrap
from typing import Any

import yaml

from mot_ros.tracking.config import APPEARANCE_METHODS, METHODS, NodeSettings
from mot_ros.tracking.config.schema import catalogue, Setting, Value

ROOT = Path(__file__).resolve().parents[2]
SET_BY_PRESETS = {name for preset in NodeSettings.presets.values() for name in preset}
"""Stated in a file, these would outrank the preset, so there they are comments only."""
SCENARIOS = ('siammot_crp', 'smot_driving', 'smiletrack_driving')
BEGIN = """\
# Parameters of the tracker node with the method {method}.
#
# The values are the defaults, so a file of your own needs only what it changes. What counts:
# launch argument before this file before preset before default. What the presets set is commented
# out, as a value stated in a file outranks the preset.

/**:
  ros__parameters:
"""


def concerns(name: str, method: str) -> bool:
    """Say whether a parameter makes a difference to a method."""
    group = name.partition('.')[0]
    if group in ('appearance', 'camera_motion'):
        return method in APPEARANCE_METHODS
    return group not in set(METHODS) - {method}


def text_of(method: str) -> str:
    """Return the parameter file of a method."""
    known = {name: setting for name, setting in catalogue(NodeSettings, 'accurate').items()
             if concerns(name, method)}
    lines: list[str] = []
    group = ''
    for name, setting in sorted(known.items(), key=lambda item: '.' in item[0]):
        outer, _, inner = name.rpartition('.')
        if outer != group:
            lines += ['', f'    {outer}:']
            group = outer
        indent = '      ' if outer else '    '
        lines += [indent + line for line in entry(
            name, inner, setting, method if name == 'method' else setting.default)]
    return BEGIN.format(method=method) + '\n'.join(lines) + '\n'


def entry(name: str, key: str, setting: Setting, value: Value) -> Iterator[str]:
    """Yield the lines of one parameter: what it means, then its value."""
    words = setting.help[0].upper() + setting.help[1:]
    unit = f' [{setting.unit}]' if setting.unit else ''
    choices = f' ({" | ".join(setting.choices)})' if setting.choices else ''
    fixed = f'. Fixed while the node is configured: {setting.fixed}' if setting.fixed else ''
    for line in textwrap.wrap(words + unit + choices + fixed, 90):
        yield f'# {line}'
    yield ('# ' if name in SET_BY_PRESETS else '') + f'{key}: {as_yaml(value)}'


def values_of(file: Path) -> dict[str, Any]:
    """Return what a parameter file states, by dotted name."""
    content = yaml.safe_load(file.read_text(encoding='utf-8'))
    assert list(content) == ['/**']
    assert list(content['/**']) == ['ros__parameters']
    values: dict[str, Any] = {}
    for name, value in content['/**']['ros__parameters'].items():
        values |= ({f'{name}.{inner}': item for inner, item in value.items()}
                   if isinstance(value, dict) else {name: value})
    return values


def as_yaml(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f'[{", ".join(value)}]'
    return str(value) or "''"


if __name__ == '__main__':
    for each in METHODS:
        (ROOT / 'config' / f'{each}.yaml').write_text(text_of(each), encoding='utf-8')
