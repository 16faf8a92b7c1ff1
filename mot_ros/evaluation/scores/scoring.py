# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""
All scores of a sequence, and of several together by pooled counts.

The figures are TrackEval's, and so is the way of combining them: counts are added up, HOTA's
association scores are averaged with the matches as weights, and what follows from those is
computed anew. Transfers are our own count and are added up. Where sequences are TAO's there are
figures of whole tracks too, computed over all tracks at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mot_ros.data.datasets.mot import MotRows
from mot_ros.evaluation.scores.metrics import pair_up
from mot_ros.evaluation.scores.track_ap import FIGURES, track_figures, track_matches, TrackSet
from mot_ros.evaluation.scores.trackeval_import import reference

Raw = dict[str, dict[str, Any]]
"""What TrackEval returns, by metric; `Counts` are ours, `TrackAP` lists every sequence's."""

FRACTIONS = {
    'HOTA': ('HOTA', 'HOTA'), 'DetA': ('HOTA', 'DetA'), 'AssA': ('HOTA', 'AssA'),
    'LocA': ('HOTA', 'LocA'), 'MOTA': ('CLEAR', 'MOTA'), 'MOTP': ('CLEAR', 'MOTP'),
    'precision': ('CLEAR', 'CLR_Pr'), 'recall': ('CLEAR', 'CLR_Re'), 'F1': ('CLEAR', 'CLR_F1'),
    'IDF1': ('Identity', 'IDF1'), 'IDP': ('Identity', 'IDP'), 'IDR': ('Identity', 'IDR')}
COUNTS = {
    'switches': ('CLEAR', 'IDSW'), 'transfers': ('Counts', 'transfers'),
    'fragments': ('CLEAR', 'Frag'), 'FP': ('CLEAR', 'CLR_FP'), 'FN': ('CLEAR', 'CLR_FN'),
    'mostly tracked': ('CLEAR', 'MT'), 'partly tracked': ('CLEAR', 'PT'),
    'mostly lost': ('CLEAR', 'ML'), 'people': ('Counts', 'people'),
    'truth boxes': ('Counts', 'truth_boxes'), 'track ids': ('Counts', 'track_ids')}
TRACK_FRACTIONS = tuple(FIGURES)
"""Figures that only sequences of TAO have."""
LOWER_IS_BETTER = ('switches', 'transfers', 'fragments', 'FP', 'FN', 'mostly lost')
NEITHER = ('people', 'truth boxes', 'track ids', 'partly tracked')
"""Figures that are neither good nor bad."""
ALPHAS = tuple(round(0.05 * step, 2) for step in range(1, 20))


def measure(
        truth: MotRows, tracks: MotRows, transfers: int, iou: float = 0.5,
        whole: TrackSet | None = None) -> Raw:
    """
    Score tracks against the truth that is to be scored, as TrackEval does.

    `whole` asks for the figures of whole tracks, from which nothing is taken out.
    """
    data = pair_up(truth, tracks)
    with reference() as metrics:
        raw: Raw = {name: dict(metric.eval_sequence(data))
                    for name, metric in _metrics(metrics, iou).items()}
    raw['Counts'] = {
        'transfers': transfers, 'people': data['num_gt_ids'],
        'truth_boxes': len(truth), 'track_ids': data['num_tracker_ids']}
    if whole is not None:
        raw['TrackAP'] = {'sequences': [track_matches(whole)]}
    return raw


def combine(every: Sequence[Raw], iou: float = 0.5) -> Raw:
    """Score several sequences as one."""
    with reference() as metrics:
        combined: Raw = {
            name: dict(metric.combine_sequences(
                {str(number): raw[name] for number, raw in enumerate(every)}))
            for name, metric in _metrics(metrics, iou).items()}
    combined['Counts'] = {
        name: sum(raw['Counts'][name] for raw in every) for name in every[0]['Counts']}
    matches = [each for raw in every if 'TrackAP' in raw for each in raw['TrackAP']['sequences']]
    if matches:
        combined['TrackAP'] = {'sequences': matches}
    return combined


def figures(raw: Raw) -> dict[str, float | int]:
    """Return the columns of the tables: fractions, HOTA's averaged over alpha, and counts."""
    found: dict[str, float | int] = {
        name: float(np.mean(raw[metric][key])) for name, (metric, key) in FRACTIONS.items()}
    if 'TrackAP' in raw:
        found |= track_figures(raw['TrackAP']['sequences'])
    return found | {name: int(raw[metric][key]) for name, (metric, key) in COUNTS.items()}


def curve(raw: Raw) -> list[float]:
    """Return HOTA at each of ALPHAS."""
    return [float(value) for value in raw['HOTA']['HOTA']]


def _metrics(metrics: Any, iou: float) -> Mapping[str, Any]:
    config = {'THRESHOLD': iou, 'PRINT_CONFIG': False}
    return {
        'HOTA': metrics.HOTA(), 'CLEAR': metrics.CLEAR(dict(config)),
        'Identity': metrics.Identity(dict(config))}
