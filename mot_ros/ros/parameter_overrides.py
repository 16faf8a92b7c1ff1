# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a node is given at its start, by parameter file, command line and launch file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.schema import catalogue

LAUNCH_PREFIX = 'launch.'
"""
What launch files put before a parameter to pass an argument that may be empty.

An empty `launch.method` means "not given" and leaves the parameter file alone, which a plain
`method` set to '' could not: ROS merges the two before the node sees them.
"""
TRUTH = {'true': True, 'false': False}


def is_ros_own(name: str) -> bool:
    """Tell whether ROS itself reads this parameter, in any node."""
    return (name in ('use_sim_time', 'start_type_description_service')
            or name.startswith(('qos_overrides.', 'diagnostic_updater.')))


def merged(given: Mapping[str, Any]) -> dict[str, Any]:
    """Put launch arguments over the rest, leave out what is not set, and what ROS itself reads."""
    values = {name: value for name, value in given.items()
              if not is_ros_own(name) and not name.startswith(LAUNCH_PREFIX)}
    known = catalogue(NodeSettings, next(iter(NodeSettings.presets)))
    for name, value in given.items():
        if name.startswith(LAUNCH_PREFIX) and value != '':
            name = name[len(LAUNCH_PREFIX):]
            # launch arguments are strings; one that cannot be read is left to the validator
            if name == 'use_sim_time' or (name in known and isinstance(known[name].default, bool)):
                value = TRUTH.get(str(value).lower(), value)
            values[name] = value
    # YAML's empty list reaches us as a value that is not set
    values |= {name: () for name, value in values.items()
               if value is None and name in known and isinstance(known[name].default, tuple)}
    return {name: value for name, value in values.items() if value is not None and value != ''}
