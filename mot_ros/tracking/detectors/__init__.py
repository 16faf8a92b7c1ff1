# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The detectors, by the name that `detector.type` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mot_ros.tracking.config import Settings
from mot_ros.tracking.detectors.external import ExternalDetections
from mot_ros.tracking.detectors.wrappers.class_scores import with_class_scores
from mot_ros.tracking.detectors.wrappers.region import limited
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.protocols import Detector

if TYPE_CHECKING:
    from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector

TORCH_ONLY = ('prb', 'gluon_ssd')
"""Kinds of which no network is exported."""


def make_detector(settings: Settings) -> Detector:
    """
    Load the detector that the settings name, in tiles and in a region if they say so.

    Raises WeightsError if it cannot be, ConfigError if it does not fit the settings.
    """
    if settings.detector_type == 'external':
        detector: Detector = ExternalDetections(settings.detector.score_floor)
    else:
        detector = _make_looking(settings)
    return with_class_scores(limited(detector, settings), settings)


def _make_looking(settings: Settings) -> Detector:
    """Load a detector that looks at images."""
    wanted, kind = settings.detector, settings.detector_type
    detector: Detector
    if settings.backend == 'onnx' and kind in TORCH_ONLY:
        raise ConfigError(
            f'backend is onnx, but there is no export of detector.type {kind}: set backend to '
            'torch, or choose a detector of type ssd or onnx')
    # here and not above: torch takes seconds to load, and recorded detections do without it
    if kind == 'onnx':
        from mot_ros.tracking.detectors.onnx_file.detector import OnnxDetector

        detector = OnnxDetector(wanted, settings.device)
    elif kind == 'rcnn':
        detector = make_rcnn(settings, wanted.classes)
    elif kind == 'prb':
        from mot_ros.tracking.detectors.prb import PrbDetector

        detector = PrbDetector(wanted, settings.device, compute=settings.compute)
    elif kind == 'gluon_ssd':
        from mot_ros.tracking.detectors.ssd.gluon import GluonSsdDetector

        detector = GluonSsdDetector(wanted, settings.device, settings.compute)
    else:
        if wanted.weights.endswith('.onnx'):
            raise ConfigError(
                f'detector.weights is {wanted.weights!r}: set detector.type to onnx')
        detector = _make_ssd(settings)
    if wanted.tile_columns * wanted.tile_rows == 1:
        return detector
    from mot_ros.tracking.detectors.wrappers.tiles import TiledDetector

    return TiledDetector(detector, wanted)


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


def _make_ssd(settings: Settings) -> Detector:
    if settings.backend == 'onnx':
        from mot_ros.tracking.detectors.ssd.mobilenet_onnx import OnnxSsdDetector

        return OnnxSsdDetector(settings.detector, settings.device, settings.compute)
    from mot_ros.tracking.detectors.ssd.mobilenet import SsdDetector

    return SsdDetector(settings.detector, settings.device, settings.compute)
