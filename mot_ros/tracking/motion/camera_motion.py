# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Camera motion compensation (CMC, in BoT-SORT GMC): the warp from one frame to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from mot_ros.tracking.motion.image_registration import (
    Aligner,
    Ecc,
    Grey,
    plausible,
    SparseFlow,
    StillnessCheck,
)
from mot_ros.tracking.motion.warp import Warp
from mot_ros.tracking.types import Doubles, Floats, Frame

MODES = ('auto', 'on', 'off')
if TYPE_CHECKING:
    from mot_ros.tracking.config import CameraMotionSettings

METHODS = ('flow', 'ecc', 'external')

STILL = 0.25
"""
Pixels of the small image by which its median corner may move while the camera stands still; the
image's corners, which move most under rotation and zoom, may move twice as much.
"""


class CameraMotion:
    """
    Estimate the warp from the last frame to this one, frame by frame.

    `mode`: `on` always estimates, `auto` only where a StillnessCheck on a few corners finds
    motion, `off` never; in `auto` a standing camera gives exactly the identity. `method`: `flow`
    (sparse optical flow on up to `corners` corners) or `ecc`, both on images of at most `width`
    pixels across; `external` takes the caller's warp. If no motion can be estimated (no image, no
    structure, no agreement), the warp is the identity with `ok` False, counted in `failures`.
    """

    def __init__(self, mode: str, method: str, width: int, corners: int) -> None:
        self._mode, self._method, self._width = mode, method, width
        self._aligner: Aligner = Ecc() if method == 'ecc' else SparseFlow(corners)
        self.failures = 0
        """Frames since construction whose motion could not be estimated."""
        self.estimates = 0
        """Frames since construction whose images were registered."""
        self.reset()

    @classmethod
    def of(cls, settings: CameraMotionSettings) -> CameraMotion:
        """Make a CameraMotion from settings."""
        return cls(settings.mode, settings.method, settings.width, settings.corners)

    def reset(self) -> None:
        """Drop the last frame, so that the next one has no predecessor."""
        self._last: Grey | None = None
        self._stillness = StillnessCheck()
        self._size = (0, 0)
        self._objects = np.zeros((0, 4), np.float32)

    def estimate(self, frame: Frame, objects: Floats, given: Doubles | None = None) -> Warp:
        """
        Return the warp of the image since the last call; call it exactly once per frame.

        `objects` (N, 4) xyxy are boxes of moving objects in this frame, masked out when the next
        frame is registered against it. `given` (2, 3) is a warp from another source, such as a
        gyroscope, and overrides the images. The first frame and one of another size give the
        identity.
        """
        if self._mode == 'off':
            return Warp.identity()
        if given is not None:
            self.reset()
            return self._checked(np.asarray(given, np.float64), frame.size)
        if self._method == 'external' or frame.image is None:
            return self._failed()
        last, known, same_size = self._last, self._objects, frame.size == self._size
        now = self._last = self._grey(frame)
        self._objects, self._size = objects, frame.size
        if last is None or not same_size:
            self._stillness.forget()
            return Warp.identity()
        if self._mode == 'auto' and self._stillness.shift(last, now) < STILL:
            return Warp.identity()
        self.estimates += 1
        self._stillness.forget()
        matrix = self._aligner.align(last, now, _mask(last, known, frame.size))
        if matrix is None:
            return self._failed()
        if self._mode == 'auto' and Warp(matrix).shift(now.shape[::-1]) < 2 * STILL:
            self._stillness.detect(now, _mask(now, objects, frame.size))
            return Warp.identity()
        return self._checked(_at_size(matrix, now, frame.size), frame.size)

    def _checked(self, matrix: Doubles, size: tuple[int, int]) -> Warp:
        if matrix.shape != (2, 3) or not plausible(matrix, size):
            return self._failed()
        return Warp(matrix)

    def _failed(self) -> Warp:
        self.failures += 1
        return Warp.identity(ok=False)

    def _grey(self, frame: Frame) -> Grey:
        """Return the image in grey, halved until it is small."""
        image = frame.require_image('camera motion compensation needs one')
        width, height = frame.size
        while width > self._width:
            # every halving on its own: twice as fast as one step to the same size
            width, height = -(-width // 2), -(-height // 2)
            if isinstance(image, np.ndarray):
                image = np.asarray(
                    cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        if not isinstance(image, np.ndarray):
            from mot_ros.tracking.runtime.resize import resized

            image = np.asarray(resized(image, (width, height)).cpu())
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _mask(grey: Grey, boxes: Floats, size: tuple[int, int]) -> Grey:
    """Return a mask of a small image: 0 inside boxes (N, 4) of the full image, 255 elsewhere."""
    mask = np.full(grey.shape, 255, np.uint8)
    limits = np.array([*grey.shape[::-1]] * 2)
    corners = np.clip(np.nan_to_num(boxes) * limits / [*size, *size], 0, limits)
    whole = np.concatenate([np.floor(corners[:, :2]), np.ceil(corners[:, 2:])], axis=1)
    for x1, y1, x2, y2 in whole.astype(int).tolist():
        mask[y1:y2, x1:x2] = 0
    return mask


def _at_size(matrix: Doubles, grey: Grey, size: tuple[int, int]) -> Doubles:
    """Convert a warp between indices of small images to one between pixels of full images."""
    scale = np.array(size) / grey.shape[::-1]
    # index i is the centre of a pixel, (i + 0.5) * scale from the left edge
    linear = matrix[:, :2] * scale[:, None] / scale
    return np.column_stack([
        linear, (matrix[:, 2] + 0.5) * scale - linear @ (0.5 * scale)])
