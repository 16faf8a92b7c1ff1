# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SMILEtrack: similarity learning for multi-object tracking (arXiv 2211.08824)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.association import similarity as smc
from mot_ros.tracking.association.assignment import assign, match, Matches, MOST_PAIRS, Pairs
from mot_ros.tracking.association.iou_variants import (
    buffered_iou,
    direction_consistency,
    height_iou,
)
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import Settings, SmileTrackSettings
from mot_ros.tracking.methods.base import PooledMethod
from mot_ros.tracking.motion.kalman_filter import KalmanConfig
from mot_ros.tracking.motion.state_models import MODELS
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.tracks.birth_and_death import (
    mark_lost_and_remove,
    remove_shorter_lived,
    start_tracks,
)
from mot_ros.tracking.tracks.history import HistoryTrackPool
from mot_ros.tracking.types import Detections, Floats, Frame, in_state, Ints, Tracks, TrackState

# From this IoU on a pair without competitors is matched without embedding.
LONE_IOU = 0.5


class SmileTrack(PooledMethod[HistoryTrackPool]):
    """
    Two passes as in ByteTrack, in which IoU and appearance similarity count together.

    One implementation for the article, its published code and our own tuning, which differ only in
    settings: the presets `paper`, `code` and `accurate`. docs/smiletrack.md lists them and their
    differences from the sources. Without appearance the first pass uses IoU, heights and
    directions, the second IoU.
    """

    def __init__(self, detector: Detector, settings: Settings, first_id: int = 1) -> None:
        self._detector = detector
        self._settings = s = settings.smiletrack
        super().__init__(HistoryTrackPool(
            KalmanConfig(MODELS['xywh'], s.nominal_rate), settings, _capacity(s), camera=s.camera,
            first_id=first_id))

    def configure(self, settings: Settings, detector: Detector) -> None:
        """Apply new settings; another nominal rate drops all tracks, ids go on."""
        s = settings.smiletrack
        self._tracks.configure(
            KalmanConfig(MODELS['xywh'], s.nominal_rate), settings, _capacity(s), camera=s.camera)
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
        # the box of a half hidden object shows another object's appearance
        high_score = np.isin(matches.cols, self.split(detections.scores)[0])
        tracks.update_embeddings(matches.rows[high_score], matches.cols[high_score])
        s = self._settings
        published = s.worth == 'code'
        mark_lost_and_remove(
            tracks, predicted, detections, matches.free_rows, s.lost_buffer,
            None if published else self._appearance_allows_merge)
        start_tracks(tracks, detections, matches.free_cols, s.new_track_thresh)
        if published:
            remove_shorter_lived(tracks)
        return tracks.snapshot()

    def split(self, scores: Floats) -> tuple[Ints, Ints]:
        """Return the rows of high-score and low-score detections (the article's SMC section)."""
        s = self._settings
        if s.split == 'adaptive':
            return smc.split_by_scores(scores, s.track_low_thresh)
        return (np.flatnonzero(scores >= s.track_high_thresh),
                np.flatnonzero((scores >= s.track_low_thresh) & (scores < s.track_high_thresh)))

    def associate(self, predicted: Tracks, detections: Detections) -> Matches:
        """Match in three steps: high-score detections, low-score ones, tentative tracks."""
        s = self._settings
        high, low = self.split(detections.scores)
        is_tentative = in_state(predicted.states, TrackState.TENTATIVE)
        tentative, established = np.flatnonzero(is_tentative), np.flatnonzero(~is_tentative)

        def by_overlap(rows: Ints, cols: Ints, minimum: float, *, fuse_score: bool) -> Matches:
            return match(
                predicted, detections, minimum, rows=rows, cols=cols, fuse_score=fuse_score,
                class_aware=s.class_aware)

        def by_similarity(rows: Ints, cols: Ints, minimum: float, memory: str) -> Matches:
            table = self._similarity(predicted, detections, rows, cols, memory)
            return assign(smc.positive_pairs(table), table.shape, minimum).within(rows, cols)

        boxes_only = self._tracks.embedder is None
        first = (
            assign(
                self._box_similarity(predicted, detections, established, high),
                (len(established), len(high)), s.match_iou).within(established, high)
            if boxes_only else by_similarity(established, high, s.match, 'mean'))
        # Only a track seen in the last frame may be continued by a doubtful detection.
        is_lost = in_state(predicted.states[first.free_rows], TrackState.LOST)
        rest = first.free_rows[~is_lost]
        memory = 'bank' if s.second == 'multi' else 'mean'
        second = (by_overlap(rest, low, s.second_match, fuse_score=False)
                  if boxes_only or s.second == 'iou' else
                  by_similarity(rest, low, s.second_match, memory))
        third = by_overlap(tentative, first.free_cols, s.tentative_iou, fuse_score=True)
        return Matches(
            np.concatenate([first.rows, second.rows, third.rows]),
            np.concatenate([first.cols, second.cols, third.cols]),
            np.concatenate([first.free_rows[is_lost], second.free_rows, third.free_rows]),
            third.free_cols)

    def _appearance_allows_merge(self, a: int, b: int) -> bool:
        """Return whether appearance allows merging two tracks: not if the gate separates them."""
        return self._tracks.cosine_of_tracks(a, b) >= self._settings.gate

    def _box_similarity(
            self, predicted: Tracks, detections: Detections, rows: Ints, cols: Ints) -> Pairs:
        """
        Return the pairs of positive similarity by boxes alone, valued by it.

        Beyond MOST_PAIRS pairs, which no real scene reaches, heights and directions are left out.
        """
        s = self._settings
        expected, boxes = predicted.boxes[rows], detections.boxes[cols]
        pairs = buffered_iou(expected, boxes, s.biou_buffer)
        if s.class_aware:
            pairs = pairs.where(
                predicted.labels[rows][pairs.rows] == detections.labels[cols][pairs.cols])
        scores = detections.scores[cols]
        if len(pairs.rows) > MOST_PAIRS:
            # matched greedily: the other cues would cost more than the rest of the frame
            return Pairs(pairs.rows, pairs.cols, pairs.values * scores[pairs.cols])
        values, found = pairs.values, boxes[pairs.cols]
        if s.height_iou_power:
            power = np.float32(s.height_iou_power)
            values = values * height_iou(expected[pairs.rows], found) ** power
        values = values * scores[pairs.cols]
        if s.direction_weight:
            origins, directions = self._tracks.history.observed_directions(
                rows, s.direction_span)
            ahead = direction_consistency(
                origins[pairs.rows], directions[pairs.rows], found) * scores[pairs.cols]
            values = values + np.float32(s.direction_weight) * ahead.astype(np.float32)
        return Pairs(pairs.rows, pairs.cols, values)

    def _similarity(
            self, predicted: Tracks, detections: Detections, rows: Ints, cols: Ints,
            memory: str) -> Floats:
        """Return the similarity (N, M) of pairs inside the gate, 0 for no match."""
        s = self._settings
        overlap = iou(predicted.boxes[rows], detections.boxes[cols])
        possible = np.ones(overlap.shape, np.bool_)
        if s.worth == 'article' and s.reach:
            possible = smc.distance_gate(
                predicted.boxes[rows], predicted.unseen[rows], detections.boxes[cols], s.reach,
                s.reach_growth)
        if s.class_aware:
            possible &= predicted.labels[rows][:, None] == detections.labels[cols]
        similarity = self._appearance_similarity(overlap, possible, rows, cols, memory)
        if s.worth == 'article':
            table = smc.article_similarity(overlap, similarity, s.alpha, s.gate)
        else:
            distances = self._tracks.motion.squared_distances(detections.boxes[cols])[rows]
            table = smc.code_similarity(overlap, similarity, distances, s.veto_weight, s.veto)
        return np.where(possible, table, np.float32(0))

    def _appearance_similarity(
            self, overlap: Floats, possible: NDArray[np.bool_], rows: Ints, cols: Ints,
            memory: str) -> Floats:
        """
        Return the appearance similarity of pairs (N, M).

        Where a pair has no embedding, its IoU is used. In frames between those of `embed_every`,
        pairs without competitors and of high IoU get similarity 1 without embedding.
        """
        tracks = self._tracks
        asked = np.ones(len(cols), np.bool_)
        if (tracks.frames - 1) % self._settings.embed_every:
            rivals = possible & (overlap > 0) if not self._settings.reach else possible
            lone = rivals & (rivals.sum(axis=1) == 1)[:, None] & (rivals.sum(axis=0) == 1)
            asked = ~(lone & (overlap >= LONE_IOU)).any(axis=0)
        similarity = np.ones(overlap.shape, np.float32)
        embedded = tracks.both_embedded(rows, cols[asked])
        similarity[:, asked] = np.where(
            embedded, tracks.cosines(rows, cols[asked], memory), overlap[:, asked])
        return similarity


def _capacity(settings: SmileTrackSettings) -> int:
    """Return the number of embeddings to keep per track."""
    return settings.bank if settings.second == 'multi' else 1
