# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Everything that a tracker is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mot_ros.tracking.config import other_trackers
from mot_ros.tracking.config.methods import ENTRIES, METHODS, MethodTable, PRESETS
from mot_ros.tracking.config.schema import Presets, Setting, setting


@dataclass(frozen=True)
class Settings(MethodTable):
    """Everything that a tracker is made from."""

    presets: ClassVar[Presets] = PRESETS

    preset: str = setting(
        'accurate', 'starting point of all other settings', choices=tuple(PRESETS),
        fixed='it would change many settings at once; set those instead')
    method: str = setting(METHODS[0], 'tracking method', choices=METHODS)

    @property
    def detector_type(self) -> str:
        """The kind of detector, where `auto` means that of the method."""
        if self.detector.type != 'auto':
            return self.detector.type
        return ENTRIES[self.method].detector

    @classmethod
    def advice(cls, name: str, values: Mapping[str, Any], known: Mapping[str, Setting]) -> str:
        """Return what to write in place of a setting of another tracker, converted."""
        return other_trackers.advice(
            name, values[name], str(values.get('method', known['method'].default)), known)
