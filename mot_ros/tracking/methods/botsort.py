# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""BoT-SORT: robust associations, multi-pedestrian tracking (arXiv 2206.14651)."""

from __future__ import annotations

import numpy as np

from mot_ros.tracking.association.assignment import assign, match, Matches
from mot_ros.tracking.association.similarity import positive_pairs
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import Settings
from mot_ros.tracking.methods.base import PooledMethod
from mot_ros.tracking.motion.kalman_filter import KalmanConfig
from mot_ros.tracking.motion.state_models import MODELS
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.tracks.appearance_pool import AppearanceTrackPool
from mot_ros.tracking.tracks.birth_and_death import mark_lost_and_remove, start_tracks
from mot_ros.tracking.types import Detections, Floats, Frame, in_state, Ints, Tracks, TrackState


class BotSort(PooledMethod[AppearanceTrackPool]):
    """
    ByteTrack with camera motion compensation and the better of IoU and re-ID similarity.

    Without appearance it is the paper's BoT-SORT, with it BoT-SORT-ReID. Differs from the
    published code as our ByteTrack does from its own.
    """

    def __init__(self, detector: Detector, settings: Settings, first_id: int = 1) -> None:
        self._detector = detector
        self._settings = settings.botsort
        super().__init__(AppearanceTrackPool(
            KalmanConfig(
                MODELS['xywh'], self._settings.nominal_rate), settings, capacity=1, camera=True,
            first_id=first_id))

    def configure(self, settings: Settings, detector: Detector) -> None:
        """Apply new settings; another nominal rate drops all tracks, ids go on."""
        s = settings.botsort
        self._tracks.configure(
            KalmanConfig(MODELS['xywh'], s.nominal_rate), settings, capacity=1, camera=True)
        self._settings, self._detector = s, detector

    def update(self, frame: Frame) -> Tracks:
        """Detect, propagate, associate, update embeddings, remove and start tracks."""
        tracks = self._tracks
        # first, since an unusable frame must not change any state
        detections = self._detector.detect([frame])[0]
        tracks.propagate(frame)
        predicted = tracks.compensate_motion(frame, detections.boxes)
        tracks.set_detections(frame, detections)
        matches = self.associate(predicted, detections)
        tracks.observe(matches.rows, detections, matches.cols)
        # low-score detections have no embedding and update none
        tracks.update_embeddings(matches.rows, matches.cols)
        mark_lost_and_remove(
            tracks, predicted, detections, matches.free_rows, self._settings.lost_buffer)
        start_tracks(tracks, detections, matches.free_cols, self._settings.new_track_thresh)
        return tracks.snapshot()

    def associate(self, predicted: Tracks, detections: Detections) -> Matches:
        """Match in three steps: high-score detections, low-score ones, tentative tracks."""
        s = self._settings
        scores = detections.scores
        high = np.flatnonzero(scores >= s.track_high_thresh)
        low = np.flatnonzero((scores >= s.track_low_thresh) & (scores < s.track_high_thresh))
        is_tentative = in_state(predicted.states, TrackState.TENTATIVE)
        tentative, established = np.flatnonzero(is_tentative), np.flatnonzero(~is_tentative)

        def step(rows: Ints, cols: Ints, minimum: float) -> Matches:
            table = self._similarity(predicted, detections, rows, cols)
            return assign(positive_pairs(table), table.shape, minimum).within(rows, cols)

        first = step(established, high, s.match_iou)
        # A low-score detection may continue only a track that was observed in the last frame.
        is_lost = in_state(predicted.states[first.free_rows], TrackState.LOST)
        second = match(
            predicted, detections, s.low_iou, rows=first.free_rows[~is_lost], cols=low,
            class_aware=s.class_aware)
        third = step(tentative, first.free_cols, s.tentative_iou)
        return Matches(
            np.concatenate([first.rows, second.rows, third.rows]),
            np.concatenate([first.cols, second.cols, third.cols]),
            np.concatenate([first.free_rows[is_lost], second.free_rows, third.free_rows]),
            third.free_cols)

    def _similarity(
            self, predicted: Tracks, detections: Detections, rows: Ints, cols: Ints) -> Floats:
        """Return one minus the cost (N, M): the smaller of two distances (section 3.3)."""
        s = self._settings
        overlap = iou(predicted.boxes[rows], detections.boxes[cols])
        table = overlap * detections.scores[cols]
        if self._tracks.embedder is not None:
            distance = (1 - self._tracks.cosines(rows, cols, 'mean')) / 2
            counts = (distance <= s.appearance_thresh) & (overlap >= s.proximity_iou)
            table = np.where(counts, np.maximum(table, 1 - distance), table)
        if s.class_aware:
            same = predicted.labels[rows][:, None] == detections.labels[cols]
            table = np.where(same, table, np.float32(0))
        return table
