# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Load the detector and the tracking method that the settings name."""

from __future__ import annotations

from mot_ros.ros.pipeline.engine import detector_key, Engine
from mot_ros.tracking.config import NodeSettings, RegionSettings, Settings
from mot_ros.tracking.errors import ConfigError, MotError
from mot_ros.tracking.protocols import Detector, Tracker
from mot_ros.tracking.runtime.user_files import in_time, UserFileError

MASK_SECONDS = 2.0
"""Services of the node wait no longer for a mask to be read."""


def load_detector(settings: Settings) -> Detector:
    """Load the detector that the settings name; raises ConfigError where torch is missing."""
    try:
        # here and not above: torch takes seconds to load, and ROS does not bring it
        from mot_ros.tracking.detectors import make_detector
        return make_detector(settings)
    except ImportError as error:
        raise ConfigError(
            f'{error}: the detector needs PyTorch; install it with "pip install torch '
            'safetensors"') from error


def load_tracker(settings: Settings, detector: Detector) -> Tracker:
    """Make the tracking method of the settings on top of a detector."""
    from mot_ros.tracking.methods import make_tracker
    return make_tracker(settings, detector)


def check_change(settings: NodeSettings, engine: Engine) -> None:
    """
    Raise ConfigError if the detector of an engine could not be changed to these settings.

    The classes of another kind of detector are checked when it is loaded.
    """
    from mot_ros.tracking.detectors.wrappers.region import read_mask
    if settings.mask != engine.settings.mask:
        try:
            in_time(lambda: read_mask(settings.mask), MASK_SECONDS)
        except UserFileError as error:
            raise ConfigError(f'mask {settings.mask}: {error}') from error
    _check_method(settings, engine)
    kind = settings.detector_type
    if kind != 'external' and kind == engine.settings.detector_type:
        from mot_ros.tracking.detectors.classes import wanted_labels
        wanted_labels(settings.detector.classes, engine.detector.class_names)


def _check_method(settings: NodeSettings, engine: Engine) -> None:
    """Raise ConfigError for method smot around a detector without the raw outputs it needs."""
    if settings.method != 'smot':
        return
    from mot_ros.tracking.detectors.ssd.raw_outputs import dense
    plain = settings.roi == RegionSettings() and not settings.mask and (
        settings.detector.tile_columns * settings.detector.tile_rows == 1)
    if not plain and engine.settings.method == 'smot':
        raise ConfigError('method smot takes one tile, no roi and no mask')
    same = detector_key(settings) == detector_key(engine.settings)
    # calibration, which smot does without, is no part of an external detector
    if same or settings.detector_type == 'external':
        dense(engine.detector, 'method smot')


def labels_of(settings: NodeSettings, device: str) -> dict[str, str]:
    """Return what diagnostics say of a tracker: method, device, model, embedding."""
    return {'method': settings.method, 'device': device, 'model': checksum(settings),
            'appearance': settings.embedding}


def checksum(settings: NodeSettings) -> str:
    """Return the name of the model and the beginning of its SHA-256, as far as there is one."""
    kind = settings.detector_type
    if kind == 'external':
        return 'external detections'
    name = settings.detector_weights
    try:
        from mot_ros.tracking.weights import store as weights

        return f'{name} sha256:{weights.digest(name)[:12]}'
    except (ImportError, OSError, MotError):
        return name
