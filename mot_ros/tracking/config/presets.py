# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What presets change of the common settings; each method states its part beside its settings."""

from __future__ import annotations

from collections.abc import Iterable

from mot_ros.tracking.config.schema import Changes, Presets

PUBLISHED: Changes = {
    'detector.box_voting': False, 'detector.calibration': 'none', 'appearance.type': 'colour',
    'camera_motion.mode': 'on', 'camera_motion.mix_sizes': True}
"""What every preset after a paper or its code changes of the common settings."""
COMMON: Presets = {
    'accurate': {},
    'fast': {
        'detector.short_side': 320, 'detector.second_scale': 0.0,
        'detector.width': 640, 'detector.height': 480,
        'rcnn.short_side': 480, 'rcnn.long_side': 864},
    'paper': PUBLISHED,
    'code': PUBLISHED,
}
"""Presets that go for every method; the first one changes nothing."""


def merged(parts: Iterable[Presets]) -> Presets:
    """Return the common presets with those of the methods; new names come last."""
    whole = {name: dict(changes) for name, changes in COMMON.items()}
    for part in parts:
        for name, changes in part.items():
            whole.setdefault(name, {}).update(changes)
    return whole
