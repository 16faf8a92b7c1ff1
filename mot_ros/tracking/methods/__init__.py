# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The tracking methods, by name."""

from __future__ import annotations

from mot_ros.tracking.config import IMAGE_METHODS, Settings
from mot_ros.tracking.methods.botsort import BotSort
from mot_ros.tracking.methods.bytetrack import ByteTrack
from mot_ros.tracking.methods.deepsort import DeepSort
from mot_ros.tracking.methods.smiletrack import SmileTrack
from mot_ros.tracking.methods.sort import Sort
from mot_ros.tracking.methods.switchable import SwitchableTracker
from mot_ros.tracking.protocols import Detector, Method, Tracker


def make_tracker(settings: Settings, detector: Detector) -> Tracker:
    """Return a tracker of the settings around a detector; both can be exchanged later."""
    return SwitchableTracker(make_method, settings, detector)


def make_method(settings: Settings, detector: Detector, first_id: int = 1) -> Method:
    """Assemble the method that the settings name; new tracks are numbered from `first_id`."""
    if settings.method in IMAGE_METHODS:
        return _make_seeing(settings, detector, first_id)
    if settings.method == 'smiletrack':
        return SmileTrack(detector, settings, first_id)
    if settings.method == 'deepsort':
        return DeepSort(detector, settings, first_id)
    if settings.method == 'botsort':
        return BotSort(detector, settings, first_id)
    if settings.method == 'sort':
        return Sort(detector, settings.sort, first_id)
    return ByteTrack(detector, settings.bytetrack, first_id)


def _make_seeing(settings: Settings, detector: Detector, first_id: int) -> Method:
    """Assemble a method that looks at images: it loads what those of boxes do without."""
    if settings.method == 'siammot':
        from mot_ros.tracking.methods.siammot.tracker import SiamMot

        return SiamMot(detector, settings, first_id)
    if settings.method == 'tracktor':
        from mot_ros.tracking.methods.tracktor import Tracktor

        return Tracktor(detector, settings, first_id)
    from mot_ros.tracking.methods.smot.tracker import Smot

    return Smot(detector, settings, first_id)
