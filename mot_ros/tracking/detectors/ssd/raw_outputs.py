# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Raw outputs of a detector for every anchor, for methods that read chosen anchors (SMOT)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable, TYPE_CHECKING

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections, Frame

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class RawDetections:
    """
    Outputs for every anchor of B frames, before threshold and NMS.

    `scores` (B, A, C) in [0, 1], `labels` (C,) the label of each column, `boxes` (B, A, 4) and
    `anchors` (B, A, 4) xyxy in pixels of each source image, neither clipped. All on one device.
    Detectors without anchors use squares around the cells of their grids.
    """

    scores: Tensor
    labels: Tensor
    boxes: Tensor
    anchors: Tensor


@runtime_checkable
class DenseDetector(Detector, Protocol):
    """
    Detector that also returns its raw outputs.

    If that depends on the weights, the detector has an attribute `why_not_dense`: the reason why
    it is impossible, or None.
    """

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        """
        Return the detections of each frame and the raw outputs of the same network run.

        Anchors depend on the image size alone: all frames of one size have the same ones.
        """
        ...


def dense(detector: Detector, who: str) -> DenseDetector:
    """Return the detector as a DenseDetector; ConfigError if it is none."""
    reason: str | None
    if isinstance(detector, DenseDetector):
        reason = getattr(detector, 'why_not_dense', None)
        if reason is None:
            return detector
    else:
        reason = (
            'set detector.type to ssd, gluon_ssd or onnx, one tile, no roi and no mask, and '
            'leave out cached or recorded detections')
    raise ConfigError(
        f'{who} needs the raw outputs of every anchor, which this detector cannot return: '
        f'{reason}')
