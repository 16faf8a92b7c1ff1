# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Box arithmetic on (N, 4) arrays: xyxy pixels, x = 0 is the left edge of the first pixel."""

from __future__ import annotations

import numpy as np

from mot_ros.tracking.types import Doubles, Floats


def xyxy_to_cxcywh(boxes: Floats) -> Floats:
    """Convert corners to centre and size, (N, 4) to (N, 4)."""
    size = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] + size / 2, size], axis=1)


def cxcywh_to_xyxy(boxes: Floats) -> Floats:
    """Convert centre and size to corners, (N, 4) to (N, 4)."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def centres(boxes: Floats | Doubles) -> Doubles:
    """Return the centres (N, 2) of boxes (N, 4), in double precision."""
    middle: Doubles = (boxes[:, :2].astype(np.float64) + boxes[:, 2:]) / 2
    return middle


def centre_distances(a: Floats, b: Floats) -> Floats:
    """Return the distances (N, M) between the centres of boxes (N, 4) and (M, 4)."""
    first, second = ((part[:, :2] + part[:, 2:]) / 2 for part in (a, b))
    apart: Floats = np.hypot(
        first[:, None, 0] - second[None, :, 0], first[:, None, 1] - second[None, :, 1])
    return apart


def area(boxes: Floats) -> Floats:
    """Return the areas (N,); the area of an inverted box is 0."""
    x1, y1, x2, y2 = boxes.T
    result: Floats = np.maximum(x2 - x1, 0) * np.maximum(y2 - y1, 0)
    return result


def clip(boxes: Floats, size: tuple[int, int]) -> Floats:
    """Clip boxes to an image of (width, height); a box outside gets zero area."""
    width, height = size
    limit = np.asarray([width, height, width, height], boxes.dtype)
    return np.clip(boxes, 0, limit)


def iou(a: Floats, b: Floats) -> Floats:
    """
    Return intersection over union (IoU), (N, M).

    Computed on column planes in place: five times faster than broadcasting (N, M, 2) from a few
    hundred boxes on.
    """
    ax1, ay1, ax2, ay2 = (column[:, None] for column in a.T)
    bx1, by1, bx2, by2 = b.T
    width = np.minimum(ax2, bx2)
    width -= np.maximum(ax1, bx1)
    np.maximum(width, 0, out=width)
    height = np.minimum(ay2, by2)
    height -= np.maximum(ay1, by1)
    np.maximum(height, 0, out=height)
    width *= height
    union = np.add(area(a)[:, None], area(b), out=height)
    union -= width
    # two empty boxes have IoU 0
    np.divide(width, union, out=width, where=union > 0)
    result: Floats = width
    return result


def iou_of_pairs(a: Floats, b: Floats) -> Floats:
    """Return IoU of row i of `a` with row i of `b`, (N,)."""
    corner = np.maximum(a[:, :2], b[:, :2])
    shared = area(np.concatenate([corner, np.minimum(a[:, 2:], b[:, 2:])], axis=1))
    union = area(a) + area(b) - shared
    result: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result
