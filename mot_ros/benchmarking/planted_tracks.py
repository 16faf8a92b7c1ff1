# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
A crowd of known size: a detector that does all its work and then says what it is told to.

So a tracker has as many tracks as are asked for, whatever its network was trained for, if at
all, and whatever is in the images. Every network runs on every frame as it always does; what is
exchanged is what it found, for boxes that do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import math
from typing import Any, cast, TYPE_CHECKING

import numpy as np

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build, flatten
from mot_ros.tracking.detectors.external import ExternalDetections
from mot_ros.tracking.detectors.rcnn.feature_detector import as_feature_detector, FeatureDetector
from mot_ros.tracking.detectors.ssd.raw_outputs import dense, DenseDetector
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections, Floats, Frame, Ints

if TYPE_CHECKING:
    import torch

    from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads, SearchedTracks
    from mot_ros.tracking.detectors.ssd.raw_outputs import RawDetections
    from mot_ros.tracking.nets.siammot.network import MotionModel

SURE, KNOWN = 0.99, 0.3
"""Scores of boxes in the first frame, where they start tracks, and later, where nobody may."""
FILLED, SLIM = 0.8, 0.45
"""Part of its place that a box fills, and most width of a box by its height."""
UNHURT = {
    # whatever the motion model thinks of where a track was planted
    'siammot.decide': 'box',
    # tracks that share an anchor, for want of others, all live on
    'smot.nms_iou': 1.0, 'smot.suppress_iou': 1.0, 'smot.anchor_iou': 0.0}
"""Settings under which no member of a crowd is lost."""


def crowded(detector: Detector, settings: Settings, count: int, size: tuple[int, int]) -> Detector:
    """
    Return the detector with a crowd of `count` in images of (width, height).

    A crowd comes in at the stamp 0. The settings should be those of `unhurt`. Raises ConfigError
    for methods that see through another network than the detector.
    """
    crowd = Detections(
        laid_out(count, size), np.full(count, SURE, np.float32), np.zeros(count, np.int64))
    if settings.method == 'smot':
        return DenseCrowd(dense(detector, 'method smot'), crowd)
    if settings.method not in ('siammot', 'tracktor'):
        return PlantedDetector(detector, crowd)
    network = as_feature_detector(detector)
    if network is None:
        raise ConfigError(
            f'detector.type is {settings.detector.type!r}, and {settings.method} sees through '
            'a network beside it, in which no crowd can be planted: leave it at auto')
    return PlantedFeatureDetector(network, crowd)


def unhurt(settings: Settings) -> Settings:
    """Return the settings in which a crowd lives on, which take as long."""
    return build(Settings, {**flatten(settings), **UNHURT})


def laid_out(count: int, size: tuple[int, int]) -> Floats:
    """Return boxes (count, 4) of people side by side in an image, who do not overlap."""
    width, height = size
    columns = max(1, round(math.sqrt(count * width / (height * SLIM)))) if count else 1
    columns = min(columns, max(count, 1))
    rows = max(1, -(-count // columns))
    place = np.array([width / columns, height / rows])
    tall = min(place[1] * FILLED, place[0] * FILLED / SLIM)
    box = np.array([tall * SLIM, tall])
    number = np.arange(count)
    corner = np.stack([number % columns, number // columns], axis=1) * place + (place - box) / 2
    return np.concatenate([corner, corner + box], axis=1).astype(np.float32)


class PlantedDetector:
    """A detector that looks at every frame and finds the crowd in it."""

    def __init__(self, detector: Detector, crowd: Detections) -> None:
        self._detector = detector
        self._looks = not isinstance(detector, ExternalDetections)
        self._crowd = crowd
        self._later = dataclasses.replace(
            crowd, scores=np.full(len(crowd), KNOWN, np.float32))
        self.device = getattr(detector, 'device', '')

    @property
    def class_names(self) -> Sequence[str]:
        """Names by label."""
        return self._detector.class_names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the crowd, as sure in every frame: here detections carry the tracks on."""
        if self._looks:
            self._detector.detect(frames)
        return [self._crowd] * len(frames)

    def _seen(self, frame: Frame) -> Detections:
        """Return the crowd where detections only start tracks."""
        return self._later if frame.stamp else self._crowd


class DenseCrowd(PlantedDetector):
    """The same for SMOT: the anchors see the crowd as well, wherever they are asked."""

    def __init__(self, detector: DenseDetector, crowd: Detections) -> None:
        super().__init__(detector, crowd)
        self._scores: torch.Tensor | None = None

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the crowd."""
        self._detector.detect(frames)
        return [self._seen(frame) for frame in frames]

    def detect_densely(
            self, frames: Sequence[Frame]) -> tuple[list[Detections], RawDetections]:
        """Return the crowd, and anchors that are all sure of what lies where they do."""
        _, raw = cast(DenseDetector, self._detector).detect_densely(frames)
        if self._scores is None or self._scores.shape != raw.scores.shape:
            self._scores = raw.scores.new_full(raw.scores.shape, SURE)
        return [self._seen(frame) for frame in frames], dataclasses.replace(
            raw, scores=self._scores, boxes=raw.anchors)


class PlantedFeatureDetector(PlantedDetector):
    """The same for methods that search by a Faster R-CNN."""

    def __init__(self, detector: FeatureDetector, crowd: Detections) -> None:
        super().__init__(detector, crowd)
        self._network = detector

    @property
    def motion(self) -> MotionModel | None:
        """The motion model beside the detector."""
        return self._network.motion

    def extract_features(self, frame: Frame, *, detect: bool = True) -> RoiHeads:
        """Compute the features of a frame, in which the crowd is found."""
        heads = self._network.extract_features(frame, detect=detect)
        return cast('RoiHeads', _PlantedRoiHeads(heads, self._seen(frame)))


class _PlantedRoiHeads:
    """RoiHeads whose results are replaced by the crowd, in its order."""

    def __init__(self, heads: RoiHeads, crowd: Detections) -> None:
        self._heads = heads
        self._crowd = crowd

    def __getattr__(self, name: str) -> Any:
        return getattr(self._heads, name)

    def detections(self, given: Detections | None = None) -> Detections:
        """Detect objects; return the crowd."""
        self._heads.detections(given)
        return self._crowd

    def refine(self, boxes: Floats, labels: Ints) -> tuple[Floats, Floats]:
        """Refine boxes; return the crowd, with sure scores."""
        self._heads.refine(boxes, labels)
        return self._places(boxes), np.full(len(boxes), SURE, np.float32)

    def search_tracks(self, *args: Any) -> SearchedTracks:
        """Search and refine tracks; return the crowd."""
        found = self._heads.search_tracks(*args)
        places, sure = self._places(found.boxes), np.full(len(found.boxes), SURE, np.float32)
        return found._replace(found=places, visibilities=sure, boxes=places, scores=sure)

    def _places(self, boxes: Floats) -> Floats:
        return self._crowd.boxes if len(boxes) == len(self._crowd) else boxes
