# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""DeepSORT: SORT with a deep association metric (arXiv 1703.07402)."""

from __future__ import annotations

import numpy as np

from mot_ros.tracking.association.assignment import assign, match, Matches
from mot_ros.tracking.association.similarity import CHI2_95, positive_pairs
from mot_ros.tracking.config import DeepSortSettings, Settings
from mot_ros.tracking.methods.base import PooledMethod
from mot_ros.tracking.motion.kalman_filter import KalmanConfig
from mot_ros.tracking.motion.state_models import MODELS
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.tracks.appearance_pool import AppearanceTrackPool
from mot_ros.tracking.types import Detections, Floats, Frame, in_state, Ints, Tracks, TrackState


class DeepSort(PooledMethod[AppearanceTrackPool]):
    """
    Matching cascade by re-ID embedding, most recently seen tracks first, then one pass by IoU.

    `max_age` and `n_init` count processed frames, as in the paper. Without appearance the cascade
    uses the Mahalanobis distance (lambda = 1 in the paper's equation 5). Differs from the
    published code in its output: only tracks observed in this frame.
    """

    def __init__(self, detector: Detector, settings: Settings, first_id: int = 1) -> None:
        self._detector = detector
        self._settings = s = settings.deepsort
        super().__init__(AppearanceTrackPool(
            _motion(s), settings, s.budget, camera=False, first_id=first_id))

    def configure(self, settings: Settings, detector: Detector) -> None:
        """Apply new settings; another state model or rate drops all tracks, ids go on."""
        s = settings.deepsort
        self._tracks.configure(_motion(s), settings, s.budget, camera=False)
        self._settings, self._detector = s, detector

    def update(self, frame: Frame) -> Tracks:
        """Detect, propagate, associate, update embeddings, remove and start tracks."""
        s, tracks = self._settings, self._tracks
        # first, since an unusable frame must not change any state
        detections = self._detector.detect([frame])[0]
        predicted = tracks.propagate(frame)
        tracks.set_detections(frame, detections)
        matches = self.associate(predicted, detections)

        # the first observation is the start itself
        confirmed = ~in_state(predicted.states[matches.rows], TrackState.TENTATIVE) | (
            tracks.hits[matches.rows] + 2 >= s.n_init)
        tracks.observe(
            matches.rows, detections, matches.cols,
            np.where(confirmed, TrackState.CONFIRMED, TrackState.TENTATIVE).astype(np.uint8))
        tracks.update_embeddings(matches.rows, matches.cols)
        alive = np.ones(len(tracks), np.bool_)
        alive[matches.free_rows] = ~in_state(
            predicted.states[matches.free_rows], TrackState.TENTATIVE)
        tracks.lose(matches.free_rows)
        tracks.keep(alive & (tracks.misses <= s.max_age))
        tracks.add(
            detections, matches.free_cols,
            TrackState.CONFIRMED if s.n_init == 1 else TrackState.TENTATIVE)
        return tracks.snapshot()

    def associate(self, predicted: Tracks, detections: Detections) -> Matches:
        """Run the matching cascade (listing 1 of the paper), then match by IoU."""
        s, tracks = self._settings, self._tracks
        cols = np.flatnonzero(detections.scores >= s.min_score)
        is_tentative = in_state(predicted.states, TrackState.TENTATIVE)
        established = np.flatnonzero(~is_tentative)
        table = self._similarity(predicted, detections, established, cols)
        least = 0.0 if tracks.embedder is None else 1 - s.max_distance
        rows, taken = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        left = np.arange(len(cols))
        misses = tracks.misses[established]
        for age in np.unique(misses):
            level = np.flatnonzero(misses == age)
            some = table[np.ix_(level, left)]
            found = assign(positive_pairs(some), some.shape, least).within(level, left)
            rows.append(established[found.rows])
            taken.append(cols[found.cols])
            left = found.free_cols
        # tracks seen in the last frame or just started may have changed their appearance
        unmatched = np.setdiff1d(np.arange(len(predicted)), np.concatenate(rows))
        recent = is_tentative[unmatched] | (tracks.misses[unmatched] == 0)
        last = match(
            predicted, detections, s.match_iou, rows=unmatched[recent], cols=cols[left],
            class_aware=s.class_aware)
        return Matches(
            np.concatenate([*rows, last.rows]), np.concatenate([*taken, last.cols]),
            np.concatenate([unmatched[~recent], last.free_rows]), last.free_cols)

    def _similarity(
            self, predicted: Tracks, detections: Detections, rows: Ints, cols: Ints) -> Floats:
        """Return one minus the cost (N, M), 0 outside the Mahalanobis gate."""
        tracks = self._tracks
        distances = tracks.motion.squared_distances(detections.boxes[cols])[rows]
        table: Floats = (
            (1 - distances / CHI2_95).astype(np.float32) if tracks.embedder is None else
            tracks.cosines(rows, cols, 'bank'))
        allowed = distances <= CHI2_95
        if self._settings.class_aware:
            allowed &= predicted.labels[rows][:, None] == detections.labels[cols]
        return np.where(allowed, table, np.float32(0))


def _motion(settings: DeepSortSettings) -> KalmanConfig:
    """Return the configuration of the Kalman filter."""
    model = MODELS['xyah' if settings.hold_height else 'deepsort']
    return KalmanConfig(model, settings.nominal_rate)
