# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Tracktor: tracking without bells and whistles (arXiv 1903.05625)."""

from __future__ import annotations

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.methods.siammot import TracktorSettings
from mot_ros.tracking.methods.base import PooledMethod
from mot_ros.tracking.methods.siammot.lifecycle import apply_result, MissPolicy
from mot_ros.tracking.methods.siammot.rcnn_frontend import RcnnFrontend
from mot_ros.tracking.methods.siammot.solver import Rules, solve, TrackCandidates
from mot_ros.tracking.motion.last_observation import LastObservation
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.tracks.search_pool import SearchTrackPool
from mot_ros.tracking.types import Frame, in_state, Tracks, TrackState


class Tracktor(PooledMethod[SearchTrackPool]):
    """
    The box head of a Faster R-CNN refines the last box of each track to its box in this frame.

    The rows "Faster-RCNN (Tracktor)" and "+ Flow" of SiamMOT's table 1, or with preset `code`
    Tracktor's own thresholds; without its re-identification. `motion` moves boxes before the
    box head refines them. Raises WeightsError if the network cannot be loaded.
    """

    def __init__(self, detector: Detector, settings: Settings, first_id: int = 1) -> None:
        self._settings = settings.tracktor
        self._frontend = RcnnFrontend(detector, settings)
        super().__init__(SearchTrackPool(LastObservation(), first_id))
        self._use_motion(settings)

    def configure(self, settings: Settings, detector: Detector) -> None:
        """Take other settings between two frames; other weights drop all tracks, ids go on."""
        frontend = RcnnFrontend(detector, settings, self._frontend)
        same = frontend.weights == self._frontend.weights
        if _flow_key(settings.tracktor) != _flow_key(self._settings):
            self._tracks.flow = None
        self._settings, self._frontend = settings.tracktor, frontend
        self._use_motion(settings)
        if not same:
            self.reset(keep_ids=True)

    def update(self, frame: Frame) -> Tracks:
        """Detect, propagate, refine, solve (arXiv 1903.05625, section 2)."""
        s, tracks = self._settings, self._tracks
        image = self._frontend.detect(frame, s.detections)
        tracks.propagate(frame)
        expected = tracks.compensate_motion(frame, lambda: image.detections.boxes)

        found = image.refine(expected)
        candidates = TrackCandidates(
            found.boxes, found.scores, expected.labels,
            in_state(expected.states, TrackState.LOST), found.here)

        result = solve(candidates, image.detections, self.rules)
        apply_result(
            tracks, candidates, image.detections, result, MissPolicy(s.tau, s.dormant_time))
        return tracks.snapshot()

    @property
    def rules(self) -> Rules:
        """The thresholds of the solver."""
        s = self._settings
        return Rules(
            s.alpha, s.beta, s.alpha, s.overlap, s.track_overlap, joint=s.suppress == 'joint',
            class_aware=s.class_aware)

    def _use_motion(self, settings: Settings) -> None:
        s = settings.tracktor
        self._tracks.use_camera(settings.camera_motion if s.motion == 'camera' else None)
        if self._tracks.flow is None and s.motion in ('farneback', 'dis'):
            # here and not above: methods that use boxes alone do without OpenCV
            from mot_ros.tracking.motion.optical_flow import make_box_motion

            self._tracks.flow = make_box_motion(s.motion, s.flow_size, s.flow_reduction)


def _flow_key(settings: TracktorSettings) -> tuple[str, int, str]:
    return settings.motion, settings.flow_size, settings.flow_reduction
