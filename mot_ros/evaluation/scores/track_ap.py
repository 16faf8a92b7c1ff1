# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
TrackAP: how well whole tracks are found, as TAO scores them.

A thin adapter over TrackEval's TrackMAP. The overlap of two tracks is that of their volumes: what
they share, summed over the annotated frames, by what either covers. Tracks are taken best score
first, and a track's score is the mean of its boxes'. Where it is not known whether there is
something to find, tracks do not count; where the truth is not exhaustive, only those that find
something do (Dave et al., TAO: A Large-Scale Benchmark for Tracking Any Object, ECCV 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mot_ros.data.datasets.mot import Doubles, MotRows
from mot_ros.evaluation.scores.trackeval_import import reference

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Of the overlap."""
FIGURES: dict[str, int | slice] = {'TAP': slice(None), 'TAP50': 0, 'TAP75': 5}
"""Which of the thresholds a figure is the mean of."""


@dataclass(frozen=True, eq=False)
class TrackSet:
    """
    The truth and the tracks of one sequence, in the annotated frames only.

    `values` of the tracks are scores. Without truth the sequence counts if it is `negative`:
    known to hold nothing.
    """

    truth: MotRows
    tracks: MotRows
    exhaustive: bool = True
    negative: bool = False


def track_ap(sequences: Sequence[TrackSet]) -> dict[str, float]:
    """
    Return TAP (mean over THRESHOLDS), TAP50 and TAP75 over the tracks of all sequences at once.

    Without a track of the truth there is no such figure, and nothing is returned.
    """
    return track_figures([track_matches(sequence) for sequence in sequences])


def track_matches(sequence: TrackSet) -> dict[Any, Any]:
    """Return which tracks of a sequence find which of the truth, as TrackEval puts it."""
    truth = _by_id(sequence.truth)
    tracks = _by_id(sequence.tracks) if len(truth) or sequence.negative else []
    scores = [float(np.mean(rows.values)) for rows in tracks]
    order = np.argsort(-np.array(scores), kind='stable').tolist()
    data = {
        # TrackEval takes 0 for none
        'gt_track_ids': list(range(1, len(truth) + 1)),
        'dt_track_ids': list(range(1, len(tracks) + 1)),
        'gt_tracks': [_boxes(rows) for rows in truth],
        'dt_tracks': [_boxes(tracks[index]) for index in order],
        'dt_track_scores': [scores[index] for index in order],
        'not_exhaustively_labeled': not sequence.exhaustive,
        'iou_type': 'bbox', 'boxformat': 'x0y0x1y1'}
    with reference() as metrics:
        return dict(_metric(metrics).eval_sequence(data))


def track_figures(every: Sequence[dict[Any, Any]]) -> dict[str, float]:
    """Return the figures of sequences that `track_matches` has gone through."""
    with reference() as metrics:
        combined = _metric(metrics).combine_sequences(
            {str(number): matches for number, matches in enumerate(every)})
    precision = np.array(combined['AP_all'], np.float64)
    if precision[0] < 0:
        return {}
    return {name: float(np.mean(precision[which])) for name, which in FIGURES.items()}


def _by_id(rows: MotRows) -> list[MotRows]:
    return [rows[rows.ids == identity] for identity in np.unique(rows.ids).tolist()]


def _boxes(rows: MotRows) -> dict[int, Doubles]:
    """Return the boxes of one track by frame."""
    return dict(zip(rows.frames.tolist(), rows.boxes, strict=True))


def _metric(metrics: Any) -> Any:
    return metrics.TrackMAP({
        'USE_AREA_RANGES': False, 'USE_TIME_RANGES': False, 'PRINT_CONFIG': False,
        'IOU_THRESHOLDS': np.array(THRESHOLDS)})
