# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What detectors have in common that stand around another one."""

from __future__ import annotations

from collections.abc import Sequence

from mot_ros.tracking.protocols import Detector


class AroundDetector:
    """The part of a detector that the one inside it answers for; `detect` is the subclass's."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.device = getattr(detector, 'device', '')

    @property
    def class_names(self) -> Sequence[str]:
        """Names by label; the label is the index."""
        return self._detector.class_names

    def warm_up(self) -> None:
        """Run once on nothing, where the detector knows how to."""
        getattr(self._detector, 'warm_up', lambda: None)()
