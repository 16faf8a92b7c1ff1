# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
IoU variants and motion cues of boxes: BIoU, height IoU, direction consistency (OCM).

Three weak cues without images, each disabled by 0. Detections flicker, so a track is often matched
after gaps in which people moved by more than their width; plain IoU then finds no match or a wrong
one.

- Buffered IoU: expand boxes before taking their IoU (C-BIoU, arXiv 2211.14317, there in two
  passes).
- Height IoU: distinguish people at one place by height, since a more distant one is smaller
  (Hybrid-SORT, arXiv 2308.00783, height-modulated IoU; there multiplied in full).
- Direction consistency: prefer detections along the track's observed direction (OC-SORT, arXiv
  2203.14360, its OCM).
"""

from __future__ import annotations

import numpy as np

from mot_ros.tracking.association.assignment import overlapping, Pairs
from mot_ros.tracking.boxes import centres
from mot_ros.tracking.types import Doubles, Floats


def buffered_iou(a: Floats, b: Floats, part: float) -> Pairs:
    """Return the pairs of expanded boxes (N, 4) and (M, 4) that overlap, valued by that IoU."""
    return overlapping(expand(a, part), expand(b, part))


def expand(boxes: Floats, part: float) -> Floats:
    """Expand boxes (N, 4) on each side by `part` of their width and height."""
    margin = (boxes[:, 2:] - boxes[:, :2]) * np.float32(part)
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


def height_iou(a: Floats, b: Floats) -> Floats:
    """Return the IoU of vertical extents of row i of `a` and row i of `b` (P,), 0 if disjoint."""
    shared = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    union = np.maximum(a[:, 3], b[:, 3]) - np.minimum(a[:, 1], b[:, 1])
    result: Floats = np.divide(
        np.maximum(shared, 0), union, out=np.zeros_like(shared), where=union > 0)
    return result


def direction_consistency(
        origins: Doubles, observed_directions: Doubles, boxes: Floats) -> Doubles:
    """
    Return the direction consistency of boxes (P, 4) with tracks' observed directions (P, 2).

    `origins` (P, 2) are the starts of the directions. The result is linear in the angle between
    the direction and the line from the origin to the box: 1 straight ahead, 0 at a right angle, -1
    straight behind; 0 for a track without motion and a box at the origin.
    """
    ways = centres(boxes) - origins
    lengths = np.linalg.norm(observed_directions, axis=1) * np.linalg.norm(ways, axis=1)
    cosines = np.divide(
        (observed_directions * ways).sum(
            axis=1), lengths, out=np.zeros_like(lengths), where=lengths > 0)
    result: Doubles = 1 - 2 / np.pi * np.arccos(np.clip(cosines, -1, 1))
    return result
