# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""FeatureDetector: a detector that also gives RoiHeads for any boxes; LabelMap of its classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, Protocol, TYPE_CHECKING

import numpy as np

from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections, Frame, Ints

if TYPE_CHECKING:
    from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
    from mot_ros.tracking.nets.siammot.network import MotionModel

UNKNOWN = -1
"""The label of a class that is not in the other list of class names."""


class FeatureDetector(Detector, Protocol):
    """A Faster R-CNN that also refines and searches any boxes, as RcnnDetector does."""

    @property
    def motion(self) -> MotionModel | None:
        """The motion model beside it, None if there is none."""
        ...

    def extract_features(self, frame: Frame, *, detect: bool = True) -> RoiHeads:
        """
        Compute the features of a frame; FrameError if it has no image.

        `detect`: whether its own detections will be needed.
        """
        ...


class LabelMap:
    """
    Maps the labels of one list of class names to those of another.

    Where either list is empty, a label stands for itself, or for the only class of the target.
    """

    def __init__(self, source: Sequence[str], target: Sequence[str]) -> None:
        self._only = len(target) == 1 and not source
        self._same = not source or not target
        self._count = len(target)
        names = list(target)
        self._table = np.array(
            [names.index(name) if name in names else UNKNOWN for name in source], np.int64)

    def of(self, labels: Ints) -> Ints:
        """Return the labels (N,) in the other list, UNKNOWN where they are not in it."""
        if self._only:
            return np.zeros_like(labels)
        if self._same:
            known = (labels >= 0) & ((labels < self._count) | (self._count == 0))
            return np.where(known, labels, UNKNOWN)
        known = (labels >= 0) & (labels < len(self._table))
        return np.where(known, self._table[np.where(known, labels, 0)], UNKNOWN)

    def of_known(self, found: Detections) -> Detections:
        """Return the detections of classes that are in the other list, with its labels."""
        labels = self.of(found.labels)
        known = labels >= 0
        return Detections(found.boxes[known], found.scores[known], labels[known])


def as_feature_detector(detector: Detector) -> FeatureDetector | None:
    """Return the detector as a FeatureDetector, None if it is none."""
    if callable(getattr(detector, 'extract_features', None)):
        return cast(FeatureDetector, detector)
    return None
