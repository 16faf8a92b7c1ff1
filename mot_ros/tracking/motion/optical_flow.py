# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Optical flow: shift boxes of the last frame by the flow inside them.

The function H of SMOT (arXiv 2010.16031, section 4.2) and "Faster-RCNN + Flow" of the SiamMOT
paper: compute dense flow between two images, take its mean or median in each box, shift the box by
it.
"""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.motion.camera_motion import CameraMotion
from mot_ros.tracking.types import Floats, Frame

NEED = 'optical flow needs one'
"""Why a frame needs an image."""
KINDS = ('none', 'farneback', 'dis', 'camera')
REDUCTIONS = ('mean', 'median')
LEAST_SIDE = 16
"""Least side of an image in pixels; a smaller one has no flow."""
MARGIN = 0.25
"""Margin around the last boxes, relative to their side, that the camera's mask covers."""


class DenseFlow(Protocol):
    """
    Compute the motion of every pixel: Farneback, DIS, or a custom network.

    The result of `prepare` is kept for one frame and passed back as `last`, so that a network can
    reuse its features.
    """

    def prepare(self, frame: Frame) -> Any:
        """Prepare a frame; FrameError if it has no 8-bit image."""
        ...

    def between(self, last: Any, now: Any) -> Floats:
        """
        Return the motion (h, w, 2) float32 from one prepared frame to the next.

        x and y are in pixels of the field, whose size (w, h) is free and covers the whole image.
        """
        ...


class BoxMotion(Protocol):
    """Move boxes from the last frame to this one."""

    @property
    def needs_image(self) -> bool:
        """Whether a frame without an image is refused."""
        ...

    def move(self, frame: Frame, boxes: Floats) -> Floats:
        """
        Move boxes (N, 4) xyxy of the last frame to this one.

        Call it exactly once per frame, also without boxes. After `reset`, and when the image size
        changes, boxes stay.
        """
        ...

    def reset(self) -> None:
        """Drop the last frame."""
        ...


class NoMotion:
    """Keep boxes in place: tracking by IoU from frame to frame."""

    needs_image = False

    def move(self, frame: Frame, boxes: Floats) -> Floats:
        """Return the boxes unchanged."""
        return boxes

    def reset(self) -> None:
        """Do nothing; there is no state."""


class FlowMotion:
    """
    Shift boxes by the mean or median flow inside them; sizes stay.

    Flow is computed only in frames with boxes to move.
    """

    needs_image = True

    def __init__(self, flow: DenseFlow, reduction: str = 'mean') -> None:
        if reduction not in REDUCTIONS:
            raise ConfigError(
                f'the reduction of flow is {reduction!r}; choose one of {", ".join(REDUCTIONS)}')
        self._flow = flow
        self._shifts = mean_shifts if reduction == 'mean' else median_shifts
        self.reset()

    def reset(self) -> None:
        """Drop the last frame."""
        self._last: Any = None
        self._size = (0, 0)

    def move(self, frame: Frame, boxes: Floats) -> Floats:
        """Move boxes (N, 4) of the last frame to this one."""
        last, now, same_size = self._last, self._flow.prepare(frame), frame.size == self._size
        self._last, self._size = now, frame.size
        if last is None or not same_size or not len(boxes):
            return boxes
        shifts = self._shifts(self._flow.between(last, now), boxes, frame.size)
        moved: Floats = boxes + np.tile(shifts, 2)
        return moved


class CameraMotionModel:
    """Apply the camera's warp to boxes, for cameras that drive, pan or shake."""

    def __init__(self, camera: CameraMotion) -> None:
        self._camera = camera

    needs_image = True

    def reset(self) -> None:
        """Drop the last frame."""
        self._camera.reset()

    def move(self, frame: Frame, boxes: Floats) -> Floats:
        """Move boxes (N, 4) of the last frame to this one."""
        # the boxes in this frame are known only after detection
        reach = MARGIN * (boxes[:, 2:] - boxes[:, :2])
        wide = np.concatenate([boxes[:, :2] - reach, boxes[:, 2:] + reach], axis=1)
        warp = self._camera.estimate(frame, wide)
        if warp.is_identity or not len(boxes):
            return boxes
        half = (boxes[:, 2:] - boxes[:, :2]) * (warp.scale / 2)
        centre = warp.points((boxes[:, :2] + boxes[:, 2:]) / 2)
        return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


class Farneback:
    """
    Farneback's polynomial expansion on a small grey image, as in the published SMOT.

    The longer side is reduced to `side` pixels at equal aspect ratio.
    """

    def __init__(self, side: int = 256) -> None:
        self._side = side

    def prepare(self, frame: Frame) -> NDArray[np.uint8]:
        """Return the small grey image."""
        return small_grey(frame, self._side)

    def between(self, last: NDArray[np.uint8], now: NDArray[np.uint8]) -> Floats:
        """Return the motion (h, w, 2) in pixels of the small image."""
        if min(now.shape) < LEAST_SIDE:
            return np.zeros((*now.shape, 2), np.float32)
        return np.asarray(cv2.calcOpticalFlowFarneback(
            last, now, None, pyr_scale=0.5, levels=3, winsize=15,  # type: ignore[call-overload]
            iterations=3, poly_n=5, poly_sigma=1.2, flags=0), np.float32)


class Dis:
    """Dense inverse search (DIS, arXiv 1603.03590) on a small grey image; several times faster."""

    def __init__(self, side: int = 256) -> None:
        self._side = side
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def prepare(self, frame: Frame) -> NDArray[np.uint8]:
        """Return the small grey image."""
        return small_grey(frame, self._side)

    def between(self, last: NDArray[np.uint8], now: NDArray[np.uint8]) -> Floats:
        """Return the motion (h, w, 2) in pixels of the small image."""
        if min(now.shape) < LEAST_SIDE:
            return np.zeros((*now.shape, 2), np.float32)
        return np.asarray(
            self._search.calc(last, now, None), np.float32)  # type: ignore[call-overload]


def make_box_motion(
        kind: str, side: int = 256, reduction: str = 'mean',
        camera: CameraMotion | None = None) -> BoxMotion:
    """
    Make the BoxMotion of one of KINDS; `side` and `reduction` configure the flow.

    Kind `camera` needs a CameraMotion. Raises ConfigError for another kind.
    """
    if kind == 'none':
        return NoMotion()
    if kind == 'farneback':
        return FlowMotion(Farneback(side), reduction)
    if kind == 'dis':
        return FlowMotion(Dis(side), reduction)
    if kind == 'camera' and camera is not None:
        return CameraMotionModel(camera)
    raise ConfigError(
        f'the motion of boxes is {kind!r}; choose one of {", ".join(KINDS)}, camera with a '
        'CameraMotion')


def small_grey(frame: Frame, side: int) -> NDArray[np.uint8]:
    """
    Return the image in grey, (h, w) uint8, its longer side at most `side` pixels.

    Subsamples without smoothing, as the published SMOT does; an image on a device is subsampled
    there.
    """
    image = frame.require_image(NEED)
    ratio = min(1.0, side / max(frame.size))
    width, height = (max(1, round(length * ratio)) for length in frame.size)
    if isinstance(image, np.ndarray):
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST)
    else:
        rows, columns = (
            np.minimum(np.arange(count) * (length / count), length - 1).astype(np.int64)
            for count, length in ((height, frame.size[1]), (width, frame.size[0])))
        small = np.asarray(image[rows.tolist()][:, columns.tolist()].cpu())
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def mean_shifts(field: Floats, boxes: Floats, size: tuple[int, int]) -> Floats:
    """
    Return the mean motion (N, 2) inside boxes (N, 4), both in pixels of an image of `size`.

    `field` (h, w, 2) is in its own pixels. Integral images serve all boxes at once: the time
    hardly depends on their number and not on their area. A box outside the image does not move.
    """
    cells, inside = _cells(boxes, field.shape[:2], size)
    left, top, right, bottom = cells.T
    sums = cv2.integral(_finite(field), sdepth=cv2.CV_64F)
    total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    mean = total / ((right - left) * (bottom - top))[:, None]
    return _at_size(mean * inside[:, None], field.shape[:2], size)


def median_shifts(field: Floats, boxes: Floats, size: tuple[int, int]) -> Floats:
    """Return the median motion (N, 2) of x and of y inside boxes, see mean_shifts."""
    cells, inside = _cells(boxes, field.shape[:2], size)
    field = _finite(field)
    middle = np.zeros((len(boxes), 2))
    for row in np.flatnonzero(inside).tolist():
        left, top, right, bottom = cells[row]
        middle[row] = np.median(field[top:bottom, left:right].reshape(-1, 2), axis=0)
    return _at_size(middle, field.shape[:2], size)


def _cells(
        boxes: Floats, shape: tuple[int, ...],
        size: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """
    Return the pixels (N, 4) of a field that boxes cover, and which boxes are in it (N,).

    At least one pixel each, clipped to the field; the published SMOT does not clip and reads other
    rows.
    """
    limits = np.array([shape[1], shape[0]])
    corners = np.nan_to_num(boxes.reshape(-1, 2, 2).astype(np.float64)) * limits / size
    inside = np.all((corners[:, 1] > 0) & (corners[:, 0] < limits), axis=1)
    first = np.clip(corners[:, 0], 0, limits - 1).astype(np.int64)
    end = np.clip(np.clip(corners[:, 1], 0, limits).astype(np.int64), first + 1, limits)
    return np.concatenate([first, end], axis=1), inside


def _finite(field: Floats) -> Floats:
    """Replace non-finite flow by zero."""
    return np.nan_to_num(field, nan=0.0, posinf=0.0, neginf=0.0)


def _at_size(shifts: NDArray[np.float64], shape: tuple[int, ...], size: tuple[int, int]) -> Floats:
    """Convert shifts in pixels of a field to pixels of the image."""
    result: Floats = (shifts * (size[0] / shape[1], size[1] / shape[0])).astype(np.float32)
    return result
