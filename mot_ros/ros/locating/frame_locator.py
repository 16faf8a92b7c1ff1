# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Place the people of one message of tracks, once camera, transforms and depth are there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Detection2DArray

from mot_ros.data.decode import ImageError
from mot_ros.localisation.camera_model import CameraModel
from mot_ros.localisation.depth import place_by_depth, read_depths
from mot_ros.localisation.nearest_pairs import NearestItem, NearestPairs
from mot_ros.localisation.placement import place
from mot_ros.localisation.placements import Placements
from mot_ros.localisation.transform_buffer import NoTransformError, TransformBuffer
from mot_ros.localisation.transforms import Transform
from mot_ros.localisation.world_filter import WorldFilter
from mot_ros.ros.conversion import to_nanoseconds
from mot_ros.ros.locating.depth_images import to_depths
from mot_ros.ros.locating.located_messages import LocatedFrame
from mot_ros.ros.locating.locator_health import LocatorHealth
from mot_ros.ros.locating.settings import LocatorSettings
from mot_ros.ros.usable_boxes import MOST_BOXES, usable_boxes
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.types import Doubles

DEPTH_KEPT = 30
"""Depth images that may wait for their tracks."""
JUMP = 1_000_000_000
"""Nanoseconds that stamps jump back where a bag begins again."""


class WaitError(FrameError):
    """A part of what a frame needs is missing; `reason` is what it is counted as."""

    def __init__(self, reason: str, explanation: str, *, may_come: bool = True) -> None:
        super().__init__(explanation)
        self.reason = reason
        self.may_come = may_come


@dataclass(eq=False)
class PendingTracks:
    """Tracks that wait, since the monotonic time `arrived`; `boxes` xyxy if all are usable."""

    message: Detection2DArray
    arrived: float
    boxes: Doubles | None = None

    @property
    def stamp(self) -> int:
        """Stamp in nanoseconds."""
        return to_nanoseconds(self.message.header.stamp)


class FrameLocator:
    """
    Turns tracks into located people.

    `take_camera_info` and `take_depth` take the other inputs; transforms are in `buffer`.
    """

    def __init__(
            self, settings: LocatorSettings, buffer: TransformBuffer, health: LocatorHealth
            ) -> None:
        self._settings = settings
        self._buffer = buffer
        self._health = health
        self._people = WorldFilter()
        self._camera: CameraModel | None = None
        self._camera_frame = ''
        self._fault = ''
        self._info: CameraInfo | None = None
        self._depths: NearestPairs[Image] = NearestPairs(
            round(settings.sync.slop * 1e9), DEPTH_KEPT)
        self._last = 0
        self.camera_position: Doubles = np.zeros(3)
        """Where the camera was (3,) at the last located image, in the target frame."""

    def take_camera_info(self, info: CameraInfo) -> None:
        """Take the calibration that counts from now on."""
        before, self._info = self._info, info
        # an info of the same content but for the stamp is most of them
        if before is not None and all(
                np.array_equal(getattr(before, name), getattr(info, name))
                for name in ('d', 'k', 'p', 'distortion_model', 'width', 'height', 'binning_x',
                             'binning_y', 'roi')) and (
                before.header.frame_id == info.header.frame_id):
            return
        self._camera, self._camera_frame, self._fault = None, info.header.frame_id, ''
        try:
            self._camera = CameraModel.of(info, rectified=self._settings.rectified)
        except FrameError as error:
            self._fault = str(error)

    def take_depth(self, image: Image) -> None:
        """Take a depth image, until its tracks come."""
        self._depths.put(to_nanoseconds(image.header.stamp), image)

    def locate(
            self, tracks: PendingTracks, waiting: Iterable[int], *, last: bool) -> LocatedFrame:
        """
        Return the located people of tracks.

        Raises WaitError where something is missing that may come, unless this is the `last`
        try: then a depth image is done without. `waiting` are the stamps of the tracks that come
        after.
        """
        message, stamp = tracks.message, tracks.stamp
        if stamp < self._last - JUMP:
            self._people.clear()
        camera = self._camera_of(message.header.frame_id)
        to_ground, to_target = self._poses(message.header.frame_id, stamp)
        image = self._depth_of(message, camera, waiting, last=last)

        begin = time.monotonic()
        detections, boxes = message.detections, tracks.boxes
        if boxes is None:
            detections, corners, unusable = usable_boxes(message, MOST_BOXES, scored=False)
            self._health.left_out.update(unusable)
            boxes = np.array(corners, np.float64).reshape(-1, 4)
        placed = self._placed(boxes, image, camera, to_ground).moved(to_target)
        kept = [detections[row] for row in placed.rows]
        state = self._people.update(
            stamp * 1e-9, [detection.id for detection in kept], placed)
        self._health.located(placed)
        self._health.spend('place', time.monotonic() - begin)
        self._last = stamp
        self.camera_position = to_target.after(to_ground).translation
        header = type(message.header)(
            stamp=message.header.stamp, frame_id=self._settings.target_frame)
        return LocatedFrame(header, kept, placed, state)

    def _camera_of(self, frame_id: str) -> CameraModel:
        if self._info is None:
            raise WaitError(
                'no camera_info', 'no camera_info has come: remap camera_info to the topic of '
                'the calibration, which most drivers publish beside the image')
        if self._camera is None:
            raise WaitError('camera_info cannot be used', self._fault)
        if self._camera_frame != frame_id:
            raise WaitError(
                'camera_info of another frame', f'camera_info is that of the frame '
                f'{self._camera_frame!r}, but the tracks are in {frame_id!r}: remap camera_info '
                'to the one of the camera that is tracked')
        return self._camera

    def _poses(self, frame_id: str, stamp: int) -> tuple[Transform, Transform]:
        """Return the transforms from the camera to the ground, and from there to the target."""
        target, ground = self._settings.target_frame, self._settings.ground_frame or None
        try:
            if ground is None:
                return self._buffer.lookup(target, frame_id, stamp), Transform.identity()
            return (self._buffer.lookup(ground, frame_id, stamp),
                    self._buffer.lookup(target, ground, stamp))
        except NoTransformError as error:
            raise WaitError(error.reason, str(error), may_come=error.may_come) from error

    def _depth_of(
            self, message: Detection2DArray, camera: CameraModel, waiting: Iterable[int], *,
            last: bool) -> tuple[NDArray[Any], float] | None:
        """Return the depth image that belongs to tracks, None where none does."""
        if not self._settings.depth:
            return None
        stamp = to_nanoseconds(message.header.stamp)
        found = self._depths.nearest(stamp, waiting)
        if not last and not (found.settled if found else self._depths.has_passed(stamp)):
            raise WaitError('no depth image', 'no depth image has come')
        try:
            depths = self._checked(found, message, camera)
        except ImageError as error:
            self._health.without_depth[error.reason] += len(message.detections)
            self._health.depth_problem = str(error)
            return None
        return depths

    def _checked(
            self, found: NearestItem[Image] | None, message: Detection2DArray,
            camera: CameraModel) -> tuple[NDArray[Any], float]:
        """Return the pixels of a depth image and their unit; ImageError if they do not fit."""
        if found is None:
            raise ImageError('no depth image in time', (
                f'no depth image has a stamp within sync.slop = {self._settings.sync.slop:g} s '
                'of the image: raise it, or remap depth'))
        self._depths.drop_until(found.stamp)
        frame, size = found.item.header.frame_id, (found.item.width, found.item.height)
        if frame != message.header.frame_id:
            raise ImageError('depth image of another frame', (
                f'depth images are in the frame {frame!r}, but the tracks in '
                f'{message.header.frame_id!r}: take the depth that is registered to the image '
                'of the tracks'))
        if size != camera.size:
            raise ImageError('depth image of another size', (
                f'depth images have {size[0]} x {size[1]} pixels, but the image of the tracks '
                f'{camera.size[0]:g} x {camera.size[1]:g}: take the depth that is registered '
                'to it'))
        depths = to_depths(found.item)
        self._health.pair((to_nanoseconds(message.header.stamp) - found.stamp) * 1e-9)
        return depths

    def _placed(
            self, boxes: Doubles, image: tuple[NDArray[Any], float] | None, camera: CameraModel,
            to_ground: Transform) -> Placements:
        chosen = self._settings.placement
        if self._settings.ground_frame:
            depths = None if image is None else read_depths(image[0], boxes, image[1])
            return place(boxes, depths, camera, to_ground, chosen)
        depths = np.full(len(boxes), np.nan) if image is None else read_depths(
            image[0], boxes, image[1])
        return place_by_depth(boxes, depths, camera, to_ground, chosen, on_ground=False)
