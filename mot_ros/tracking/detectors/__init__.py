# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The detectors, by the name that `detector.type` gives them."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.detectors import DETECTORS, EXTERNAL
from mot_ros.tracking.detectors.wrappers.calibrated import CalibratedDetector, calibration_of
from mot_ros.tracking.detectors.wrappers.class_scores import with_class_scores
from mot_ros.tracking.detectors.wrappers.region import limited
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.protocols import Detector


def make_detector(settings: Settings) -> Detector:
    """
    Load the detector that the settings name, in tiles and in a region if they say so.

    Raises WeightsError if it cannot be, ConfigError if it does not fit the settings.
    """
    calibration = calibration_of(settings)
    detector: Detector = import_module(f'{__name__}.{_module(settings)}').make(
        _resolved(settings))
    if calibration is not None:
        detector = CalibratedDetector(detector, calibration)
    if settings.detector_type != EXTERNAL:
        detector = _tiled(detector, settings)
    return with_class_scores(limited(detector, settings), settings)


def _resolved(settings: Settings) -> Settings:
    """
    Return the settings with the weights' own name.

    Raises ConfigError for an ONNX file as weights of another type.
    """
    wanted = settings.detector
    if wanted.weights.endswith('.onnx') and settings.detector_type != 'onnx':
        raise ConfigError(f'detector.weights is {wanted.weights!r}: set detector.type to onnx')
    return replace(settings, detector=replace(wanted, weights=settings.detector_weights))


def _module(settings: Settings) -> str:
    """
    Return the module of the detector in the table.

    It is loaded only then: torch takes seconds to load, and external detections do without it.
    """
    kind = settings.detector_type
    entry = DETECTORS[kind]
    if settings.backend == 'torch':
        return entry.module
    if not entry.onnx:
        others = ', '.join(name for name, other in DETECTORS.items() if other.onnx)
        raise ConfigError(
            f'backend is onnx, but detector.type {kind} runs in torch alone: set backend to '
            f'torch, or choose a detector of type {others}')
    return entry.onnx


def _tiled(detector: Detector, settings: Settings) -> Detector:
    wanted = settings.detector
    if wanted.tile_columns * wanted.tile_rows == 1:
        return detector
    from mot_ros.tracking.detectors.wrappers.tiles import TiledDetector

    return TiledDetector(detector, wanted)
