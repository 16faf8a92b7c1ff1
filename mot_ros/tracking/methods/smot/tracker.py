# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SMOT: single-shot multi-object tracking by tracking anchors (arXiv 2010.16031)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.appearance.factory import embedder_key, make_embedder
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.methods.smot import SmotSettings
from mot_ros.tracking.detectors.ssd.raw_outputs import dense, RawDetections
from mot_ros.tracking.methods.base import PooledMethod
from mot_ros.tracking.methods.smot.tracklet_linker import distance_gate, TrackletLinker
from mot_ros.tracking.motion.camera_motion import CameraMotion
from mot_ros.tracking.motion.last_observation import LastObservation, LastObservationModel
from mot_ros.tracking.motion.optical_flow import BoxMotion, DenseFlow, FlowMotion, make_box_motion
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.tracks.birth_and_death import STAMP_NOISE
from mot_ros.tracking.tracks.search_pool import NEED
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Detections, Floats, Frame, in_state, Ints, Tracks, TrackState

if TYPE_CHECKING:
    from mot_ros.tracking.methods.smot.redetection import Redetections, Redetector

Mask = NDArray[np.bool_]


class Smot(PooledMethod[TrackPool[LastObservationModel]]):
    """
    Redetect every track at its tracking anchors; detections only start tracks.

    Nothing is matched from frame to frame, so the time per frame hardly depends on the number of
    tracks. Ended tracks keep their embeddings, by which a new track can be linked to them:
    published ids are identities. Differs from the published code where that has defects: missing
    tracks are searched again, the list of ended ones is bounded, anchors count whatever their
    score, and flow is never read outside the image. `flow`, such as a learned one, replaces that
    of the settings; `fixed` overrides the Redetector's choice of shapes. Raises ConfigError for a
    detector without raw outputs.
    """

    def __init__(
            self, detector: Detector, settings: Settings, first_id: int = 1,
            flow: DenseFlow | None = None, fixed: bool | None = None) -> None:
        super().__init__(TrackPool(observed(settings.smot), first_id))
        self._flow, self._fixed = flow, fixed
        self._linker = TrackletLinker(0)
        self._looks: tuple[object, ...] = ()
        self._moves: tuple[object, ...] = ()
        self.configure(settings, detector)

    @property
    def needs_image(self) -> bool:
        """Whether the method itself reads the image, beside the detector."""
        return self._motion.needs_image or self._embedder is not None

    def configure(self, settings: Settings, detector: Detector) -> None:
        """
        Apply new settings between two frames; if it raises, nothing has changed.

        Tracks live on, unless the motion switches to or from constant velocity. With another
        embedder their embeddings restart empty.
        """
        s = settings.smot
        asked = dense(detector, 'method smot')
        how = (s.link, *embedder_key(settings))
        if how != self._looks:
            self._embedder = make_embedder(settings) if s.link else None
            dimension = 0 if self._embedder is None else self._embedder.dimension
            self._linker = TrackletLinker(dimension)
            self._linker.add(np.zeros((len(self._tracks), dimension), np.float32))
            self._looks = how
        moves = (s.motion, s.flow_size, s.flow_reduction, settings.camera_motion)
        if moves != self._moves:
            self._motion, self._moves = make_motion(settings, self._flow), moves
        self._settings, self._detector = s, asked
        self._tracks.change_motion(observed(s))
        self._linker.keep(slice(0, len(self._tracks)))
        self._graphs = settings.compute.graphs
        self._redetector: tuple[tuple[int, int], Redetector] | None = None

    def reset(self, *, keep_ids: bool = False) -> None:
        """Drop every track; ids restart at 1 unless `keep_ids`."""
        super().reset(keep_ids=keep_ids)
        self._linker.keep(slice(0, 0))
        self._motion.reset()

    def update(self, frame: Frame) -> Tracks:
        """Search the tracks in the image, start and link new ones, delete ended ones."""
        tracks = self._tracks
        (detections,), raw = self._detector.detect_densely([frame])
        tracks.propagate(frame)
        before = self._expect(frame)
        rows = np.flatnonzero(self._searched)
        seen = self._redetect(frame, raw, before[rows])
        stay = self._stay(seen, before[rows])
        found = rows[stay]
        again = Detections(seen.boxes[stay], seen.scores[stay], before.labels[found])
        tracks.observe(found, again, np.arange(len(found)))
        new, tracks.sources[found] = self._explained(detections, again)
        tracks.lose(np.setdiff1d(np.arange(len(tracks)), found))
        features = self._embed(frame, found, before.ids[found], detections.boxes[new])
        new, features = self._link(detections, new, features, before.labels)
        self._forget()
        tracks.add(detections, new, TrackState.CONFIRMED)
        self._linker.add(features)
        return tracks.snapshot()[self._searched]

    def propagate(self, frame: Frame) -> Tracks:
        """Propagate every track to a frame without detection; states stay."""
        if self.needs_image:
            frame.require_image(NEED)
        self._tracks.coast(frame)
        self._expect(frame)
        return self._tracks.snapshot()[self._searched]

    @property
    def _searched(self) -> Mask:
        """Mask of the tracks to search: seen in the last frame, or missing not too long."""
        tracks = self._tracks
        result: Mask = in_state(tracks.states, TrackState.CONFIRMED) | (
            tracks.unseen <= self._settings.search + STAMP_NOISE)
        return result

    def _expect(self, frame: Frame) -> Tracks:
        """Predict the boxes of the searched tracks in this frame (the function H)."""
        tracks, rows = self._tracks, self._searched
        boxes = tracks.boxes
        boxes[rows] = self._motion.move(frame, boxes[rows])
        tracks.motion.expect(boxes)
        return tracks.snapshot()

    def _redetect(self, frame: Frame, raw: RawDetections, tracks: Tracks) -> Redetections:
        """Return the network's outputs for tracks at their predicted boxes."""
        import torch  # takes seconds to load

        from mot_ros.tracking.methods.smot.redetection import Redetector
        from mot_ros.tracking.methods.smot.tracking_anchors import TrackingAnchors

        with torch.inference_mode():
            # frames of one size have the same anchors
            if self._redetector is None or self._redetector[0] != frame.size:
                self._redetector = frame.size, Redetector(
                    TrackingAnchors(raw.anchors[0]), self._settings.anchors,
                    graphs=self._graphs, fixed=self._fixed)
            return self._redetector[1](raw, tracks.boxes, tracks.labels)

    def _stay(self, seen: Redetections, tracks: Tracks) -> Ints:
        """Return which of the searched tracks are kept."""
        import torch

        from mot_ros.tracking.nets.ops.nms import nms

        s = self._settings
        active = in_state(tracks.states, TrackState.CONFIRMED)
        labels = self._classes(tracks.labels)
        sure = np.flatnonzero(
            (seen.overlaps >= s.anchor_iou)
            & (seen.scores >= np.where(active, s.keep, s.resume)))
        # tracks of the last frame take precedence over those missing in it
        boxes, ranks, kinds = (
            torch.from_numpy(column[sure])
            for column in (seen.boxes, seen.scores + active, labels))
        kept = sure[nms(boxes, ranks, kinds, s.nms_iou).numpy()]
        there, back = kept[active[kept]], kept[~active[kept]]
        covered = self._covered(seen.boxes[back], labels[back], seen.boxes[there], labels[there])
        return np.sort(np.concatenate([there, back[~covered]]))

    def _explained(self, detections: Detections, tracks: Detections) -> tuple[Ints, Ints]:
        """
        Return the detections that start tracks: confident, and not explained by a found track.

        Also returns per track the detection that is its mutual best match (K,), -1 if none.
        """
        s = self._settings
        table = iou(detections.boxes, tracks.boxes)
        table *= self._classes(detections.labels)[:, None] == self._classes(tracks.labels)
        covered = table.max(axis=1, initial=0) > s.suppress_iou
        new = np.flatnonzero((detections.scores >= s.new_track_thresh) & ~covered)
        sources = np.full(len(tracks), -1)
        if table.size:
            best = table.argmax(axis=0)
            mutual = covered[best] & (table.argmax(axis=1)[best] == np.arange(len(tracks)))
            sources[mutual] = best[mutual]
        return new, sources

    def _covered(
            self, boxes: Floats, labels: Ints, others: Floats, other_labels: Ints) -> Mask:
        """Return which boxes (N, 4) overlap one of the others (M, 4) of equal label too much."""
        overlaps = iou(boxes, others) * (labels[:, None] == other_labels)
        result: Mask = overlaps.max(axis=1, initial=0) > self._settings.suppress_iou
        return result

    def _classes(self, labels: Ints) -> Ints:
        return labels if self._settings.class_aware else np.zeros_like(labels)

    def _embed(self, frame: Frame, found: Ints, ids: Ints, new: Floats) -> Floats:
        """Update the embeddings of some of the tracks `found`, and return those of new boxes."""
        if self._embedder is None:
            return np.zeros((len(new), 0), np.float32)
        tracks = self._tracks
        # spread over frames, so that none takes longer than others
        due = found[(tracks.frames + ids) % self._settings.embed_every == 0]
        features = self._embedder.embed(frame, np.concatenate([tracks.boxes[due], new]))
        self._linker.update_embeddings(due, features[:len(due)])
        return features[len(due):]

    def _link(
            self, detections: Detections, new: Ints, features: Floats,
            labels: Ints) -> tuple[Ints, Floats]:
        """Link ended tracks to new ones by embedding; return the unlinked new ones."""
        s, tracks = self._settings, self._tracks
        ended = np.flatnonzero(in_state(tracks.states, TrackState.LOST))
        if self._embedder is None or not len(new) or not len(ended):
            return new, features
        allowed = distance_gate(
            tracks.boxes[ended], tracks.unseen[ended], detections.boxes[new], s.link_speed)
        allowed &= labels[ended][:, None] == detections.labels[new]
        linked = self._linker.link(ended, features, allowed, s.link_distance)
        tracks.observe(linked.rows, detections, new[linked.cols])
        self._linker.update_embeddings(linked.rows, features[linked.cols])
        return new[linked.free_cols], features[linked.free_cols]

    def _forget(self) -> None:
        """Remove tracks that are no longer searched and whose identity has expired."""
        s, tracks = self._settings, self._tracks
        alive = self._searched
        if self._embedder is not None:
            ended = np.flatnonzero(
                ~alive & (tracks.unseen <= s.link_memory + STAMP_NOISE))
            latest = np.argsort(tracks.unseen[ended], kind='stable')[:s.link_most]
            alive[ended[latest]] = True
        self._linker.keep(alive)
        tracks.keep(alive)


def observed(settings: SmotSettings) -> LastObservation:
    """Return the motion model of unseen tracks: constant velocity or constant position."""
    return LastObservation(moving=settings.motion == 'velocity')


def make_motion(settings: Settings, flow: DenseFlow | None = None) -> BoxMotion:
    """Return the BoxMotion; NoMotion for constant velocity, which the pool applies itself."""
    s = settings.smot
    if flow is not None:
        return FlowMotion(flow, s.flow_reduction)
    kind = 'none' if s.motion == 'velocity' else s.motion
    return make_box_motion(
        kind, s.flow_size, s.flow_reduction, CameraMotion.of(settings.camera_motion))
