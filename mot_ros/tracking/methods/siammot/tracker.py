# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SiamMOT: Siamese multi-object tracking (arXiv 2105.11595)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.siammot import SiamMotSettings
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.methods.base import PooledMethod
from mot_ros.tracking.methods.siammot.lifecycle import apply_result, MissPolicy
from mot_ros.tracking.methods.siammot.rcnn_frontend import RcnnFrontend
from mot_ros.tracking.methods.siammot.reactivation import reactivate
from mot_ros.tracking.methods.siammot.solver import Rules, solve, TrackCandidates
from mot_ros.tracking.motion.last_observation import LastObservation
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.tracks.search_pool import SearchTrackPool
from mot_ros.tracking.types import Detections, Floats, Frame, in_state, Tracks, TrackState

if TYPE_CHECKING:
    from mot_ros.tracking.nets.siammot.emm import Emm
    from mot_ros.tracking.nets.siammot.imm import Imm


class SiamMot(PooledMethod[SearchTrackPool]):
    """
    Faster R-CNN finds objects, a Siamese motion model finds each of them again in every frame.

    One engine for the paper, its published code and our own additions, which differ by settings
    alone: the presets `paper`, `code` and `accurate`. docs/siammot.md lists what they are and
    where they part from their sources. A dormant track is one whose state is LOST. Raises
    WeightsError if the network cannot be loaded, or has no motion model.
    """

    def __init__(self, detector: Detector, settings: Settings, first_id: int = 1) -> None:
        self._settings = settings.siammot
        self._eyes = RcnnFrontend(detector, settings)
        # here and not above: torch takes seconds to load
        from mot_ros.tracking.methods.siammot.template_memory import SiamMemory

        self._memory = SiamMemory(_motion_model(self._eyes))
        super().__init__(SearchTrackPool(_motion(self._settings), first_id))
        self._tracks.use_camera(settings.camera_motion if self._settings.camera else None)

    def configure(self, settings: Settings, detector: Detector) -> None:
        """
        Take other settings between two frames; what raises changes nothing.

        Other weights, velocity or number of cells of the templates drop all tracks, ids go on.
        """
        eyes = RcnnFrontend(detector, settings, self._eyes)
        head = _motion_model(eyes)
        s, before = settings.siammot, self._settings
        same = (eyes.weights == self._eyes.weights and _motion(s) == _motion(before)
                and s.template_cells == before.template_cells)
        self._settings, self._eyes, self._memory.head = s, eyes, head
        self._tracks.use_camera(settings.camera_motion if s.camera else None)
        if not same:
            self._tracks.change_motion(_motion(s))
            self.reset(keep_ids=True)

    def reset(self, *, keep_ids: bool = False) -> None:
        """Forget every track; number from 1 again unless `keep_ids`."""
        super().reset(keep_ids=keep_ids)
        self._memory.reset()

    def update(self, frame: Frame) -> Tracks:
        """Detect, search, refine, solve; then templates are renewed."""
        s, tracks, eyes = self._settings, self._tracks, self._eyes
        sight = eyes.see(frame, s.detections)
        # a GPU is asked once about both where nothing that moves tracks looks at detections
        early = tracks.needs_objects or not eyes.are_own
        detections = (
            eyes.detections(sight, frame, s.detections) if early else Detections.empty())
        before = tracks.propagate(frame).boxes
        expected = tracks.follow(frame, detections.boxes)

        refined, scores, visibility, here = eyes.follow(
            sight, self._memory, expected, s, self._stretch(before, expected.boxes))
        if not early:
            detections = eyes.detections(sight, frame, s.detections)
        claims = TrackCandidates(
            refined, self._score(scores, visibility), expected.labels,
            in_state(expected.states, TrackState.LOST), here)
        found_again = solve(claims, detections, self.rules)
        claims, verdict = reactivate(
            claims, expected.boxes, detections, found_again, s.reactivation_distance,
            class_aware=s.class_aware)
        # the search did not see those, the detector did, as it does new ones
        visibility[np.setdiff1d(verdict.active, found_again.active)] = 1
        living = apply_result(
            tracks, claims, detections, verdict, MissPolicy(s.tau, s.dormant_time))
        now = tracks.snapshot()
        try:
            self._memory.renew(
                sight, now.boxes, living, in_state(now.states, TrackState.CONFIRMED), s)
        except Exception:
            # out of memory, say: with rows of other tracks every later frame would fail too
            self.reset(keep_ids=True)
            raise
        new = np.ones(len(now) - int(living.sum()), np.float32)
        return dataclasses.replace(
            now, visibilities=np.concatenate([visibility[living], new]))

    @property
    def rules(self) -> Rules:
        """The thresholds of the solver."""
        s = self._settings
        return Rules(
            s.alpha, s.beta, s.resume, s.overlap, s.overlap, joint=s.suppress == 'joint',
            class_aware=s.class_aware)

    def _score(self, scores: Floats, visibility: Floats) -> Floats:
        """Return what is held against alpha (N,), of one track both times in the same row."""
        if self._settings.decide == 'visibility':
            return visibility
        if self._settings.decide == 'box':
            return scores
        return np.asarray((scores + visibility) / 2, np.float32)

    def _stretch(self, before: Floats, after: Floats) -> float:
        """
        Return how many times larger to look, given boxes (N, 4) without and with camera motion.

        What is near the road moves more than the image as a whole does, so what is left to find
        grows with what was taken out: by the shift of the median track, in its own sides. In
        quarters, to keep the number of different sizes small.
        """
        most = self._settings.stretch
        if most == 1 or not len(before):
            return 1.0
        shift = np.abs((after - before)[:, :2] + (after - before)[:, 2:]) / 2
        moved = float(np.median((shift / (before[:, 2:] - before[:, :2])).max(axis=1)))
        stretched: float = min(most, 1 + round(4 * moved) / 4)
        return stretched


def _motion_model(eyes: RcnnFrontend) -> Emm | Imm:
    head = eyes.network.motion
    if head is None:
        raise WeightsError(
            'the network of rcnn.weights has no motion model, which siammot needs: name weights '
            'with one, or choose the method tracktor, which does without')
    return head


def _motion(settings: SiamMotSettings) -> LastObservation:
    return LastObservation(settings.velocity_memory, settings.velocity)
