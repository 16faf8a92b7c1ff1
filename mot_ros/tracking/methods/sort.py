# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SORT: simple online and realtime tracking (arXiv 1602.00763)."""

from __future__ import annotations

import numpy as np

from mot_ros.tracking.association.assignment import assign_before_gate, match, Matches
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import Settings
from mot_ros.tracking.methods.base import PooledMethod
from mot_ros.tracking.motion.kalman_filter import KalmanConfig, KalmanFilter
from mot_ros.tracking.motion.state_models import MODELS
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Detections, Frame, Tracks, TrackState


class Sort(PooledMethod[TrackPool[KalmanFilter]]):
    """
    One pass of IoU matching between predicted boxes and detections.

    `max_age` and `min_hits` count processed frames, as in the paper. A track that missed a frame
    must be confirmed again, and tracks in the first frames of a sequence are confirmed at once,
    both as in the published code.
    """

    def __init__(self, detector: Detector, settings: Settings, first_id: int = 1) -> None:
        self._settings, self._detector = settings.sort, detector
        super().__init__(TrackPool(
            KalmanConfig(MODELS['xysr'], self._settings.nominal_rate), first_id))

    def configure(self, settings: Settings, detector: Detector) -> None:
        """Apply new settings; another nominal rate drops all tracks, ids go on."""
        self._settings, self._detector = settings.sort, detector
        self._tracks.change_motion(KalmanConfig(MODELS['xysr'], self._settings.nominal_rate))

    def update(self, frame: Frame) -> Tracks:
        """Detect, propagate, associate, remove and start tracks."""
        s, tracks = self._settings, self._tracks
        # first, since an unusable frame must not change any state
        detections = self._detector.detect([frame])[0]
        predicted = tracks.propagate(frame)
        matches = self.associate(predicted, detections)

        early = tracks.frames <= s.min_hits
        proven = early | (tracks.hits[matches.rows] + 1 >= s.min_hits)
        tracks.observe(
            matches.rows, detections, matches.cols,
            np.where(proven, TrackState.CONFIRMED, TrackState.TENTATIVE).astype(np.uint8))
        tracks.lose(matches.free_rows)
        tracks.keep(tracks.misses <= s.max_age)
        tracks.add(
            detections, matches.free_cols,
            TrackState.CONFIRMED if early else TrackState.TENTATIVE)
        return tracks.snapshot()

    def associate(self, predicted: Tracks, detections: Detections) -> Matches:
        """Match by IoU alone (section 3.3 of the paper); low-score detections are ignored."""
        s = self._settings
        strong = np.flatnonzero(detections.scores >= s.min_score)
        if s.assignment == 'published':
            table = iou(predicted.boxes, detections.boxes[strong])
            if s.class_aware:
                table *= predicted.labels[:, None] == detections.labels[strong]
            return assign_before_gate(table, s.match_iou).within(
                np.arange(len(predicted)), strong)
        return match(
            predicted, detections, s.match_iou, cols=strong, class_aware=s.class_aware)
