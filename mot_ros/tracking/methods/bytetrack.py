# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""ByteTrack: multi-object tracking by associating every detection box (arXiv 2110.06864)."""

from __future__ import annotations

import numpy as np

from mot_ros.tracking.association.assignment import match, Matches
from mot_ros.tracking.config import Settings
from mot_ros.tracking.methods.base import PooledMethod
from mot_ros.tracking.motion.kalman_filter import KalmanConfig, KalmanFilter
from mot_ros.tracking.motion.state_models import MODELS
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.tracks.birth_and_death import mark_lost_and_remove, start_tracks
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Detections, Frame, in_state, Ints, Tracks, TrackState


class ByteTrack(PooledMethod[TrackPool[KalmanFilter]]):
    """
    Two passes of IoU matching: high-score detections first, then low-score ones.

    Differs from the published code where that has defects: tentative tracks are predicted too, a
    score equal to a threshold is above it, lost tracks age in seconds and in every frame, IoU has
    no +1 convention, and when a lost track duplicates a younger active one, its id takes over at
    once without a gap of one frame.
    """

    def __init__(self, detector: Detector, settings: Settings, first_id: int = 1) -> None:
        self._settings, self._detector = settings.bytetrack, detector
        super().__init__(TrackPool(
            KalmanConfig(MODELS[self._settings.motion], self._settings.nominal_rate), first_id))

    def configure(self, settings: Settings, detector: Detector) -> None:
        """Apply new settings; another motion model or rate drops all tracks, ids go on."""
        self._settings, self._detector = settings.bytetrack, detector
        self._tracks.change_motion(
            KalmanConfig(MODELS[self._settings.motion], self._settings.nominal_rate))

    def update(self, frame: Frame) -> Tracks:
        """Detect, propagate, associate, remove and start tracks."""
        # first, since an unusable frame must not change any state
        detections = self._detector.detect([frame])[0]
        predicted = self._tracks.propagate(frame)
        matches = self.associate(predicted, detections)
        self._tracks.observe(matches.rows, detections, matches.cols)
        mark_lost_and_remove(
            self._tracks, predicted, detections, matches.free_rows, self._settings.lost_buffer)
        start_tracks(self._tracks, detections, matches.free_cols, self._settings.new_track_thresh)
        return self._tracks.snapshot()

    def associate(self, predicted: Tracks, detections: Detections) -> Matches:
        """Match in three steps (algorithm 1, lines 14 to 25, and the code's tentative tracks)."""
        s = self._settings
        scores = detections.scores
        high = np.flatnonzero(scores >= s.track_high_thresh)
        low = np.flatnonzero((scores >= s.track_low_thresh) & (scores < s.track_high_thresh))
        is_tentative = in_state(predicted.states, TrackState.TENTATIVE)
        tentative, established = np.flatnonzero(is_tentative), np.flatnonzero(~is_tentative)

        def step(rows: Ints, cols: Ints, minimum: float, *, fuse_score: bool) -> Matches:
            return match(
                predicted, detections, minimum, rows=rows, cols=cols, fuse_score=fuse_score,
                class_aware=s.class_aware)

        first = step(established, high, s.match_iou, fuse_score=s.fuse_score)
        # A low-score detection may continue only a track that was observed in the last frame.
        is_lost = in_state(predicted.states[first.free_rows], TrackState.LOST)
        second = step(first.free_rows[~is_lost], low, s.low_iou, fuse_score=False)
        third = step(tentative, first.free_cols, s.tentative_iou, fuse_score=s.fuse_score)
        return Matches(
            np.concatenate([first.rows, second.rows, third.rows]),
            np.concatenate([first.cols, second.cols, third.cols]),
            np.concatenate([first.free_rows[is_lost], second.free_rows, third.free_rows]),
            third.free_cols)
