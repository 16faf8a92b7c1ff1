# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The tracking methods, by name."""

from __future__ import annotations

from importlib import import_module

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.methods.table import ENTRIES
from mot_ros.tracking.methods.switchable import SwitchableTracker
from mot_ros.tracking.protocols import Detector, Method, Tracker


def make_tracker(settings: Settings, detector: Detector) -> Tracker:
    """Return a tracker of the settings around a detector; both can be exchanged later."""
    return SwitchableTracker(make_method, settings, detector)


def make_method(settings: Settings, detector: Detector, first_id: int = 1) -> Method:
    """
    Assemble the method that the settings name; new tracks are numbered from `first_id`.

    Only its own module is loaded, so that methods of boxes do without torch.
    """
    module, _, name = ENTRIES[settings.method].path.partition(':')
    made: Method = getattr(import_module(f'{__name__}.{module}'), name)(
        detector, settings, first_id)
    return made
