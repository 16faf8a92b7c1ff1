# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Frame, Detections and Tracks: validated struct-of-arrays; one index selects all columns."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.errors import FrameError

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Index = NDArray[Any] | slice
"""Row selector of a container: a boolean mask, an integer array or a slice."""

UNKNOWN_SIZE = (0, 0)
"""Size of a frame without image, whose width and height are unknown."""

_Columns = TypeVar('_Columns', bound='_Struct')


class TrackState(IntEnum):
    """Life-cycle state of a track; the numbers equal those of mot_ros_msgs/Track."""

    TENTATIVE = 0
    """Too few observations to be published."""
    CONFIRMED = 1
    """Published; observed in this frame, or in the last frame with detection."""
    LOST = 2
    """Confirmed before, not observed in this frame, still searched for."""


@dataclass(frozen=True)
class Frame:
    """
    One camera image and its acquisition time.

    `image` is (H, W, 3) uint8 BGR, in host memory or a tensor on a device, or None for boxes
    alone. `stamp` is in seconds, `size` is (width, height) in pixels, UNKNOWN_SIZE without image.
    `detections` come from an external detector. `copies` holds the uploads of runtime/upload.py.
    """

    image: NDArray[np.uint8] | torch.Tensor | None
    stamp: float
    size: tuple[int, int]
    detections: Detections | None = None
    copies: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        width, height = self.size
        unknown = self.image is None and self.size == UNKNOWN_SIZE
        if (width <= 0 or height <= 0) and not unknown:
            raise FrameError(f'image size is {width}x{height}; both sides must be positive')
        if not np.isfinite(self.stamp):
            raise FrameError(f'stamp is {self.stamp}; it must be a finite number of seconds')
        if self.image is not None and tuple(self.image.shape) != (height, width, 3):
            raise FrameError(
                f'image has shape {tuple(self.image.shape)}, expected ({height}, {width}, 3): '
                'decode it to 8-bit BGR first')

    @staticmethod
    def of(image: NDArray[np.uint8], stamp: float) -> Frame:
        """Wrap a BGR image (H, W, 3) taken at `stamp` seconds."""
        return Frame(image, stamp, (int(image.shape[1]), int(image.shape[0])))

    def require_image(self, need: str) -> NDArray[np.uint8] | torch.Tensor:
        """
        Return the image (H, W, 3) uint8 BGR, in host memory or on its device.

        Raises FrameError for a frame without image, with the reason `need`, and for an image
        that is not 8-bit.
        """
        if self.image is None:
            raise FrameError(f'the frame has no image, and {need}')
        kind = str(self.image.dtype).rpartition('.')[2]
        if kind != 'uint8':
            raise FrameError(f'the image is of type {kind}; convert it to 8-bit BGR (uint8)')
        return self.image

    def at(self, stamp: float) -> Frame:
        """Return the same frame with another stamp; both share their device copies."""
        frame = dataclasses.replace(self, stamp=stamp)
        object.__setattr__(frame, 'copies', self.copies)
        return frame


def in_state(states: NDArray[np.uint8], state: TrackState) -> NDArray[np.bool_]:
    """Return a mask (N,) of the states equal to `state`."""
    # NumPy compares with an enum five times slower than with an int
    result: NDArray[np.bool_] = states == int(state)
    return result


class _Struct:
    """Columns of equal length: `len`, selection by one index, concatenation."""

    boxes: Floats

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self: _Columns, index: Index) -> _Columns:
        # rows of a validated container need no second validation
        part = object.__new__(type(self))
        vars(part).update({name: column[index] for name, column in self.columns().items()})
        return part

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by field name, in the order of declaration."""
        return vars(self)

    @classmethod
    def concatenate(cls: type[_Columns], *parts: _Columns) -> _Columns:
        """Join the rows of several containers, in order."""
        columns = [part.columns() for part in parts]
        return cls(**{name: np.concatenate([c[name] for c in columns]) for name in columns[0]})


@dataclass(frozen=True, eq=False)
class Detections(_Struct):
    """
    Detections of one image.

    `boxes` (N, 4) float32 xyxy in pixels of the input image (x = 0 is the left edge of the first
    pixel), `scores` (N,) in [0, 1], `labels` (N,) class indices. Raises FrameError on anything
    else, since one NaN would spread to every track.
    """

    boxes: Floats
    scores: Floats
    labels: Ints

    def __post_init__(self) -> None:
        boxes = np.asarray(self.boxes, np.float32)
        boxes = boxes.reshape(-1, 4) if boxes.size == 0 else boxes
        scores, labels = np.asarray(self.scores, np.float32), np.asarray(self.labels, np.int64)
        object.__setattr__(self, 'boxes', boxes)
        object.__setattr__(self, 'scores', scores)
        object.__setattr__(self, 'labels', labels)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise FrameError(f'boxes have shape {boxes.shape}, expected (N, 4) xyxy pixels')
        if not len(boxes) == scores.size == labels.size or scores.ndim != 1 or labels.ndim != 1:
            raise FrameError(
                f'{len(boxes)} boxes, scores of shape {scores.shape} and labels of shape '
                f'{labels.shape}; one score and one label per box are needed')
        if not len(boxes):
            return
        if not np.isfinite(boxes).all():
            row = int(np.argmin(np.isfinite(boxes).all(axis=1)))
            raise FrameError(f'box {row} is {boxes[row].tolist()}; coordinates must be finite')
        if not (boxes[:, 2:] > boxes[:, :2]).all():
            row = int(np.argmin((boxes[:, 2:] > boxes[:, :2]).all(axis=1)))
            raise FrameError(
                f'box {row} is {boxes[row].tolist()}; it needs x1 < x2 and y1 < y2')
        if not ((scores >= 0) & (scores <= 1)).all():
            row = int(np.argmin((scores >= 0) & (scores <= 1)))
            raise FrameError(f'score {row} is {scores[row]}; scores must lie in [0, 1]')

    @staticmethod
    def empty() -> Detections:
        """Return no detections."""
        return Detections(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class Tracks(_Struct):
    """
    All live tracks after one frame.

    `boxes` (N, 4) float32 xyxy pixels, filtered, not clipped; `scores` (N,) of the last detection;
    `labels` (N,); `ids` (N,) from 1; `states` (N,) TrackState; `ages` (N,) seconds since birth;
    `unseen` (N,) seconds since the last observation; `velocities` (N, 2) of the box centre in
    pixels/s; `visibilities` (N,) in [0, 1]; `sources` (N,) the row of the matched detection of
    this frame, or -1.
    """

    boxes: Floats
    scores: Floats
    labels: Ints
    ids: Ints
    states: NDArray[np.uint8]
    ages: Floats
    unseen: Floats
    velocities: Floats
    visibilities: Floats
    sources: Ints

    @property
    def observed(self) -> Tracks:
        """Confirmed tracks, the ones that are published."""
        return self[in_state(self.states, TrackState.CONFIRMED)]
