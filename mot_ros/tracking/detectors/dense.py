# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""What a detector says of every anchor, for methods that look at chosen ones (SMOT)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable, TYPE_CHECKING

from mot_ros.tracking.contracts import Detector
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.types import Detections, Frame

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class RawDetections:
    """
    What the network says of every anchor of B frames, before threshold and suppression.

    `scores` (B, A, C) in [0, 1], `labels` (C,) the label of each column, `boxes` (B, A, 4) and
    `anchors` (B, A, 4) xyxy in pixels of each source image, neither clipped. On the detector's
    device. A detector without anchors gives the cells of its grids in their place.
    """

    scores: Tensor
    labels: Tensor
    boxes: Tensor
    anchors: Tensor


@runtime_checkable
class DenseDetector(Detector, Protocol):
    """A detector that also tells what it thinks of every anchor."""

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
    if isinstance(detector, DenseDetector):
        return detector
    raise ConfigError(
        f'{who} asks the network about places of its own choice, which this detector cannot '
        'answer: set detector.type to ssd or gluon_ssd, one tile, no roi and no mask, and leave '
        'out cached or recorded detections')
