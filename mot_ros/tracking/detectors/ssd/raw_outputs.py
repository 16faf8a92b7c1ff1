# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a detector says of every anchor, for methods that look at chosen ones (SMOT)."""

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
    What the network says of every anchor of B frames, before threshold and suppression.

    `scores` (B, A, C) in [0, 1], `labels` (C,) the label of each column, `boxes` (B, A, 4) and
    `anchors` (B, A, 4) xyxy in pixels of each source image, neither clipped. All on one device.
    A detector without anchors gives squares around the cells of its grids in their place.
    """

    scores: Tensor
    labels: Tensor
    boxes: Tensor
    anchors: Tensor


@runtime_checkable
class DenseDetector(Detector, Protocol):
    """
    A detector that also tells what it thinks of every anchor.

    One for which that depends on its weights may have an attribute `why_not_dense`, the reason
    why it cannot be asked after all, or None.
    """

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        """
        Return what `detect` does, and all that it was chosen from, of one run of the network.

        Where objects are, and their number, does not change the anchors: frames of one size
        have the same ones.
        """
        ...


def dense(detector: Detector, who: str) -> DenseDetector:
    """Return the detector as what `who` needs; ConfigError if it cannot be that."""
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
        f'{who} asks the network about places of its own choice, which this detector cannot '
        f'answer: {reason}')
