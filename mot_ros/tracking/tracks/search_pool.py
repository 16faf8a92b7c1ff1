# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SearchTrackPool: tracks that are looked for in the image, around where they should be by now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mot_ros.tracking.motion.last_observation import LastObservation, LastObservationModel
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Floats, Frame, Tracks

if TYPE_CHECKING:
    from mot_ros.tracking.config import CameraMotionSettings
    from mot_ros.tracking.motion.camera_motion import CameraMotion
    from mot_ros.tracking.motion.optical_flow import BoxMotion

NEED = 'tracks are looked for in it'
"""Why a frame needs an image."""


class SearchTrackPool(TrackPool[LastObservationModel]):
    """
    A TrackPool whose boxes say where each track is to be looked for next.

    They stay where they were last seen, unless the kind of motion is `moving`, the `camera`
    moves or `flow` (optical flow, or a BoxMotion of one's own) carries them along; both may be
    exchanged between two frames. For every frame, once, `propagate` or `coast`, then `follow`.
    """

    def __init__(self, kind: LastObservation, first_id: int = 1) -> None:
        self.camera: CameraMotion | None = None
        self.flow: BoxMotion | None = None
        self._camera_key: CameraMotionSettings | None = None
        super().__init__(kind, first_id)

    def use_camera(self, settings: CameraMotionSettings | None) -> None:
        """Take out the motion of the camera as the settings say, or not at all if None."""
        if settings == self._camera_key:
            return
        # here and not above: OpenCV is of no use to methods that look at boxes alone
        from mot_ros.tracking.motion.camera_motion import CameraMotion

        self._camera_key = settings
        self.camera = None if settings is None else CameraMotion.of(settings)

    @property
    def needs_image(self) -> bool:
        """Whether a frame without an image is refused."""
        return True

    @property
    def needs_objects(self) -> bool:
        """Whether it tells where tracks should be only once objects are known."""
        return self.camera is not None

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

    def follow(self, frame: Frame, objects: Floats) -> Tracks:
        """Move every track as camera and flow say, and return them there."""
        if self.camera is not None:
            self.warp(self.camera.estimate(frame, objects))
        if self.flow is not None:
            self.motion.expect(self.flow.move(frame, self.boxes))
        return self.snapshot()
