# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""How one grey image became the next: sparse flow and ECC, of bounded work and never raising."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.types import Doubles

Grey = NDArray[np.uint8]

LEAST_POINTS = 12
"""Corners that must agree; of fewer, chance makes a motion."""
AGREEMENT = 1 / 400
"""How far a corner may be from where the others have it, of the image's width."""
LEAST_SHARE = 0.4
"""Share of the corners that must agree."""
ITERATIONS = 50
"""Most steps of ECC."""
QUALITY = 0.005
"""Least strength of a corner, of the strongest one's."""
APART = 0.8
"""Distance between corners, of the side of the square that each would have to itself."""
GLANCES = 60
"""Corners that tell whether the camera stands."""
LARGEST_ZOOM, LARGEST_TURN, LARGEST_SHIFT = 1.5, 0.5, 0.5
"""What no camera does between two frames: factor, radians, shares of the image's side."""


_NO_CORNERS = np.zeros((0, 2), np.float32)


class Aligner(Protocol):
    """A way to align two images."""

    def align(self, before: Grey, after: Grey, mask: Grey) -> Doubles | None:
        """
        Return the (2, 3) matrix from indices of `before` to those of `after`, None if unknown.

        Pixels of `before` where `mask` is 0 are not looked at.
        """
        ...


class SparseFlow:
    """
    Corners followed by pyramidal Lucas-Kanade, and the motion that most of them share.

    Shift, turn and zoom (a partial affine map) by RANSAC, as BoT-SORT has it. At most `corners`
    of them, so that time is bounded without looking at a clock: the same images give the same
    motion.
    """

    def __init__(self, corners: int) -> None:
        self._corners = corners

    def align(self, before: Grey, after: Grey, mask: Grey) -> Doubles | None:
        """Follow corners of `before`, see Aligner."""
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
    The shift and turn that correlate the images best (enhanced correlation coefficient).

    Without zoom, slower than flow, and misled by what moves by itself unless it is masked; but
    it needs no corners. At most ITERATIONS steps.
    """

    def align(self, before: Grey, after: Grey, mask: Grey) -> Doubles | None:
        """Climb from no motion at all, see Aligner."""
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ITERATIONS, 1e-4)
        try:
            correlation, matrix = cv2.findTransformECC(
                before, after, np.eye(2, 3, dtype=np.float32), cv2.MOTION_EUCLIDEAN, criteria,
                mask, 5)
        except cv2.error:
            # what it says of images without structure, and of those that are not alike
            return None
        return np.asarray(matrix, np.float64) if correlation > LEAST_SHARE else None


class StillnessCheck:
    """Tells cheaply whether a camera stands: few corners, followed often, looked for seldom."""

    def __init__(self) -> None:
        self._corners = _NO_CORNERS

    def look(self, image: Grey, mask: Grey) -> None:
        """Take new corners, where `mask` is not 0."""
        self._corners = _corners(image, GLANCES, mask)

    def forget(self) -> None:
        """Have none: where they were is something else now."""
        self._corners = _NO_CORNERS

    def shift(self, before: Grey, after: Grey) -> float:
        """Return how far most of the corners moved, in pixels; infinite if they are lost."""
        start, end = _followed(before, after, self._corners, levels=2)
        if len(start) < max(LEAST_POINTS, len(self._corners) / 2):
            return np.inf
        return float(np.median(np.hypot(*(end - start).T)))


def plausible(matrix: Doubles, size: tuple[int, int]) -> bool:
    """Say whether a camera can have moved so between two images of (width, height)."""
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
    Find corners (N, 2), so far apart that they cover the image.

    Else the sharpest object would have them all, and its motion would pass for the camera's.
    """
    apart = max(3.0, APART * (image.size / most) ** 0.5)
    found = cv2.goodFeaturesToTrack(image, most, QUALITY, apart, mask=mask, blockSize=3)
    return _NO_CORNERS if found is None else np.asarray(found, np.float32).reshape(-1, 2)


def _followed(before: Grey, after: Grey, corners: NDArray[np.float32], levels: int) -> tuple[
        NDArray[np.float32], NDArray[np.float32]]:
    """Return where the corners (N, 2) that can be followed are before and after, (M, 2)."""
    if not len(corners):
        return _NO_CORNERS, _NO_CORNERS
    moved, good, _ = cv2.calcOpticalFlowPyrLK(
        before, after, corners, np.empty_like(corners), winSize=(15, 15), maxLevel=levels,
        criteria=(cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.03))
    kept = good.ravel() == 1
    return corners[kept], np.asarray(moved, np.float32)[kept]
