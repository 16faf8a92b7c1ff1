# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The solver of SiamMOT: which tracks are active, which dormant, which detections start new ones.

arXiv 2105.11595, on inference, and its published code. Plain numpy without state: ids, states
and ages belong to the caller's TrackPool, so time passes on empty frames too.

Boxes are edges, as everywhere outside of the networks. The published code has inclusive pixels
and adds 1 to the sides in every IoU; the right edge of a box is one pixel after the last one,
which is the same up to the scale of the image, so there is no setting for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.types import Detections, Floats, Ints, Mask


@dataclass(frozen=True)
class Rules:
    """
    The thresholds of the solver, named as in the paper; `resume` is that of dormant tracks.

    Of two boxes whose IoU is above `overlap` the less important one goes. With `joint`, as in
    the published code, there is one suppression over tracks and detections, and a track
    suppresses whatever its score. Without, as in the paper and in Tracktor, tracks below their
    threshold are out first, the others suppress each other from `track_overlap` on, detections
    do so from `overlap` on, and then tracks suppress detections. With `class_aware` boxes of
    different classes leave each other alone.
    """

    alpha: float
    beta: float
    resume: float
    overlap: float = 0.5
    track_overlap: float = 0.5
    joint: bool = True
    class_aware: bool = False


@dataclass(frozen=True, eq=False)
class TrackCandidates:
    """
    The box of each of N tracks in this frame, in the order of the TrackPool.

    `boxes` (N, 4) xyxy pixels, `scores` (N,) in [0, 1], `labels` (N,), `dormant` (N,): whether
    the track was so before this frame, `here` (N,): whether it is in the image at all. One that
    is not suppresses nothing and does not go on.
    """

    boxes: Floats
    scores: Floats
    labels: Ints
    dormant: Mask
    here: Mask


@dataclass(frozen=True, eq=False)
class SolverResult:
    """
    Decisions over tracks and detections, as ascending row numbers.

    Each track is in `active` (observed; a dormant one is resumed under its id) or in `inactive`
    (suspended, or still dormant). `started` are the detections that start tracks. `matched` is
    for each active track the detection that it suppressed most clearly, or -1.
    """

    active: Ints
    inactive: Ints
    started: Ints
    matched: Ints


def solve(candidates: TrackCandidates, detections: Detections, rules: Rules) -> SolverResult:
    """
    Suppress tracks and detections of one frame, and decide which tracks go on or start.

    Active tracks come before dormant ones and these before detections, whatever their scores;
    among equals the better score comes first, then the earlier row.
    """
    tracks = len(candidates.boxes)
    boxes = np.concatenate([candidates.boxes, detections.boxes])
    labels = np.concatenate([candidates.labels, detections.labels])
    overlaps = iou(boxes, boxes)
    if rules.class_aware:
        overlaps[labels[:, None] != labels] = 0
    # in the precision of the scores, so that one exactly at its threshold reaches it
    thresholds = np.where(candidates.dormant, rules.resume, rules.alpha).astype(np.float32)
    believed = candidates.scores >= thresholds

    # importance: the published code adds 2 to active, 1 to dormant tracks and 0 to detections
    rank = np.concatenate([np.where(candidates.dormant, 1, 0), np.full(len(detections), 2)])
    scores = np.concatenate([candidates.scores, detections.scores])
    order = np.lexsort((-scores, rank))
    if rules.joint:
        allowed = np.concatenate([candidates.here, np.ones(len(detections), np.bool_)])
        kept = _survivors(order[allowed[order]], overlaps > rules.overlap)
    else:
        kept = _merged(order, overlaps, candidates.here & believed, rules)

    active = np.flatnonzero(kept[:tracks] & believed)
    started = kept[tracks:] & (detections.scores >= rules.beta)
    return SolverResult(
        active, np.setdiff1d(np.arange(tracks), active), np.flatnonzero(started),
        _matched(overlaps[:tracks, tracks:][active], rules.overlap))


def _survivors(order: Ints, over: Mask) -> Mask:
    """Return which rows greedy suppression keeps (N,); rows not in `order` take no part."""
    kept, gone = np.zeros(len(over), np.bool_), np.zeros(len(over), np.bool_)
    for row in order.tolist():
        if not gone[row]:
            kept[row] = True
            gone |= over[row]
    return kept


def _merged(order: Ints, overlaps: Floats, allowed: Mask, rules: Rules) -> Mask:
    """Suppress tracks and detections apart, then detections by tracks (the paper)."""
    tracks = len(allowed)
    is_track = order < tracks
    rows = order[is_track]
    mine = _survivors(rows[allowed[rows]], overlaps > rules.track_overlap)
    theirs = _survivors(order[~is_track], overlaps > rules.overlap)
    return mine | (theirs & ~(overlaps[mine] > rules.overlap).any(axis=0))


def _matched(overlaps: Floats, least: float) -> Ints:
    """Return for each row (K, M) the column that prefers it and that it prefers, or -1."""
    count, columns = overlaps.shape
    if not count or not columns:
        return np.full(count, -1)
    rows, best = np.arange(count), overlaps.argmax(axis=1)
    mutual = (overlaps.argmax(axis=0)[best] == rows) & (overlaps[rows, best] > least)
    return np.where(mutual, best, -1)
