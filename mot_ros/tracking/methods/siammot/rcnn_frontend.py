# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""RcnnFrontend: the Faster R-CNN of SiamMOT and Tracktor, in the labels of the detector."""

from __future__ import annotations

import functools
from typing import NamedTuple, TYPE_CHECKING

import numpy as np

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
    from mot_ros.tracking.config.methods.siammot import SiamMotSettings
    from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
    from mot_ros.tracking.methods.siammot.template_memory import TemplateMemory


class FoundTracks(NamedTuple):
    """
    The boxes (N, 4), scores and visibilities (N,) of tracks in a frame, in its pixels.

    Boxes are cut to the image unless amodal. `here` (N,) are the tracks that are in the image
    and of a class that is known and wanted; of the others the rest means nothing.
    """

    boxes: Floats
    scores: Floats
    visibilities: Floats
    here: Mask


class RcnnFrontend:
    """
    Detects and searches by the detector itself, if it is a Faster R-CNN, else by one beside it.

    The latter is loaded from `rcnn.weights` where the detector is another one, whose boxes are
    then treated as 'given', 'kept' or 'own', see siammot.detections. Classes of both are
    matched by name; where a detector has no names, its labels are taken for those of the
    network, or for its class if it has only one. Boxes of classes that the network does not
    know are left out, since it could not search them. Labels, here and in tracks, are the
    detector's.

    The frontend `before` hands its network on, if it is to be the same. Raises WeightsError if
    the network cannot be loaded.
    """

    def __init__(
            self, detector: Detector, settings: Settings,
            before: RcnnFrontend | None = None) -> None:
        self.detector = detector
        own = as_feature_detector(detector)
        self.is_own = own is not None
        """Whether the network is the detector itself."""
        self._made_from = settings.rcnn, settings.device, settings.backend, settings.compute
        self.weights = settings.rcnn.weights, settings.device, settings.compute
        """Equal for networks whose features can be compared."""
        if own is not None:
            self.network = own
        elif before is not None and not before.is_own and before._made_from == self._made_from:
            self.network = before.network
        else:
            self.network = _load(settings)
        theirs, ours = detector.class_names, self.network.class_names
        self.to_network, self.to_detector = LabelMap(theirs, ours), LabelMap(ours, theirs)
        self._wanted = [
            label for label, name in enumerate(theirs)
            if not settings.detector.classes or name in settings.detector.classes]

    def detect(self, frame: Frame, detection_source: str = 'own') -> RcnnFrame:
        """
        Detect objects in a frame; FrameError if it has no image.

        `detection_source` says how the boxes of a detector beside the network are treated.
        """
        if self.is_own or detection_source == 'own':
            return RcnnFrame(self, self.network.extract_features(frame))
        heads = self.network.extract_features(frame, detect=False)
        given = self.detector.detect([frame])[0]
        return RcnnFrame(self, heads, given, keep=detection_source == 'kept')

    def is_wanted(self, labels: Ints) -> Mask:
        """Return which labels (N,) are of a class to be tracked."""
        return np.isin(labels, self._wanted) if self._wanted else np.ones(len(labels), np.bool_)


class RcnnFrame:
    """
    Detections and tracks of one frame.

    `given` are the detections of another detector: the boxes that the box head classifies and
    refines in place of proposals, or with `keep` the detections themselves.
    """

    def __init__(
            self, frontend: RcnnFrontend, heads: RoiHeads, given: Detections | None = None, *,
            keep: bool = False) -> None:
        self._frontend = frontend
        self.heads = heads
        self._given, self._keep = given, keep

    @functools.cached_property
    def detections(self) -> Detections:
        """The detections, best score first; a GPU sends them with the first result of tracks."""
        found = self._detections()
        # an amodal box may be wholly outside, where it could never be found again
        return found[self.heads.in_image(found.boxes)[1]]

    def search(
            self, memory: TemplateMemory, expected: Tracks, settings: SiamMotSettings,
            stretch: float = 1.0) -> FoundTracks:
        """Search the tracks of a memory around their `expected` boxes, and refine the boxes."""
        labels = self._frontend.to_network.of(expected.labels)
        found = memory.search_tracks(
            self.heads, expected.boxes, np.maximum(labels, 0), settings, stretch)
        return self._found(
            expected.labels, found.found, found.boxes, found.scores, found.visibilities)

    def refine(self, expected: Tracks) -> FoundTracks:
        """
        Refine the boxes of tracks by the box head; they are as visible as it scores them.

        The published code forgets to take out tracks that leave the image, which go on as boxes
        without area on its border.
        """
        if not len(expected):
            none = np.zeros(0, np.float32)
            return FoundTracks(expected.boxes, none, none, np.zeros(0, np.bool_))
        labels = self._frontend.to_network.of(expected.labels)
        # scores of classes that the network does not know do not count, see FoundTracks.here
        refined, scores = self.heads.refine(
            self.heads.in_image(expected.boxes)[0], np.maximum(labels, 0))
        return self._found(expected.labels, expected.boxes, refined, scores, scores)

    def _found(
            self, labels: Ints, before: Floats, refined: Floats, scores: Floats,
            visibilities: Floats) -> FoundTracks:
        boxes, inside = self.heads.in_image(refined)
        here = self.heads.in_image(before)[1] & inside & np.isfinite(scores)
        # the wanted classes may change while there are tracks
        here &= self._frontend.is_wanted(labels)
        here &= self._frontend.to_network.of(labels) != UNKNOWN
        return FoundTracks(boxes, scores, visibilities, here)

    def _detections(self) -> Detections:
        frontend, given = self._frontend, self._given
        if frontend.is_own:
            return self.heads.detections()
        if given is None:
            return frontend.to_detector.of_known(self.heads.detections())
        if self._keep:
            return given[frontend.to_network.of(given.labels) >= 0]
        found = frontend.to_detector.of_known(
            self.heads.detections(frontend.to_network.of_known(given)))
        return found[frontend.is_wanted(found.labels)]


def _load(settings: Settings) -> FeatureDetector:
    # here and not above: torch takes seconds to load
    from mot_ros.tracking.detectors.rcnn.factory import make_rcnn

    detector = make_rcnn(settings)
    # else the first image would take as long as the first run takes
    detector.warm_up()
    return detector
