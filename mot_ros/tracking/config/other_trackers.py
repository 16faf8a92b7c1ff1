# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Explain settings that are known from other trackers and that have another name or unit here.

A name is the same here only where value and meaning are (`track_high_thresh`). For the others an
error states the setting to write and the converted value, so that a file of another tracker is
neither read wrongly nor refused without help.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

NOMINAL_RATE = 30.0
"""Frame rate in Hz at which other trackers count frames for seconds."""


def _same(value: float) -> str:
    return f'{value:g}'


def _complement(value: float) -> str:
    return str(round(1 - value, 6))


def _seconds(frames: float) -> str:
    return (f'{round(frames / NOMINAL_RATE, 3)} ({frames:g} frames at {NOMINAL_RATE:g} Hz; '
            'scale it for another rate)')


@dataclass(frozen=True)
class _Replacement:
    """The setting that stands here for another tracker's, and the conversion of its value."""

    setting: str
    convert: Callable[[float], str] = _same


_IOU = _Replacement('match_iou', _complement)
_LOST = _Replacement('lost_buffer', _seconds)
_AGE = _Replacement('max_age')
_DISTANCE = 'is a largest distance, 1 - IoU'

FOREIGN: Mapping[str, tuple[str, tuple[_Replacement, ...]]] = {
    'match_thresh': (_DISTANCE, (_IOU,)),
    'max_iou_distance': (_DISTANCE, (_IOU,)),
    'proximity_thresh': (
        _DISTANCE + ', in BoT-SORT', (_Replacement('proximity_iou', _complement),)),
    'iou_threshold': ('is a least IoU', (_Replacement('match_iou'),)),
    'track_buffer': ('counts frames', (_LOST, _AGE)),
    'max_age': ('counts frames', (_LOST,)),
    'track_thresh': (
        'divides the detections into the two passes', (_Replacement('track_high_thresh'),)),
    'det_thresh': (
        'is the least score of a new track', (_Replacement('new_track_thresh'),)),
    'max_cosine_distance': (
        'is a largest distance, 1 - cosine', (_Replacement('max_distance'),)),
    'max_dist': ('is a largest distance, 1 - cosine', (_Replacement('max_distance'),)),
    'nn_budget': ('counts embeddings of a track', (_Replacement('budget'),)),
    'min_confidence': ('is the least score of a detection', (_Replacement('min_score'),)),
}
"""Names of ByteTrack, BoT-SORT, SORT and DeepSORT: the meaning there, and the settings here."""
ELSEWHERE: Mapping[str, str] = {
    'tracker_type': 'write method',
    'gmc_method': 'write camera_motion.method: flow or ecc, or camera_motion.mode: off',
    'cmc_method': 'write camera_motion.method: flow or ecc, or camera_motion.mode: off',
    'with_reid': 'write appearance.type: slm or colour, or none',
    'conf_thres': 'write detector.score_floor',
}
"""Names that stand for settings outside of the method's group."""


def advice(name: str, value: Any, method: str, known: Collection[str]) -> str:
    """
    Return what to write in place of another tracker's setting; empty if the name is of none.

    `name` may be dotted; without a group the one of `method` is meant. `known` are all settings.
    """
    group, _, inner = name.rpartition('.')
    group = group or method
    if f'{group}.{inner}' in known:
        return f'it belongs to a method; write {group}.{inner}'
    if inner in ELSEWHERE:
        return ELSEWHERE[inner]
    meaning, replacements = FOREIGN.get(inner, ('', ()))
    for replacement in replacements:
        setting = f'{group}.{replacement.setting}'
        if setting in known:
            try:
                converted = f': {replacement.convert(float(value))}'
            except (TypeError, ValueError):
                converted = ''
            return f'{inner} {meaning}; write {setting}{converted}'
    return ''
