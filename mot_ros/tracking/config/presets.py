# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What each preset changes of the defaults."""

from __future__ import annotations

from collections.abc import Mapping

from mot_ros.tracking.config.schema import Value
from mot_ros.tracking.config.siammot import SIAMMOT_CODE, SIAMMOT_PAPER, SIAMMOT_PRESETS
from mot_ros.tracking.config.smot import SMOT_CODE, SMOT_PAPER

PAPER: Mapping[str, Value] = {
    'detector.box_voting': False,
    'bytetrack.track_high_thresh': 0.6, 'bytetrack.track_low_thresh': 0.1,
    'bytetrack.new_track_thresh': 0.7, 'bytetrack.match_iou': 0.1, 'bytetrack.lost_buffer': 1.0,
    'bytetrack.motion': 'xyah', 'bytetrack.nominal_rate': 30.0,
    'camera_motion.mode': 'on', 'camera_motion.mix_sizes': True,
    'smiletrack.split': 'adaptive', 'smiletrack.track_low_thresh': 0.1,
    'smiletrack.new_track_thresh': 0.6, 'smiletrack.alpha': 0.5, 'smiletrack.gate': 0.7,
    'smiletrack.reach': 0.0, 'smiletrack.match': 0.5, 'smiletrack.second': 'multi',
    'smiletrack.lost_buffer': 1.0, 'smiletrack.biou_buffer': 0.0,
    'smiletrack.height_iou_power': 0.0, 'smiletrack.direction_weight': 0.0,
    'smiletrack.camera': False, 'smiletrack.nominal_rate': 30.0,
    'deepsort.min_score': 0.3, 'deepsort.max_distance': 0.2, 'deepsort.nominal_rate': 30.0,
    'botsort.track_high_thresh': 0.6, 'botsort.track_low_thresh': 0.1,
    'botsort.proximity_iou': 0.5, 'botsort.appearance_thresh': 0.25,
    'botsort.lost_buffer': 1.0, 'botsort.nominal_rate': 30.0,
}
"""What the presets `paper` and `code` have in common."""

PRESETS: Mapping[str, Mapping[str, Value]] = {
    'accurate': {},
    'fast': {
        'detector.width': 640, 'detector.height': 480,
        # a smaller input gives lower scores
        'bytetrack.new_track_thresh': 0.6, 'smiletrack.new_track_thresh': 0.6,
        'botsort.new_track_thresh': 0.6, 'deepsort.min_score': 0.5, 'smot.new_track_thresh': 0.6,
        'rcnn.short_side': 480, 'rcnn.long_side': 864,
    },
    'paper': {**PAPER, **SIAMMOT_PAPER, **SMOT_PAPER},
    # of SMILEtrack the published code does otherwise than the article
    'code': {
        **PAPER, **SIAMMOT_CODE, **SMOT_CODE,
        'smiletrack.split': 'fixed', 'smiletrack.worth': 'code',
        'smiletrack.match': 0.2, 'smiletrack.second': 'iou', 'smiletrack.camera': True,
    },
    # the published configurations of SiamMOT
    **SIAMMOT_PRESETS,
}
"""Presets by name; the first one changes nothing."""
