# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""ExternalDetections: detections that arrive with the frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mot_ros.tracking.config import Settings
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.types import Detections, Frame


class ExternalDetections:
    """
    Detector without a network: return the detections that the frame holds.

    All classes, in their order, without scores below the floor. The meaning of the labels is the
    sender's.
    """

    class_names: tuple[str, ...] = ()

    def __init__(self, score_floor: float) -> None:
        self._score_floor = np.float32(score_floor)

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the detections of each frame; FrameError for one without."""
        return [self._of(frame) for frame in frames]

    def _of(self, frame: Frame) -> Detections:
        if frame.detections is None:
            raise FrameError(
                'the frame comes without detections, and detector.type external detects nothing: '
                "send them to the tracker node's topic `detections`, or choose another "
                'detector.type')
        return frame.detections[frame.detections.scores >= self._score_floor]


def make(settings: Settings) -> ExternalDetections:
    """Return what takes the detections of the frames, whose scores the settings limit."""
    return ExternalDetections(settings.detector.score_floor)
