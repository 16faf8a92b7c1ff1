# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The tracker as a library, without ROS: everything that a user of it needs, by one import.

Names are loaded when they are first used, so that importing this package takes no time and
trackers of boxes never load torch. See docs/library.md.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    'build': 'config.schema',
    'Cameras': 'methods.multi_camera',
    'Detections': 'types',
    'Detector': 'protocols',
    'Frame': 'types',
    'make_detector': 'detectors',
    'make_tracker': 'methods',
    'METHODS': 'config',
    'MotError': 'errors',
    'read_params_file': 'config.params_file',
    'SequenceGuard': 'sequence',
    'Settings': 'config',
    'Tracker': 'protocols',
    'Tracks': 'types',
    'TrackState': 'types',
}
"""The module within this package that each public name comes from; types are in __init__.pyi."""
__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    """Load a public name, or raise AttributeError."""
    if name not in _MODULES:
        raise AttributeError(f'module {__name__} has no attribute {name!r}')
    value = getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)
    # the next use finds it at once
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
