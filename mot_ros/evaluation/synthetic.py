# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Scores on synthetic video, and a Faster R-CNN that several trackers share."""

from __future__ import annotations

from collections.abc import Sequence
import functools

import numpy as np

from mot_ros.data.annotated import Annotated, even_stamps, every_frame
from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.synthetic.truth import rows_of, SyntheticTruth
from mot_ros.evaluation.scores import scoring
from mot_ros.evaluation.scores.ignore_regions import considered, without_ignored
from mot_ros.tracking.detectors.rcnn.feature_detector import FeatureDetector
from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
from mot_ros.tracking.nets.siammot.network import MotionModel
from mot_ros.tracking.types import Detections, Frame, Tracks

VISIBLE = 0.3
"""Largest visible part of people who are ignored by the scores."""


class SharedRcnn:
    """Share a Faster R-CNN between trackers: features and detections are computed once a frame."""

    def __init__(self, detector: FeatureDetector) -> None:
        self._detector = detector
        self._last: tuple[Frame, RoiHeads] | None = None

    @property
    def class_names(self) -> Sequence[str]:
        """Names by label."""
        return self._detector.class_names

    @property
    def motion(self) -> MotionModel | None:
        """Return the motion model of the network."""
        return self._detector.motion

    def extract_features(self, frame: Frame, *, detect: bool = True) -> RoiHeads:
        """Return the ROI heads of a frame, whose detections are cached."""
        if self._last is None or self._last[0] is not frame:
            heads = self._detector.extract_features(frame)
            heads.detections = functools.cache(heads.detections)  # type: ignore[method-assign]
            self._last = frame, heads
        return self._last[1]

    def detect(self, given: Sequence[Frame]) -> list[Detections]:
        """Return the objects of each frame."""
        return [self.extract_features(frame).detections() for frame in given]


def rows_of_tracks(found: Sequence[Tracks]) -> MotRows:
    """Return the observed boxes, numbered by frame from 1 on, not clipped to the image."""
    seen = [tracks.observed for tracks in found]
    lengths = [len(tracks) for tracks in seen]
    return MotRows(
        np.repeat(np.arange(1, len(lengths) + 1), lengths),
        np.concatenate([tracks.ids for tracks in seen]),
        np.concatenate([tracks.boxes for tracks in seen]).astype(np.float64),
        np.concatenate([tracks.scores for tracks in seen]).astype(np.float64))


def raw_scores(
        truths: Sequence[SyntheticTruth], tracks: MotRows, size: tuple[int, int],
        rate: float) -> scoring.Raw:
    """Score a clip; tracks on people of a visibility up to VISIBLE are ignored."""
    truth = rows_of(truths, VISIBLE)[0]
    sequence = Annotated(
        'clip', size, rate, even_stamps(len(truths), rate), 'mot16', truth, truth.values == 0,
        every_frame(len(truths)))
    return scoring.measure(considered(sequence), without_ignored(sequence, tracks), 0)
