# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Register two grey images by sparse optical flow or ECC, in bounded work and without raising."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.types import Doubles

Grey = NDArray[np.uint8]

LEAST_POINTS = 12
"""Least number of inlier corners; fewer can agree by chance."""
AGREEMENT = 1 / 400
"""RANSAC's inlier distance, as a share of the image's width."""
LEAST_SHARE = 0.4
"""Least share of inlier corners."""
ITERATIONS = 50
"""Maximum iterations of ECC."""
QUALITY = 0.005
"""Least corner strength, relative to the strongest corner."""
APART = 0.8
"""Least distance between corners, relative to the side of the square each would get."""
STILLNESS_CORNERS = 60
"""Corners of a StillnessCheck."""
LARGEST_ZOOM, LARGEST_TURN, LARGEST_SHIFT = 1.5, 0.5, 0.5
"""Largest plausible motion of a camera between two frames: factor, radians, shares of a side."""


_NO_CORNERS = np.zeros((0, 2), np.float32)


class Aligner(Protocol):
    """Register two images."""

    def align(self, before: Grey, after: Grey, mask: Grey) -> Doubles | None:
        """
        Return the (2, 3) matrix from indices of `before` to those of `after`, None if unknown.

        Pixels of `before` where `mask` is 0 are ignored.
        """
        ...


class SparseFlow:
    """
    Fit one motion to corners tracked by pyramidal Lucas-Kanade.

    The motion is a shift, rotation and zoom (partial affine), by RANSAC, as in BoT-SORT's GMC. The
    number of `corners` bounds the time, so equal images give equal motion on every machine.
    """

    def __init__(self, corners: int) -> None:
        self._corners = corners

    def align(self, before: Grey, after: Grey, mask: Grey) -> Doubles | None:
        """Register by tracked corners, see Aligner."""
        start, end = _followed(before, after, _corners(before, self._corners, mask), levels=3)
        if len(start) < LEAST_POINTS:
            return None
        matrix, agree = cv2.estimateAffinePartial2D(
            start, end, method=cv2.RANSAC,
            ransacReprojThreshold=max(1.0, AGREEMENT * before.shape[1]), maxIters=500,
            confidence=0.995, refineIters=10)
        if matrix is None or agree.sum() < max(LEAST_POINTS, LEAST_SHARE * len(start)):
            return None
        return np.asarray(matrix, np.float64)


class Ecc:
    """
    Find the shift and rotation of highest enhanced correlation coefficient (ECC).

    It estimates no zoom, is slower than flow, and is biased by moving objects unless they are
    masked, but needs no corners. At most ITERATIONS iterations.
    """

    def align(self, before: Grey, after: Grey, mask: Grey) -> Doubles | None:
        """Iterate from the identity, see Aligner."""
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ITERATIONS, 1e-4)
        try:
            correlation, matrix = cv2.findTransformECC(
                before, after, np.eye(2, 3, dtype=np.float32), cv2.MOTION_EUCLIDEAN, criteria,
                mask, 5)
        except cv2.error:
            # OpenCV raises this for images without structure and for images that do not converge
            return None
        return np.asarray(matrix, np.float64) if correlation > LEAST_SHARE else None


class StillnessCheck:
    """Check cheaply whether the camera stands still: few corners, rarely detected anew."""

    def __init__(self) -> None:
        self._corners = _NO_CORNERS

    def detect(self, image: Grey, mask: Grey) -> None:
        """Detect new corners where `mask` is not 0."""
        self._corners = _corners(image, STILLNESS_CORNERS, mask)

    def forget(self) -> None:
        """Drop the corners, which belong to another image."""
        self._corners = _NO_CORNERS

    def shift(self, before: Grey, after: Grey) -> float:
        """Return the median shift of the corners in pixels; infinite if they are lost."""
        start, end = _followed(before, after, self._corners, levels=2)
        if len(start) < max(LEAST_POINTS, len(self._corners) / 2):
            return np.inf
        return float(np.median(np.hypot(*(end - start).T)))


def plausible(matrix: Doubles, size: tuple[int, int]) -> bool:
    """Return whether a camera can have moved so between two images of (width, height)."""
    if not np.isfinite(matrix).all():
        return False
    across, down = matrix[:, 0], matrix[:, 1]
    zooms = np.hypot(*across), np.hypot(*down)
    turn = np.arctan2(across[1], across[0])
    centre = np.array(size) / 2
    shift = np.abs(matrix @ [*centre, 1] - centre) / size
    return bool(
        min(zooms) > 1 / LARGEST_ZOOM and max(zooms) < LARGEST_ZOOM
        and abs(turn) < LARGEST_TURN and shift.max() < LARGEST_SHIFT)


def _corners(image: Grey, most: int, mask: Grey) -> NDArray[np.float32]:
    """
    Detect corners (N, 2) with a minimum distance, so that they cover the image.

    Without it all corners could lie on one textured object, whose motion would be taken for the
    camera's.
    """
    apart = max(3.0, APART * (image.size / most) ** 0.5)
    found = cv2.goodFeaturesToTrack(image, most, QUALITY, apart, mask=mask, blockSize=3)
    return _NO_CORNERS if found is None else np.asarray(found, np.float32).reshape(-1, 2)


def _followed(before: Grey, after: Grey, corners: NDArray[np.float32], levels: int) -> tuple[
        NDArray[np.float32], NDArray[np.float32]]:
    """Return the corners (N, 2) that could be tracked, before and after, (M, 2) each."""
    if not len(corners):
        return _NO_CORNERS, _NO_CORNERS
    moved, good, _ = cv2.calcOpticalFlowPyrLK(
        before, after, corners, np.empty_like(corners), winSize=(15, 15), maxLevel=levels,
        criteria=(cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.03))
    kept = good.ravel() == 1
    return corners[kept], np.asarray(moved, np.float32)[kept]
