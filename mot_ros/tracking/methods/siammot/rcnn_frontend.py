# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""RcnnFrontend: the Faster R-CNN that SiamMOT and Tracktor look through, and its detections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mot_ros.tracking.boxes import clip
from mot_ros.tracking.config import Settings
from mot_ros.tracking.detectors.rcnn.feature_detector import (
    as_feature_detector,
    FeatureDetector,
    LabelMap,
    UNKNOWN,
)
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections, Floats, Frame, Ints, Mask, Tracks

if TYPE_CHECKING:
    from mot_ros.tracking.config.siammot import SiamMotSettings
    from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
    from mot_ros.tracking.methods.siammot.template_memory import SiamMemory

LEAST = 1.0
"""Pixels of a box that must be in the image, across and down."""


class RcnnFrontend:
    """
    Sees frames through the detector, if that is a Faster R-CNN, or through one beside it.

    The latter is loaded from `rcnn.weights` where the detector is another one, whose boxes are
    then treated as 'given', 'kept' or 'own', see siammot.detections. Classes of both are
    matched by name; where a detector does not tell names, labels are taken for those of the
    network, or for its class if it has only one. Boxes of classes that the network does not
    know are left out, since it could not follow them. Labels, here and in tracks, are the
    detector's.

    What was there `before` hands its network on, if it is to be the same. Raises WeightsError if
    the network cannot be loaded.
    """

    def __init__(
            self, detector: Detector, settings: Settings,
            before: RcnnFrontend | None = None) -> None:
        self._detector = detector
        own = as_feature_detector(detector)
        self.are_own = own is not None
        """Whether frames are seen through the detector itself."""
        self._made_from = settings.rcnn, settings.device, settings.backend, settings.compute
        self._amodal = settings.rcnn.amodal
        self.weights = settings.rcnn.weights, settings.device, settings.compute
        """What is alike of networks whose features can be compared."""
        if own is not None:
            self._through = own
        elif before is not None and not before.are_own and before._made_from == self._made_from:
            self._through = before._through
        else:
            self._through = _load(settings)
        theirs, ours = detector.class_names, self._through.class_names
        self._inward, self._outward = LabelMap(theirs, ours), LabelMap(ours, theirs)
        self._wanted = [
            label for label, name in enumerate(theirs)
            if not settings.detector.classes or name in settings.detector.classes]

    @property
    def network(self) -> FeatureDetector:
        """What frames are seen through."""
        return self._through

    def see(self, frame: Frame, detection_source: str = 'own') -> RoiHeads:
        """Return the features of a frame; FrameError if it has no image. See detections."""
        if self.are_own or detection_source == 'own':
            return self._through.see(frame)
        return self._through.see(frame, find=False)

    def detections(self, sight: RoiHeads, frame: Frame, detection_source: str) -> Detections:
        """Return the detections of a frame; `detection_source` is that of another detector."""
        found = self._found(sight, frame, detection_source)
        # an amodal box may be wholly outside, where it could never be found again
        return found[self.in_image(found.boxes, sight.source)[1]]

    def judge(
            self, sight: RoiHeads, boxes: Floats, labels: Ints) -> tuple[Floats, Floats, Mask]:
        """
        Ask the box head about tracks with `labels` (N,) that should be at boxes (N, 4).

        Returns where they are (N, 4), in the image unless amodal, scores (N,), and which of them
        are in the image at all (N,), and of a class looked for; of the others the rest means
        nothing. The published code forgets to take these out, and they go on as boxes without
        area on its border.
        """
        if not len(boxes):
            return boxes, np.zeros(0, np.float32), np.zeros(0, np.bool_)
        mine = self._inward.of(labels)
        proposed, before = self.in_image(boxes, sight.source)
        # whatever the box head says of a class that it does not know, it does not count
        moved, scores = sight.judge(proposed, np.maximum(mine, 0))
        moved, after = self.in_image(moved, sight.source)
        return moved, scores, before & after & self._counted(labels, mine, scores)

    def follow(
            self, sight: RoiHeads, memory: SiamMemory, expected: Tracks, settings: SiamMotSettings,
            stretch: float = 1.0) -> tuple[Floats, Floats, Floats, Mask]:
        """
        Look for the tracks of a memory where they are `expected`, and judge what is found.

        Returns boxes (N, 4) and scores (N,) of the box head, visibilities (N,), and which of
        them are here (N,), see judge.
        """
        boxes, labels = expected.boxes, expected.labels
        fixed = sight.fixed
        if fixed is None:
            found, visibility = memory.search(sight, boxes, settings, stretch)
            moved, scores, here = self.judge(sight, found, labels)
            return moved, scores, visibility, here
        mine = self._inward.of(labels)
        found, visibility, moved, scores = memory.follow(
            fixed, boxes, np.maximum(mine, 0), settings, stretch)
        before = self.in_image(found, sight.source)[1]
        moved, after = self.in_image(moved, sight.source)
        return moved, scores, visibility, before & after & self._counted(labels, mine, scores)

    def _counted(self, labels: Ints, mine: Ints, scores: Floats) -> Mask:
        """Return which tracks (N,) are of a class that is known and looked for, and scored."""
        counted: Mask = (mine != UNKNOWN) & np.isfinite(scores)
        # classes may change while there are tracks
        return counted & np.isin(labels, self._wanted) if self._wanted else counted

    def in_image(self, boxes: Floats, size: tuple[int, int]) -> tuple[Floats, Mask]:
        """Return boxes (N, 4), cut unless amodal, and of which a pixel is left when cut (N,)."""
        finite = np.asarray(np.isfinite(boxes).all(axis=1))
        boxes = np.where(finite[:, None], boxes, np.float32(0))
        cut = clip(boxes, size)
        left = np.asarray((cut[:, 2:] - cut[:, :2] >= LEAST).all(axis=1))
        return (boxes if self._amodal else cut), finite & left

    def _found(self, sight: RoiHeads, frame: Frame, detection_source: str) -> Detections:
        if self.are_own:
            return sight.detections()
        if detection_source == 'own':
            return self._outward.of_known(sight.detections())
        given = self._detector.detect([frame])[0]
        if detection_source == 'kept':
            return given[self._inward.of(given.labels) >= 0]
        found = self._outward.of_known(sight.detections(self._inward.of_known(given)))
        return found[np.isin(found.labels, self._wanted)] if self._wanted else found


def _load(settings: Settings) -> FeatureDetector:
    # here and not above: torch takes seconds to load
    from mot_ros.tracking.detectors import make_rcnn

    detector = make_rcnn(settings)
    # else the first image would wait for what the first run sets up
    detector.warm_up()
    return detector
