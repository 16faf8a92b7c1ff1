# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Everything that a tracker is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mot_ros.tracking.config import other_trackers
from mot_ros.tracking.config.detectors import DETECTORS, EXTERNAL, USERS
from mot_ros.tracking.config.methods.table import (
    APPEARANCE_METHODS,
    ENTRIES,
    IMAGE_METHODS,
    METHODS,
    MethodTable,
    PRESETS,
)
from mot_ros.tracking.config.schema import Presets, Setting, setting
from mot_ros.tracking.errors import ConfigError


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
        kind = ENTRIES[self.method].detector
        # there is no export of NanoDet
        return 'ssd' if kind == 'nanodet' and self.backend == 'onnx' else kind

    @property
    def detector_weights(self) -> str:
        """
        The weights of the detector, where `auto` means those of its type in the package.

        Empty for a detector that reads none. Raises ConfigError where a file has to be named.
        """
        kind = self.detector_type
        if kind == 'rcnn':
            return self.rcnn.weights
        if self.detector.weights != 'auto':
            return self.detector.weights
        shipped = DETECTORS[kind].weights
        if shipped == USERS:
            raise ConfigError(
                f'detector.weights is auto, and the package has no weights of detector.type '
                f'{kind}: name a file')
        return shipped or ''

    @property
    def appearance_type(self) -> str:
        """The kind of embedding; `auto` needs no image where the boxes come without one."""
        if self.appearance.type != 'auto':
            return self.appearance.type
        return 'none' if self.detector_type == EXTERNAL else 'colour'

    @property
    def embedding(self) -> str:
        """The embedding that the method compares, with its weights; none if it has none."""
        kind = self.appearance_type if self.method in APPEARANCE_METHODS else 'none'
        return f'{kind} {self.appearance.weights}' if kind in ('slm', 'both') else kind

    @property
    def calibrated(self) -> bool:
        """Whether scores of the detector are mapped to probabilities where there is a map."""
        return self.detector.calibration != 'none' and self.method not in IMAGE_METHODS

    @classmethod
    def advice(cls, name: str, values: Mapping[str, Any], known: Mapping[str, Setting]) -> str:
        """Return what to write in place of a setting of another tracker, converted."""
        return other_trackers.advice(
            name, values[name], str(values.get('method', known['method'].default)), known)
