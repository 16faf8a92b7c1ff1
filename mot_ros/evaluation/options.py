# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Options of an evaluation, equal for all its sequences."""

from __future__ import annotations

from dataclasses import dataclass
import math

from mot_ros.tracking.errors import ConfigError

OWN, PUBLIC = 'own', 'public'

@dataclass(frozen=True)
class Options:
    """Set how sequences are run and scored."""

    detections: str = OWN
    """OWN for the detector of the settings, PUBLIC, a det.txt or a folder of NAME.txt."""
    fps: float | None = None
    drop: float = 0.0
    seed: int = 0
    frames: int | None = None
    iou: float = 0.5
    sparse: bool = False
    """Score only frames with a box in the ground truth, considered or not."""
    amodal: bool = False
    """Keep boxes that reach beyond the border of the image, as the ground truth has them."""
    worst_frames: bool = True
    """Draw the worst frames of each sequence into the report."""

    def __post_init__(self) -> None:
        # written so that NaN fails too
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise ConfigError(f'fps is {self.fps:g}; it must be above 0 Hz')
        if not 0 <= self.drop < 1:
            raise ConfigError(f'drop is {self.drop:g}; it must lie in [0, 1)')
        if self.frames is not None and self.frames < 1:
            raise ConfigError(f'frames is {self.frames}; it must be at least 1')
        if not 0 < self.iou <= 1:
            raise ConfigError(f'iou is {self.iou:g}; it must lie in (0, 1]')
