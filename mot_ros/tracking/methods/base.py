# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What the methods have in common that keep their tracks in a pool."""

from __future__ import annotations

from typing import Generic, TypeVar

from mot_ros.tracking.motion.kalman_filter import Motion
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Frame, Tracks

AnyPool = TypeVar('AnyPool', bound=TrackPool[Motion])


class PooledMethod(Generic[AnyPool]):
    """The part of a Method that its pool of tracks answers for; see there."""

    def __init__(self, tracks: AnyPool) -> None:
        self._tracks = tracks

    @property
    def needs_image(self) -> bool:
        """Whether it looks at the image itself, beside the detector."""
        return self._tracks.needs_image

    @property
    def next_id(self) -> int:
        """The id that the next new track gets."""
        return self._tracks.next_id

    def propagate(self, frame: Frame) -> Tracks:
        """Take a frame that is not looked into: tracks move on and keep their states."""
        moved = self._tracks.coast(frame)
        return self._tracks.compensate_motion(frame, moved.boxes)

    def reset(self, *, keep_ids: bool = False) -> None:
        """Forget every track; number from 1 again unless `keep_ids`."""
        self._tracks.reset(keep_ids=keep_ids)
