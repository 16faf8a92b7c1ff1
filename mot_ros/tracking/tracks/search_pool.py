# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SearchTrackPool: tracks that are searched in the image, around their expected boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mot_ros.tracking.motion.last_observation import LastObservation, LastObservationModel
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Floats, Frame, Tracks

if TYPE_CHECKING:
    from mot_ros.tracking.config import CameraMotionSettings
    from mot_ros.tracking.motion.camera_motion import CameraMotion
    from mot_ros.tracking.motion.optical_flow import BoxMotion

NEED = 'tracks are searched in it'
"""The reason why a frame needs an image."""


class SearchTrackPool(TrackPool[LastObservationModel]):
    """
    A TrackPool whose boxes are those around which each track is searched next.

    They stay where they were last observed, unless the kind of motion is `moving`, the `camera`
    moves or `flow` (optical flow, or a BoxMotion of one's own) moves them; both may be
    exchanged between two frames. Calls per frame: `propagate` or `coast`, then
    `compensate_motion`.
    """

    def __init__(self, kind: LastObservation, first_id: int = 1) -> None:
        self.camera: CameraMotion | None = None
        self.flow: BoxMotion | None = None
        self._camera_key: CameraMotionSettings | None = None
        super().__init__(kind, first_id)

    def use_camera(self, settings: CameraMotionSettings | None) -> None:
        """Compensate camera motion by these settings, or not at all if None."""
        if settings == self._camera_key:
            return
        # here and not above: methods that use boxes alone do without OpenCV
        from mot_ros.tracking.motion.camera_motion import CameraMotion

        self._camera_key = settings
        self.camera = None if settings is None else CameraMotion.of(settings)

    @property
    def needs_image(self) -> bool:
        """Whether a frame without an image is refused."""
        return True

    def reset(self, *, keep_ids: bool = False) -> None:
        """Drop every track; number from 1 again unless `keep_ids`."""
        super().reset(keep_ids=keep_ids)
        for part in (self.camera, self.flow):
            if part is not None:
                part.reset()

    def coast(self, frame: Frame) -> Tracks:
        """Move every track; FrameError, with nothing changed, if its image is of no use."""
        frame.require_image(NEED)
        return super().coast(frame)

    def compensate_motion(self, frame: Frame, objects: Floats | Callable[[], Floats]) -> Tracks:
        """
        Compensate camera motion, move every track by the flow, and return them there.

        `objects` are boxes (N, 4) that the estimate of the camera leaves out, or a function that
        returns them, which is called only where the camera moves.
        """
        if self.camera is not None:
            boxes = objects() if callable(objects) else objects
            self.warp(self.camera.estimate(frame, boxes))
        if self.flow is not None:
            self.motion.expect(self.flow.move(frame, self.boxes))
        return self.snapshot()
