# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""ClassScores: a score threshold per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mot_ros.tracking.config import IMAGE_METHODS, Settings
from mot_ros.tracking.detectors.wrappers.base import AroundDetector
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections, Frame


def with_class_scores(detector: Detector, settings: Settings) -> Detector:
    """
    Wrap a detector by `detector.class_scores`; return it unchanged if there are none.

    Raises ConfigError for anything but NAME=SCORE, for an unknown class, and for methods that read
    the network directly.
    """
    least = parse(settings.detector.class_scores)
    if not least:
        return detector
    if settings.method in IMAGE_METHODS or settings.detector_type == 'rcnn':
        raise ConfigError(
            f'detector.class_scores is {settings.detector.class_scores!r}, but '
            f'{settings.method} with detector.type {settings.detector_type} reads the '
            'network directly: choose another method, or leave it out')
    return ClassScores(detector, least)


def parse(text: str) -> dict[str, float]:
    """Parse 'car=0.6, dog=0.4' to scores by class; ConfigError for anything else."""
    least = {}
    for part in text.split(',') if text.strip() else ():
        name, sign, score = part.strip().rpartition('=')
        try:
            value = float(score)
        except ValueError:
            value = float('nan')
        if not (name and sign and 0 <= value <= 1):
            raise ConfigError(
                f'detector.class_scores has {part.strip()!r}; give NAME=SCORE with a score in '
                '[0, 1], as in car=0.6')
        least[name] = value
    return least


class ClassScores(AroundDetector):
    """Drop detections below the threshold of their class; classes without threshold stay."""

    def __init__(self, detector: Detector, least: Mapping[str, float]) -> None:
        super().__init__(detector)
        names = list(detector.class_names)
        for name in least:
            if name not in names:
                known = ', '.join(names[:10]) or 'unknown'
                raise ConfigError(
                    f'detector.class_scores has {name!r}, which is no class of the detector; its '
                    f'classes are {known}{", ..." if len(names) > 10 else ""}')
        self._least = np.zeros(len(names), np.float32)
        self._least[[names.index(name) for name in least]] = list(least.values())

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the detections of each frame that reach the threshold of their class."""
        return [
            found[found.scores >= self._least[found.labels]]
            for found in self._detector.detect(frames)]
