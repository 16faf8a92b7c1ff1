# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""CalibratedDetector: replaces the scores of a detector by probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mot_ros.tracking.config import Settings
from mot_ros.tracking.detectors.postprocess.calibration import (
    from_json,
    from_metadata,
    ScoreCalibration,
)
from mot_ros.tracking.detectors.wrappers.base import AroundDetector
from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.runtime.user_files import read_text
from mot_ros.tracking.types import Detections, Frame


def calibration_of(settings: Settings) -> ScoreCalibration | None:
    """
    Return the map of `detector.calibration`, None where scores stay as they are.

    Raises ConfigError for a file that cannot be read, WeightsError for a damaged map.
    """
    wanted = settings.detector.calibration
    if not settings.calibrated:
        return None
    if wanted != 'auto':
        return read_calibration(wanted)
    if settings.detector_type == 'external':
        return None
    # here and not above: torch takes seconds to load, and recorded detections do without it
    from mot_ros.tracking.weights import store as weights

    name = settings.detector_weights
    if name in weights.MANIFEST and weights.MANIFEST[name].calibration:
        return from_json(weights.MANIFEST[name].calibration)
    try:
        metadata = weights.metadata(name)
    except WeightsError:
        # loading the detector says what is missing or damaged
        return None
    return from_metadata(metadata)


def read_calibration(path: str) -> ScoreCalibration:
    """Return the map in a .json file of `mot_ros calibrate`; ConfigError if it cannot be read."""
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f'detector.calibration is {path!r}, which cannot be read: {error}; give auto, '
            'none or a file of mot_ros calibrate') from error
    return from_json(text)


class CalibratedDetector(AroundDetector):
    """
    Gives the detections of another detector the probability of being right as their score.

    The most probable ones come first; frames of unknown size keep their scores. Raises
    FrameError like the detector.
    """

    def __init__(self, detector: Detector, calibration: ScoreCalibration) -> None:
        super().__init__(detector)
        self._calibration = calibration

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the objects of each frame, most probable first."""
        return [
            self._calibrated(found, min(frame.size))
            for frame, found in zip(frames, self._detector.detect(frames), strict=True)]

    def _calibrated(self, found: Detections, short_side: int) -> Detections:
        if not len(found) or short_side <= 0:
            return found
        heights = (found.boxes[:, 3] - found.boxes[:, 1]) / np.float32(short_side)
        scores = self._calibration.apply(found.scores, heights)
        order = np.argsort(-scores, kind='stable')
        return Detections(found.boxes[order], scores[order], found.labels[order])
