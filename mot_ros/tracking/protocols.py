# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Interfaces of trackers, methods, detectors and their parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mot_ros.tracking.association.assignment import Matches
from mot_ros.tracking.config import Settings
from mot_ros.tracking.types import Detections, Frame, Tracks


class Tracker(Protocol):
    """Map images to tracks."""

    @property
    def needs_image(self) -> bool:
        """Whether the tracker itself reads the image, beside the detector."""
        ...

    def update(self, frame: Frame) -> Tracks:
        """Process the next accepted frame, whose detections may be set."""
        ...

    def configure(self, settings: Settings, detector: Detector) -> None:
        """
        Apply new settings, and optionally another detector, between two frames.

        Tracks live on, unless the method or its motion model changes: then they are dropped. Ids
        always go on.
        """
        ...

    def reset(self, *, keep_ids: bool = False) -> None:
        """
        Drop every track.

        Ids restart at 1 and identical input gives identical output, unless `keep_ids`: then ids go
        on (a gap in time, another image size).
        """
        ...


class Method(Protocol):
    """Tracking method of a paper, assembled from parts."""

    @property
    def needs_image(self) -> bool:
        """Whether the method itself reads the image, beside the detector."""
        ...

    @property
    def next_id(self) -> int:
        """Id of the next new track."""
        ...

    def update(self, frame: Frame) -> Tracks:
        """
        Detect, propagate, associate, remove and start tracks.

        An unusable frame raises FrameError and changes nothing, here and in propagate.
        """
        ...

    def propagate(self, frame: Frame) -> Tracks:
        """
        Propagate every track to a frame without detection; states stay.

        Nothing counts as missed, no track starts or ends.
        """
        ...

    def configure(self, settings: Settings, detector: Detector) -> None:
        """Apply new settings of the same method between two frames; see Tracker."""
        ...

    def reset(self, *, keep_ids: bool = False) -> None:
        """Drop every track; ids restart at 1 unless `keep_ids`."""
        ...


class Detector(Protocol):
    """Find objects in images."""

    @property
    def class_names(self) -> Sequence[str]:
        """Class names; the label is the index."""
        ...

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the detections of each frame, best score first."""
        ...


class Propagator(Protocol):
    """Predict tracks of the last frame in this one."""

    def propagate(self, frame: Frame) -> Tracks:
        """Return every live track at its predicted place, with its last state."""
        ...


class Associator(Protocol):
    """Match predicted tracks to detections."""

    def associate(self, predicted: Tracks, detections: Detections) -> Matches:
        """Return matches (row of track, row of detection) and the free rows of both."""
        ...
