# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SiamMOT: Siamese multi-object tracking (arXiv 2105.11595)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.methods.siammot import SiamMotSettings
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.methods.base import PooledMethod
from mot_ros.tracking.methods.siammot.lifecycle import apply_result, MissPolicy
from mot_ros.tracking.methods.siammot.rcnn_frontend import FoundTracks, RcnnFrontend
from mot_ros.tracking.methods.siammot.reactivation import reactivate
from mot_ros.tracking.methods.siammot.solver import Rules, solve, TrackCandidates
from mot_ros.tracking.motion.last_observation import LastObservation
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.tracks.search_pool import SearchTrackPool
from mot_ros.tracking.types import Floats, Frame, in_state, Mask, Tracks, TrackState

if TYPE_CHECKING:
    from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
    from mot_ros.tracking.nets.siammot.network import MotionModel


class SiamMot(PooledMethod[SearchTrackPool]):
    """
    Faster R-CNN detects objects, a Siamese motion model searches each of them in every frame.

    One engine for the paper, its published code and our own additions, which differ by settings
    alone: the presets `paper`, `code` and `accurate`. docs/siammot.md lists them and their
    differences from their sources. A dormant track is one whose state is LOST. Raises
    WeightsError if the network cannot be loaded, or has no motion model.
    """

    def __init__(self, detector: Detector, settings: Settings, first_id: int = 1) -> None:
        self._settings = settings.siammot
        self._frontend = RcnnFrontend(detector, settings)
        # here and not above: torch takes seconds to load
        from mot_ros.tracking.methods.siammot.template_memory import TemplateMemory

        self._memory = TemplateMemory(_motion_model(self._frontend))
        super().__init__(SearchTrackPool(_motion(self._settings), first_id))
        self._tracks.use_camera(settings.camera_motion if self._settings.camera else None)

    def configure(self, settings: Settings, detector: Detector) -> None:
        """
        Take other settings between two frames; where that raises, nothing has changed.

        Other weights, velocity or number of cells of the templates drop all tracks, ids go on.
        """
        frontend = RcnnFrontend(detector, settings, self._frontend)
        head = _motion_model(frontend)
        s, before = settings.siammot, self._settings
        same = (frontend.weights == self._frontend.weights and _motion(s) == _motion(before)
                and s.template_cells == before.template_cells)
        self._settings, self._frontend, self._memory.head = s, frontend, head
        self._tracks.use_camera(settings.camera_motion if s.camera else None)
        if not same:
            self._tracks.change_motion(_motion(s))
            self.reset(keep_ids=True)

    def reset(self, *, keep_ids: bool = False) -> None:
        """Drop every track; number from 1 again unless `keep_ids`."""
        super().reset(keep_ids=keep_ids)
        self._memory.reset()

    def update(self, frame: Frame) -> Tracks:
        """Detect, search, refine, solve, update the templates (arXiv 2105.11595, section 3)."""
        s, tracks = self._settings, self._tracks
        image = self._frontend.detect(frame, s.detections)
        before = tracks.propagate(frame)
        expected = tracks.compensate_motion(frame, lambda: image.detections.boxes)
        stretch = self._stretch(before.boxes, expected.boxes)

        found = image.search(self._memory, expected, s, stretch)
        candidates = TrackCandidates(
            found.boxes, self._score(found), expected.labels,
            in_state(expected.states, TrackState.LOST), found.here)

        solved = solve(candidates, image.detections, self.rules)
        candidates, result = reactivate(
            candidates, expected.boxes, image.detections, solved,
            s.reactivation_distance, class_aware=s.class_aware)
        living = apply_result(
            tracks, candidates, image.detections, result, MissPolicy(s.tau, s.dormant_time))

        self._update_templates(image.heads, living)
        # the detector has seen a reactivated track and a new one, the search has not
        found.visibilities[np.setdiff1d(result.active, solved.active)] = 1
        now = tracks.snapshot()
        new = np.ones(len(now) - int(living.sum()), np.float32)
        return dataclasses.replace(
            now, visibilities=np.concatenate([found.visibilities[living], new]))

    @property
    def rules(self) -> Rules:
        """The thresholds of the solver."""
        s = self._settings
        return Rules(
            s.alpha, s.beta, s.resume, s.overlap, s.overlap, joint=s.suppress == 'joint',
            class_aware=s.class_aware)

    def _update_templates(self, heads: RoiHeads, living: Mask) -> None:
        """Extract templates of the tracks seen in this frame; `living` (N,) of before go on."""
        now = self._tracks.snapshot()
        try:
            self._memory.update_templates(
                heads, now.boxes, living, in_state(now.states, TrackState.CONFIRMED),
                self._settings)
        except Exception:
            # out of memory, say: with rows of other tracks every later frame would fail too
            self.reset(keep_ids=True)
            raise

    def _score(self, found: FoundTracks) -> Floats:
        """Return the scores (N,) that the solver compares with alpha."""
        if self._settings.decide == 'visibility':
            return found.visibilities
        if self._settings.decide == 'box':
            return found.scores
        return np.asarray((found.scores + found.visibilities) / 2, np.float32)

    def _stretch(self, before: Floats, after: Floats) -> float:
        """
        Return the factor of the search region, given boxes (N, 4) before and after compensation.

        Objects near the road move more than the image as a whole does, so the motion that is
        left to search grows with the compensated motion: by the shift of the median track, in
        its own sides. In quarters, to keep the number of different sizes small.
        """
        most = self._settings.stretch
        if most == 1 or not len(before):
            return 1.0
        shift = np.abs((after - before)[:, :2] + (after - before)[:, 2:]) / 2
        moved = float(np.median((shift / (before[:, 2:] - before[:, :2])).max(axis=1)))
        stretched: float = min(most, 1 + round(4 * moved) / 4)
        return stretched


def _motion_model(frontend: RcnnFrontend) -> MotionModel:
    head = frontend.network.motion
    if head is None:
        raise WeightsError(
            'the network of rcnn.weights has no motion model, which siammot needs: name weights '
            'with one, or choose the method tracktor, which does without')
    return head


def _motion(settings: SiamMotSettings) -> LastObservation:
    return LastObservation(settings.velocity_memory, settings.velocity)
