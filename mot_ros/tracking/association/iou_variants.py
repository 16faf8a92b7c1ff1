# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
What a pair of a track and a detection is worth by their boxes alone, beyond plain overlap.

Three weak cues that need no image, each switched off by a 0. Detections flicker, so that a track
is looked for after gaps in which people moved by more than their width; then overlap alone finds
nobody or the wrong one.

- Boxes are grown before their overlap is taken (C-BIoU, arXiv 2211.14317, there in two passes).
- People in one place are told apart by their heights, as who stands farther away is smaller
  (Hybrid-SORT, arXiv 2308.00783, section on the height-modulated IoU; there multiplied in full).
- Who goes on as he went is preferred to who turned (OC-SORT, arXiv 2203.14360, its momentum).
"""

from __future__ import annotations

import numpy as np

from mot_ros.tracking.association.assignment import overlapping, Pairs
from mot_ros.tracking.boxes import centres
from mot_ros.tracking.types import Doubles, Floats


def buffered_iou(a: Floats, b: Floats, part: float) -> Pairs:
    """Return every pair of boxes (N, 4), (M, 4) that overlap once grown, valued by that IoU."""
    return overlapping(expand(a, part), expand(b, part))


def expand(boxes: Floats, part: float) -> Floats:
    """Return boxes (N, 4) that reach farther to each side, by `part` of their own size."""
    margin = (boxes[:, 2:] - boxes[:, :2]) * np.float32(part)
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


def height_iou(a: Floats, b: Floats) -> Floats:
    """Return IoU along y alone of row i of `a` with row i of `b` (P,), 0 where they are apart."""
    shared = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    union = np.maximum(a[:, 3], b[:, 3]) - np.minimum(a[:, 1], b[:, 1])
    result: Floats = np.divide(
        np.maximum(shared, 0), union, out=np.zeros_like(shared), where=union > 0)
    return result


def direction_consistency(
        origins: Doubles, observed_directions: Doubles, boxes: Floats) -> Doubles:
    """
    Return how well boxes (P, 4) lie on the observed directions (P, 2) of tracks.

    The tracks come from `origins` (P, 2).

    1 straight ahead, 0 at a right angle, -1 straight behind, linear in the angle; 0 for a track
    that went nowhere and a box where a track comes from.
    """
    ways = centres(boxes) - origins
    lengths = np.linalg.norm(observed_directions, axis=1) * np.linalg.norm(ways, axis=1)
    cosines = np.divide(
        (observed_directions * ways).sum(
            axis=1), lengths, out=np.zeros_like(lengths), where=lengths > 0)
    result: Doubles = 1 - 2 / np.pi * np.arccos(np.clip(cosines, -1, 1))
    return result
