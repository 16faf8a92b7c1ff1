# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Options that choose settings, and the settings that they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.config.schema import build, catalogue, flatten
from mot_ros.tracking.errors import ConfigError


def add(group: Any, *, params: bool, example: str = 'bytetrack.track_high_thresh=0.6') -> None:
    """Declare the options, with `params` one for a parameter file too."""
    group.add_argument(
        '--preset', metavar='P', help=f'starting point of all settings: '
        f'{", ".join(Settings.presets)}')
    group.add_argument('--device', metavar='D', help='where networks run: auto, cpu, cuda')
    if params:
        group.add_argument(
            '--params', type=Path, metavar='FILE', help='parameter file (YAML) of the ROS node')
    group.add_argument(
        '--set', dest='assignments', action='append', default=[], metavar='NAME=VALUE',
        help=f'change one setting, for example {example}; may be repeated')


def from_file(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the parameter file says, if there is one."""
    from mot_ros.tracking.config.params_file import read_params_file

    return {} if args.params is None else read_params_file(args.params)


def from_options(args: argparse.Namespace, root: type[Settings]) -> dict[str, Any]:
    """Return what the options say, which goes before a parameter file; --set before the rest."""
    from mot_ros.tracking.config.params_file import parse_assignment

    known = catalogue(root, next(iter(root.presets)))
    values = {name: getattr(args, name) for name in ('method', 'preset', 'device')
              if getattr(args, name, None) is not None}
    return values | dict(parse_assignment(text, known) for text in args.assignments)


def refuse_method(values: dict[str, Any]) -> None:
    """Raise ConfigError if a method is set where several may be named."""
    if 'method' in values:
        raise ConfigError('method is set; name methods with --methods')


def by_method(
        names: Sequence[str], values: dict[str, Any], root: type[Settings]
        ) -> dict[str, dict[str, Any]]:
    """Return all settings of each method; those of the others make no difference to it."""
    found = {}
    for name in names:
        settings = flatten(build(root, {**values, 'method': name}))
        found[name] = {key: value for key, value in settings.items()
                       if key.partition('.')[0] not in set(METHODS) - {name}}
    return found
