# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Disturb detections slightly, to see how far the scores of a tracker move by chance."""

from __future__ import annotations

import numpy as np

from mot_ros.data.datasets.mot import MotRows


def disturbed(
        detections: MotRows, seed: int, *, edges: float = 0.02, scores: float = 0.01,
        dropped: float = 0.03) -> MotRows:
    """
    Return detections with noise, without a share `dropped` of them.

    Edges move by `edges` of the side and scores, in `values`, by `scores` (both 1 sigma).
    """
    random = np.random.default_rng(seed)
    side = np.tile(detections.boxes[:, 2:] - detections.boxes[:, :2], 2)
    moved = MotRows(
        detections.frames, detections.ids,
        detections.boxes + random.normal(0, edges, detections.boxes.shape) * side,
        np.clip(detections.values + random.normal(0, scores, len(detections.values)), 0, 1))
    kept: MotRows = moved[random.random(len(moved)) >= dropped]
    return kept
