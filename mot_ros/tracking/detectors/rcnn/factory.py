# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Load the Faster R-CNN that the settings name, for siammot and tracktor or as a detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mot_ros.tracking.config import Settings
from mot_ros.tracking.errors import ConfigError

if TYPE_CHECKING:
    from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector


def make(settings: Settings) -> RcnnDetector:
    """Load it as the detector of any method, for the classes that the settings name."""
    return make_rcnn(settings, settings.detector.classes)


def make_rcnn(settings: Settings, classes: Sequence[str] = ()) -> RcnnDetector:
    """
    Load the Faster R-CNN that the settings name, to find these classes, or all.

    Raises WeightsError if it cannot be, ConfigError for the backend onnx.
    """
    check_rcnn_backend(settings)
    from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector

    return RcnnDetector(settings.rcnn, settings.device, classes, settings.compute)


def check_rcnn_backend(settings: Settings) -> None:
    """Raise ConfigError if a Faster R-CNN should run in another backend than torch."""
    if settings.backend != 'torch':
        raise ConfigError(
            f'backend is {settings.backend}, but the Faster R-CNN of siammot and tracktor runs '
            'in torch alone: set backend to torch, or choose another method and a detector of '
            'type ssd or onnx; mot_ros export siammot writes its ONNX files for other programs')
