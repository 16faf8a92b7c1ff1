# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Reactivation of lost tracks by detections that would start new ones."""

from __future__ import annotations

import dataclasses

import numpy as np

from mot_ros.tracking.association.assignment import assign, Pairs
from mot_ros.tracking.boxes import centre_distances
from mot_ros.tracking.methods.siammot.solver import SolverResult, TrackCandidates
from mot_ros.tracking.types import Detections, Floats

GROWN = 1.5
"""Largest ratio of the heights of a lost track and of the detection that reactivates it."""


def reactivate(
        candidates: TrackCandidates, expected: Floats, detections: Detections,
        result: SolverResult, reach: float, *,
        class_aware: bool = True) -> tuple[TrackCandidates, SolverResult]:
    """
    Reactivate lost tracks by detections near their predicted boxes, instead of starting new ones.

    A track was `expected` at a box (N, 4); a detection fits if its centre is within `reach`
    heights of that box and its height within GROWN times the box's. The nearest pairs are
    assigned. The candidate of such a track becomes the detection. Tracks lost or suppressed in
    this very frame count as lost. An addition of ours: a person who reappears half hidden behind
    a pole does not match the template, but the detector still finds a person.
    """
    idle, new = result.inactive, result.started
    if not (reach and len(idle) and len(new)):
        return candidates, result
    before, now = expected[idle], detections.boxes[new]
    height, other = before[:, 3] - before[:, 1], now[:, 3] - now[:, 1]
    distance = centre_distances(before, now) / np.maximum(height, 1)[:, None]
    growth = np.maximum(other, 1) / np.maximum(height, 1)[:, None]
    fits = (distance <= reach) & (growth <= GROWN) & (growth * GROWN >= 1)
    if class_aware:
        fits &= candidates.labels[idle][:, None] == detections.labels[new]
    rows, cols = np.nonzero(fits)
    matches = assign(
        Pairs(rows, cols, 1 - distance[rows, cols] / (2 * reach)), fits.shape, 0.0)
    reactivated, taken = idle[matches.rows], new[matches.cols]
    boxes, scores = candidates.boxes.copy(), candidates.scores.copy()
    labels = candidates.labels.copy()
    boxes[reactivated], scores[reactivated] = detections.boxes[taken], detections.scores[taken]
    labels[reactivated] = detections.labels[taken]
    active = np.concatenate([result.active, reactivated])
    order = np.argsort(active)
    changed = dataclasses.replace(candidates, boxes=boxes, scores=scores, labels=labels)
    return changed, SolverResult(
        active[order], np.setdiff1d(idle, reactivated), np.setdiff1d(new, taken),
        np.concatenate([result.matched, taken])[order])
