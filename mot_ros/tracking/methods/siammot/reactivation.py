# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What would start a track wakes one instead that is missing where it appears."""

from __future__ import annotations

import dataclasses

import numpy as np

from mot_ros.tracking.association.assignment import assign, Pairs
from mot_ros.tracking.boxes import centre_distances
from mot_ros.tracking.methods.siammot.solver import SolverResult, TrackCandidates
from mot_ros.tracking.types import Detections, Floats

GROWN = 1.5
"""How many times taller or less tall somebody may come back."""


def reactivate(
        claims: TrackCandidates, expected: Floats, detections: Detections, verdict: SolverResult,
        reach: float, *, class_aware: bool = True) -> tuple[TrackCandidates, SolverResult]:
    """
    Give the detections that would start tracks to tracks that were not found, where they fit.

    A track was `expected` at a box (N, 4), and a detection fits whose centre is within `reach`
    heights of that box, and which is neither GROWN times taller nor less tall; of all pairings
    the nearest is taken. Such a track is seen there after all: its claim becomes the detection.
    That includes tracks lost in this very frame, and those that others suppressed in it. Ours. A
    search that looks for what a person looked like does not find one who comes out from behind a
    pole with half a body first, whom the detector knows for a person all the same.
    """
    idle, new = verdict.inactive, verdict.started
    if not (reach and len(idle) and len(new)):
        return claims, verdict
    before, now = expected[idle], detections.boxes[new]
    height, other = before[:, 3] - before[:, 1], now[:, 3] - now[:, 1]
    apart = centre_distances(before, now) / np.maximum(height, 1)[:, None]
    growth = np.maximum(other, 1) / np.maximum(height, 1)[:, None]
    fits = (apart <= reach) & (growth <= GROWN) & (growth * GROWN >= 1)
    if class_aware:
        fits &= claims.labels[idle][:, None] == detections.labels[new]
    rows, cols = np.nonzero(fits)
    matches = assign(
        Pairs(rows, cols, 1 - apart[rows, cols] / (2 * reach)), fits.shape, 0.0)
    woken, taken = idle[matches.rows], new[matches.cols]
    boxes, scores, labels = claims.boxes.copy(), claims.scores.copy(), claims.labels.copy()
    boxes[woken], scores[woken] = detections.boxes[taken], detections.scores[taken]
    labels[woken] = detections.labels[taken]
    active = np.concatenate([verdict.active, woken])
    order = np.argsort(active)
    return dataclasses.replace(claims, boxes=boxes, scores=scores, labels=labels), SolverResult(
        active[order], np.setdiff1d(idle, woken), np.setdiff1d(new, taken),
        np.concatenate([verdict.matched, taken])[order])
