# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The parameter files in config/, made from the settings: run this as a script to write them anew.

A test compares them, so that no default and no explanation drifts. `tracker.yaml` has what goes
for every method, the file of a method only its own group. Those for a scenario are written by
hand and state only what they change.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import textwrap
from typing import Any

import yaml

from mot_ros.tracking.config import METHODS, NodeSettings
from mot_ros.tracking.config.schema import catalogue, Setting, Value

ROOT = Path(__file__).resolve().parents[2]
KNOWN = catalogue(NodeSettings, next(iter(NodeSettings.presets)))
SET_BY_PRESETS = {name for preset in NodeSettings.presets.values() for name in preset}
"""Stated in a file, these would outrank the preset, so there they are comments only."""
SCENARIOS = ('siammot_crp', 'smot_driving', 'smiletrack_driving')
COMMON = 'tracker'
COMMON_BEGIN = """\
# Parameters of the tracker node that go for every method; those of a method are in the file of
# its name.
#
# The values are the defaults, so a file of your own needs only what it changes. What counts:
# launch argument before your file (params_file) before preset before default. What the presets
# set is commented out, as a value stated in a file outranks the preset.

/**:
  ros__parameters:
"""
METHOD_BEGIN = """\
# Parameters of the method {method}, with their defaults. Those that every method has are in
# tracker.yaml, whose head says what outranks a parameter file.

/**:
  ros__parameters:
    method: {method}
"""


def names_in(file: str) -> list[str]:
    """Return the settings that a file is the place of, those without a group first."""
    names = [name for name in KNOWN if name.partition('.')[0] not in METHODS]
    if file != COMMON:
        names = [name for name in KNOWN if name.startswith(f'{file}.')]
    return sorted(names, key=lambda name: '.' in name)


def text_of(file: str) -> str:
    """Return the text of tracker.yaml or of the parameter file of a method."""
    lines: list[str] = []
    group = ''
    for name in names_in(file):
        outer, _, inner = name.rpartition('.')
        if outer != group:
            lines += ['', f'    {outer}:']
            group = outer
        indent = '      ' if outer else '    '
        lines += [indent + line for line in entry(name, inner, KNOWN[name])]
    begin = COMMON_BEGIN if file == COMMON else METHOD_BEGIN.format(method=file)
    return begin + '\n'.join(lines) + '\n'


def entry(name: str, key: str, setting: Setting) -> Iterator[str]:
    """Yield the lines of one parameter: what it means, then its value."""
    words = setting.help[0].upper() + setting.help[1:]
    unit = f' [{setting.unit}]' if setting.unit else ''
    choices = f' ({" | ".join(setting.choices)})' if setting.choices else ''
    fixed = f'. Fixed while the node is configured: {setting.fixed}' if setting.fixed else ''
    for line in textwrap.wrap(words + unit + choices + fixed, 90):
        yield f'# {line}'
    yield ('# ' if name in SET_BY_PRESETS else '') + f'{key}: {as_yaml(setting.default)}'


def values_of(file: Path) -> dict[str, Any]:
    """Return what a parameter file states, by dotted name."""
    content = yaml.safe_load(file.read_text(encoding='utf-8'))
    assert list(content) == ['/**']
    assert list(content['/**']) == ['ros__parameters']
    values: dict[str, Any] = {}
    for name, value in content['/**']['ros__parameters'].items():
        # a group of which everything is commented out is read as nothing
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
    for each in (COMMON, *METHODS):
        (ROOT / 'config' / f'{each}.yaml').write_text(text_of(each), encoding='utf-8')
