# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Compute the rays of pixels from a sensor_msgs/CameraInfo; needs no ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.types import Doubles

COEFFICIENTS = {
    'plumb_bob': (4, 5), 'rational_polynomial': (8, 12, 14), 'equidistant': (4,), 'fisheye': (4,)}
"""Distortion models and how many numbers their `d` may have."""
FISHEYE = ('equidistant', 'fisheye')
MIDDLE = 0.5
"""From the edge of the first pixel, where boxes count from, to its middle, where K does."""
MISSED = 0.1
"""Pixels that a ray may come back beside its pixel; more means that the inversion failed."""
STEP = 1e-4
"""Step on the plane Z = 1 over which the Jacobian is a difference."""
PRECISELY = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)
"""OpenCV's own five steps leave errors of several pixels in the corners of wide lenses."""


class CameraInfoError(FrameError):
    """camera_info that lacks calibration or has an unknown distortion model."""


class CameraInfo(Protocol):
    """The fields of a sensor_msgs/CameraInfo that matter here."""

    distortion_model: str
    d: Sequence[float]
    k: Sequence[float]
    p: Sequence[float]
    width: int
    height: int
    binning_x: int
    binning_y: int
    roi: Any


@dataclass(frozen=True, eq=False)
class CameraModel:
    """
    A camera that turns pixels of its images into points of the plane Z = 1 of its optical frame.

    `matrix` (3, 3) and `distortion` (N,) are those of the full sensor; `shift` (2,) in pixels is
    the baseline part of P; `binning` (2,) and `offset` (2,) say which part the image shows.
    """

    matrix: Doubles
    distortion: Doubles
    shift: Doubles
    binning: Doubles
    offset: Doubles
    fisheye: bool = False
    size: tuple[float, float] = (0.0, 0.0)
    """Width and height of the image in pixels."""

    @classmethod
    def of(cls, info: CameraInfo, *, rectified: bool) -> CameraModel:
        """
        Return the model for raw images (K and D), or for `rectified` ones (P).

        Raises CameraInfoError for a camera that is not calibrated or of an unknown distortion.
        """
        projection = np.array(info.p, np.float64).reshape(3, 4)
        matrix = projection[:, :3] if rectified else np.array(info.k, np.float64).reshape(3, 3)
        shift = projection[:2, 3] if rectified else np.zeros(2)
        if not (np.isfinite(matrix).all() and np.isfinite(shift).all()
                and matrix[0, 0] > 0 and matrix[1, 1] > 0):
            raise CameraInfoError(
                f'{"P" if rectified else "K"} has the focal lengths {matrix[0, 0]:g} and '
                f'{matrix[1, 1]:g}, so the camera is not calibrated: calibrate it, or have its '
                'driver load the calibration')
        fisheye = not rectified and info.distortion_model in FISHEYE
        distortion = np.array([] if rectified else info.d, np.float64)
        if not (fisheye or distortion.any()):
            distortion = np.zeros(0)
        elif (len(distortion) not in COEFFICIENTS.get(info.distortion_model, ())
              or not np.isfinite(distortion).all()):
            raise CameraInfoError(
                f'distortion_model is {info.distortion_model!r} with d = {distortion.tolist()}; '
                'known are plumb_bob (4 or 5 numbers), rational_polynomial (8, 12 or 14) and '
                'equidistant (4): rectify the images and set rectified to true')
        binning = np.maximum([info.binning_x, info.binning_y], 1.0)
        # a roi of 0 x 0 stands for the whole sensor
        width, height = (info.roi.width or info.width), (info.roi.height or info.height)
        return cls(
            matrix, distortion, shift, binning,
            np.array([info.roi.x_offset, info.roi.y_offset], np.float64), fisheye,
            (float(width // binning[0]), float(height // binning[1])))

    @property
    def straight(self) -> bool:
        """Whether straight lines of the image are straight lines of the plane."""
        return len(self.distortion) == 0

    @property
    def diagonal(self) -> float:
        """The image's diagonal on the plane, in metres; roughly, from the principal point."""
        centre = self.matrix[:2, 2] / self.matrix.diagonal()[:2]
        return float(2 * np.hypot(*centre)) or 1.0

    @property
    def diagonal_pixels(self) -> float:
        """The same in pixels of the image."""
        return float(2 * np.hypot(*(self.matrix[:2, 2] / self.binning))) or 1.0

    def rays(self, pixels: Doubles) -> Doubles:
        """
        Return where on the plane pixels (N, 2) are seen, (N, 2), NaN where nowhere.

        x = 0 is the left edge of the first pixel, as in the boxes.
        """
        points = pixels * self.binning + self.offset - MIDDLE
        if self.straight:
            whole = np.column_stack([points - self.shift, np.ones(len(points))])
            return np.asarray((whole @ np.linalg.inv(self.matrix).T)[:, :2])
        finite = np.isfinite(points).all(1)
        seen = np.full(points.shape, np.nan)
        if finite.any():
            seen[finite] = self._undistort(points[finite])
        return seen

    def pixels(self, rays: Doubles) -> Doubles:
        """Return the pixels (N, 2) of points (N, 2) of the plane Z = 1: the inverse of rays."""
        return (self._project(rays) + MIDDLE - self.offset) / self.binning

    def jacobians(self, rays: Doubles) -> Doubles:
        """Return d ray / d pixel at points (N, 2) of the plane Z = 1, (N, 2, 2)."""
        if self.straight:
            constant = np.linalg.inv(self.matrix[:2, :2]) * self.binning
            return np.broadcast_to(constant, (len(rays), 2, 2))
        steps = rays[:, None] + STEP * np.concatenate([np.eye(2), -np.eye(2)])
        pixels = self.pixels(steps.reshape(-1, 2)).reshape(-1, 4, 2)
        forward = (pixels[:, :2] - pixels[:, 2:]).transpose(0, 2, 1) / (2 * STEP)
        (a, b), (c, d) = forward[:, 0].T, forward[:, 1].T
        adjugate = np.stack([d, -b, -c, a], 1).reshape(-1, 2, 2)
        with np.errstate(divide='ignore', invalid='ignore'):
            return np.asarray(adjugate / (a * d - b * c)[:, None, None])

    def _project(self, rays: Doubles) -> Doubles:
        """Return the points of the sensor (N, 2), counted from the first pixel's middle."""
        space = np.column_stack([rays, np.ones(len(rays))])
        if self.straight:
            return np.asarray((space @ self.matrix.T)[:, :2] + self.shift)
        project = cv2.fisheye.projectPoints if self.fisheye else cv2.projectPoints
        if not len(rays):
            return rays
        still = np.zeros(3)
        points, _ = project(space[:, None], still, still, self.matrix, self.distortion)
        return np.asarray(points, np.float64).reshape(-1, 2)

    def _undistort(self, points: Doubles) -> Doubles:
        """Return the rays of finite points of the sensor, NaN where the lens has none."""
        lens = self.matrix, self.distortion
        source = np.ascontiguousarray(points[:, None])
        if self.fisheye:
            rays = cv2.fisheye.undistortPoints(source, *lens)
        else:
            rays = cv2.undistortPointsIter(source, *lens, np.eye(3), np.eye(3), PRECISELY)
        found = np.asarray(rays, np.float64).reshape(-1, 2)
        # far outside of what the lens shows the inversion does not converge
        with np.errstate(invalid='ignore'):
            missed = ~(np.abs(self._project(found) - points).max(1) < MISSED)
        found[missed] = np.nan
        return found
