# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
How good tracks are against a truth: a thin adapter over TrackEval, and average precision.

TrackEval is the reference implementation; its metric classes are fed directly, without its
layout of folders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from mot_ros.data.datasets.mot import Doubles, MotRows
from mot_ros.evaluation.scores.trackeval_import import reference
from mot_ros.tracking import boxes


@dataclass(frozen=True)
class Scores:
    """Scores of one sequence: fractions (1 is perfect, MOTA may be negative) and counts."""

    hota: float
    """Averaged over the IoU thresholds .05 to .95, as are deta and assa."""
    deta: float
    assa: float
    mota: float
    idf1: float
    switches: int
    false_positives: int
    misses: int
    truth_boxes: int


def score(truth: MotRows, tracks: MotRows, iou: float = 0.5) -> Scores:
    """
    Score tracks against a truth; `iou` is the least overlap of a match in CLEAR and Identity.

    Follows TrackEval's MOT15 rule: truth that is not considered is dropped beforehand, so that
    missing it costs nothing, while a track on it counts as false.
    """
    data = pair_up(truth[truth.values != 0], tracks)
    config = {'THRESHOLD': iou, 'PRINT_CONFIG': False}
    with reference() as metrics:
        hota = metrics.HOTA().eval_sequence(data)
        clear = metrics.CLEAR(dict(config)).eval_sequence(data)
        identity = metrics.Identity(dict(config)).eval_sequence(data)
    return Scores(
        hota=float(np.mean(hota['HOTA'])), deta=float(np.mean(hota['DetA'])),
        assa=float(np.mean(hota['AssA'])), mota=float(clear['MOTA']),
        idf1=float(identity['IDF1']), switches=int(clear['IDSW']),
        false_positives=int(clear['CLR_FP']), misses=int(clear['CLR_FN']),
        truth_boxes=data['num_gt_dets'])


def average_precision(truth: MotRows, detections: MotRows, iou: float = 0.5) -> float:
    """
    Return the area under the precision-recall curve, interpolated at all points.

    Best score first, over all frames, each detection takes the free truth box that it overlaps
    most, if by `iou` at least. A detection that finds none free but lies on truth that is not
    considered counts neither way.
    """
    considered = int((truth.values != 0).sum())
    fits = matched_overlaps(truth, detections, iou)
    counted = ~np.isnan(fits)
    if not considered or not counted.any():
        return 0.0
    order = np.argsort(-detections.values[counted], kind='stable')
    found = np.cumsum(fits[counted][order] > 0)
    precision = found / np.arange(1, len(found) + 1)
    # at every recall the best precision that is reached there or further on
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(found, prepend=0) / considered
    return float(np.sum(steps * envelope))


def matched_overlaps(truth: MotRows, detections: MotRows, iou: float = 0.5) -> Doubles:
    """
    Return how much each detection (N,) overlaps the truth that it takes in average_precision.

    0 where it takes none, and NaN where it counts neither way.
    """
    considered, ignored = truth[truth.values != 0], truth[truth.values == 0]
    fits = np.zeros(len(detections))
    # matching within a frame is independent of the other frames
    for frame in np.unique(detections.frames).tolist():
        span = detections.span(frame)
        seen, fit = detections[span], fits[span]
        shared = overlaps(seen.boxes, considered.at(frame).boxes)
        for row in np.argsort(-seen.values, kind='stable').tolist():
            if shared.shape[1] and shared[row].max() >= iou:
                best = int(shared[row].argmax())
                fit[row] = shared[row, best]
                shared[:, best] = -1
        beside = (overlaps(seen.boxes, ignored.at(frame).boxes) >= iou).any(axis=1)
        fit[beside & (fit == 0)] = np.nan
    return fits


def pair_up(truth: MotRows, tracks: MotRows) -> dict[str, Any]:
    """Return what TrackEval's metrics read: dense ids and overlaps, frame by frame."""
    truth_names, truth_ids = np.unique(truth.ids, return_inverse=True)
    track_names, track_ids = np.unique(tracks.ids, return_inverse=True)
    length = max(truth.last_frame, tracks.last_frame)
    data: dict[str, Any] = {
        'num_timesteps': length,
        'num_gt_ids': len(truth_names), 'num_gt_dets': len(truth),
        'num_tracker_ids': len(track_names), 'num_tracker_dets': len(tracks),
        'gt_ids': [], 'tracker_ids': [], 'similarity_scores': [],
    }
    starts = np.arange(1, length + 2)
    truth_at = np.searchsorted(truth.frames, starts)
    track_at = np.searchsorted(tracks.frames, starts)
    for step in range(length):
        of_truth = slice(truth_at[step], truth_at[step + 1])
        of_tracks = slice(track_at[step], track_at[step + 1])
        data['gt_ids'].append(truth_ids[of_truth])
        data['tracker_ids'].append(track_ids[of_tracks])
        data['similarity_scores'].append(
            overlaps(truth.boxes[of_truth], tracks.boxes[of_tracks]))
    return data


def overlaps(a: Doubles, b: Doubles) -> Doubles:
    """Return the IoU (N, M) in double precision, as TrackEval computes it."""
    # the arithmetic keeps the precision that it is given
    return cast(Doubles, boxes.iou(cast(Any, a), cast(Any, b)))
