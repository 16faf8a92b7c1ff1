# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings for tests of the methods that look through a Faster R-CNN."""

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build

CODE = {
    'suppress': 'joint', 'decide': 'mean', 'class_aware': False, 'tau': 30, 'dormant_time': 0.0,
    'velocity': False, 'camera': False,
}
"""The published code, without our additions."""
THRESHOLDS = {
    'rcnn.short_side': 800, 'rcnn.long_side': 1280, 'siammot.alpha': 0.4, 'siammot.beta': 0.6,
    'siammot.resume': 0.4, 'siammot.dormant_time': 1.0, 'siammot.reactivation_distance': 0.0,
    'siammot.velocity_memory': 0.3, 'tracktor.alpha': 0.4, 'tracktor.beta': 0.6,
    'detector.classes': (),
}
"""The published ones; the defaults are those of the shipped weights."""


def settings_of(method='siammot', **changes):
    """Build settings; names are those of the method, or of another group as in rcnn__amodal."""
    return build(Settings, THRESHOLDS | {
        name.replace('__', '.') if '__' in name else f'{method}.{name}': value
        for name, value in changes.items()})
