# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The contracts: a tracker is a detector, a propagator and an associator put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mot_ros.tracking.association.assignment import Matches
from mot_ros.tracking.config import Settings
from mot_ros.tracking.types import Detections, Frame, Tracks


class Tracker(Protocol):
    """Images in, tracks out."""

    @property
    def needs_image(self) -> bool:
        """Whether the tracker itself looks at the image, beside the detector."""
        ...

    def update(self, frame: Frame) -> Tracks:
        """Take the next accepted frame, with detections in it or none."""
        ...

    def configure(self, settings: Settings, detector: Detector) -> None:
        """
        Take other settings, and perhaps another detector, between two frames.

        Tracks live on, unless the method or its model of motion is another one: then they are
        dropped. Ids always go on.
        """
        ...

    def reset(self, *, keep_ids: bool = False) -> None:
        """
        Forget every track.

        The next id is 1 again and identical input gives identical output, unless `keep_ids`:
        then numbering goes on (a gap in time, another image size).
        """
        ...


class Method(Protocol):
    """A tracking method: what it is published as, put together from parts."""

    @property
    def needs_image(self) -> bool:
        """Whether it looks at the image itself, beside the detector."""
        ...

    @property
    def next_id(self) -> int:
        """The id that the next new track gets."""
        ...

    def update(self, frame: Frame) -> Tracks:
        """
        Detect, propagate, associate; then lives end and begin.

        A frame that it cannot use raises FrameError and changes nothing, here and in propagate.
        """
        ...

    def propagate(self, frame: Frame) -> Tracks:
        """
        Take a frame that is not looked into: every track moves on and keeps its state.

        Nothing counts as missed, nothing begins or ends.
        """
        ...

    def configure(self, settings: Settings, detector: Detector) -> None:
        """Take other settings between two frames, of the same method; see Tracker."""
        ...

    def reset(self, *, keep_ids: bool = False) -> None:
        """Forget every track; number from 1 again unless `keep_ids`."""
        ...


class Detector(Protocol):
    """Finds objects in images."""

    @property
    def class_names(self) -> Sequence[str]:
        """Names by label; the label is the index."""
        ...

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the objects of each frame, best score first."""
        ...


class Propagator(Protocol):
    """Moves the tracks of the last frame into this one."""

    def propagate(self, frame: Frame) -> Tracks:
        """Return every live track where it is expected, with the state it had."""
        ...


class Associator(Protocol):
    """Pairs expected tracks with detections."""

    def associate(self, predicted: Tracks, detections: Detections) -> Matches:
        """Return matches (row of track, row of detection) and what is left over."""
        ...
