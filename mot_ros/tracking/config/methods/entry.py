# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a line of the table of methods states beside name and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from mot_ros.tracking.config.schema import group

_Own = TypeVar('_Own')

BOXES = 'boxes'
"""Needs the boxes of a detector and nothing else."""
APPEARANCE = 'appearance'
"""Needs boxes, and the image too unless appearance.type is none."""
IMAGE = 'image'
"""Finds its tracks in the image itself, and does nothing without one."""


@dataclass(frozen=True)
class MethodEntry:
    """Implementation and needs of a method."""

    path: str
    """Module within mot_ros.tracking.methods and class, with a colon between."""
    needs: str
    detector: str
    """The detector.type that `auto` stands for."""


def method(settings: type[_Own], path: str, needs: str, detector: str = 'nanodet') -> _Own:
    """Declare a method, see MethodEntry; the field's name is that of the method and its group."""
    return group(settings, method=MethodEntry(path, needs, detector))
