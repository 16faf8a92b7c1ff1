# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Base class of detectors that wrap another detector."""

from __future__ import annotations

from collections.abc import Sequence

from mot_ros.tracking.protocols import Detector


class AroundDetector:
    """Delegate to the wrapped detector all but `detect`, which a subclass defines."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.device = getattr(detector, 'device', '')
        self.provider = getattr(detector, 'provider', '')

    @property
    def class_names(self) -> Sequence[str]:
        """Class names; the label is the index."""
        return self._detector.class_names

    def warm_up(self) -> None:
        """Warm up the wrapped detector, if it can."""
        getattr(self._detector, 'warm_up', lambda: None)()
