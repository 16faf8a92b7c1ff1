# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""TrackPool: ids, states, ages in seconds and class votes of one tracker's tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.motion.kalman_filter import AnyMotion, MotionKind
from mot_ros.tracking.motion.warp import Warp
from mot_ros.tracking.types import Detections, Floats, Frame, in_state, Ints, Tracks, TrackState


@dataclass
class _Rows:
    """State of each live track beside its motion, oldest first."""

    ids: Ints
    states: NDArray[np.uint8]
    labels: Ints
    votes: NDArray[np.float64]
    scores: Floats
    born: NDArray[np.float64]
    seen: NDArray[np.float64]
    hits: Ints
    misses: Ints
    sources: Ints


class TrackPool(Generic[AnyMotion]):
    """
    Live tracks of one tracker and the motion model of their boxes.

    Order of calls per frame: `propagate`, `observe` the matched rows, `lose` the others, `keep`
    the survivors, `add` the new ones, `snapshot`; for a frame without detection only `coast`.
    Memory is proportional to the number of live tracks. Rows are in order of birth.
    """

    def __init__(self, kind: MotionKind[AnyMotion], first_id: int = 1) -> None:
        self._kind = kind
        self._next_id = first_id
        self.reset(keep_ids=True)

    def reset(self, *, keep_ids: bool = False) -> None:
        """Drop every track; ids restart at 1 unless `keep_ids`."""
        if not keep_ids:
            self._next_id = 1
        self.frames = 0
        """Frames propagated since the last reset."""
        self._now = 0.0
        self.motion = self._kind.start()
        self._rows = self._born(Detections.empty(), TrackState.TENTATIVE)

    def change_motion(self, kind: MotionKind[AnyMotion]) -> None:
        """Change the motion model; another one than before drops all tracks, ids go on."""
        if kind != self._kind:
            self._kind = kind
            self.reset(keep_ids=True)

    def __len__(self) -> int:
        return len(self._rows.ids)

    @property
    def needs_image(self) -> bool:
        """Whether a frame without an image is refused."""
        return False

    @property
    def next_id(self) -> int:
        """Id of the next new track."""
        return self._next_id

    @property
    def states(self) -> NDArray[np.uint8]:
        """States (N,); those of the last frame until `observe` and `lose`."""
        return self._rows.states

    @property
    def boxes(self) -> Floats:
        """Current boxes of the tracks (N, 4)."""
        return self.motion.boxes

    @property
    def sources(self) -> Ints:
        """Row of the detection matched to each track in this frame, or -1 (N,)."""
        return self._rows.sources

    @property
    def unseen(self) -> NDArray[np.float64]:
        """Seconds since the last observation of each track (N,)."""
        return self._now - self._rows.seen

    @property
    def observed_spans(self) -> NDArray[np.float64]:
        """Seconds from the first to the last observation of each track (N,)."""
        return self._rows.seen - self._rows.born

    @property
    def hits(self) -> Ints:
        """Consecutive frames with a match, up to this frame (N,)."""
        return self._rows.hits

    @property
    def misses(self) -> Ints:
        """Consecutive frames without a match, up to this frame (N,)."""
        return self._rows.misses

    def propagate(self, frame: Frame) -> Tracks:
        """Predict every track to the stamp of `frame` and return the tracks."""
        moved = self.coast(frame)
        self.frames += 1
        return moved

    def coast(self, frame: Frame) -> Tracks:
        """Predict every track for a frame without detection; it does not count as a miss."""
        elapsed = frame.stamp - self._now if self.frames else 0.0
        self._now = frame.stamp
        self._rows.sources[:] = -1
        self.motion.predict(elapsed, lost=in_state(self.states, TrackState.LOST))
        return self.snapshot()

    def compensate_motion(self, frame: Frame, objects: Floats) -> Tracks:
        """
        Apply the motion of the camera (CMC) to every track and return the tracks.

        Call it exactly once per frame, after `propagate` or `coast`; `objects` (N, 4) are boxes of
        objects that may move by themselves. This base class does nothing.
        """
        return self.snapshot()

    def warp(self, warp: Warp, *, mix_sizes: bool = False) -> None:
        """Apply a warp of the image to every track."""
        self.motion.warp(warp, mix_sizes=mix_sizes)

    def observe(
            self, rows: Ints, detections: Detections, sources: Ints,
            state: TrackState | NDArray[np.uint8] = TrackState.CONFIRMED) -> None:
        """Match tracks `rows` (K,) to detections `sources` (K,); one state or each (K,)."""
        mine = self._rows
        self.motion.update(rows, detections.boxes[sources])
        scores, labels = detections.scores[sources], detections.labels[sources]
        mine.scores[rows], mine.sources[rows], mine.seen[rows] = scores, sources, self._now
        mine.states[rows] = state
        mine.hits[rows] += 1
        mine.misses[rows] = 0
        # A label changes only when the summed score of another class exceeds its own: a weighted
        # majority vote (Boyer and Moore) with one number per track.
        votes = mine.votes[rows] + np.where(labels == mine.labels[rows], scores, -scores)
        mine.labels[rows] = np.where(votes < 0, labels, mine.labels[rows])
        mine.votes[rows] = np.abs(votes)

    def lose(self, rows: Ints) -> None:
        """Mark tracks `rows` (K,) as not found in this frame."""
        self._rows.states[rows] = TrackState.LOST
        self._rows.hits[rows] = 0
        self._rows.misses[rows] += 1

    def add(self, detections: Detections, sources: Ints, state: TrackState) -> None:
        """Start a track at each of the detections `sources` (K,), with the next ids."""
        if not len(sources):
            return
        fresh = self._born(detections[sources], state)
        fresh.sources = sources
        self.motion.add(detections.boxes[sources])
        self._rows = _Rows(**{
            name: np.concatenate([column, getattr(fresh, name)])
            for name, column in vars(self._rows).items()})

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Keep the tracks of a mask (N,), drop the others."""
        if mask.all():
            return
        self.motion.keep(mask)
        self._rows = _Rows(**{name: column[mask] for name, column in vars(self._rows).items()})

    def snapshot(self) -> Tracks:
        """Return a copy of all tracks."""
        mine = self._rows
        return Tracks(
            boxes=self.motion.boxes, scores=mine.scores.copy(), labels=mine.labels.copy(),
            ids=mine.ids.copy(), states=mine.states.copy(),
            ages=(self._now - mine.born).astype(np.float32),
            unseen=self.unseen.astype(np.float32), velocities=self.motion.centre_velocity,
            visibilities=(~in_state(mine.states, TrackState.LOST)).astype(np.float32),
            sources=mine.sources.copy())

    def _born(self, detections: Detections, state: TrackState) -> _Rows:
        count = len(detections)
        first = self._next_id
        self._next_id += count
        return _Rows(
            ids=np.arange(first, first + count), states=np.full(count, state, np.uint8),
            labels=detections.labels.copy(), votes=detections.scores.astype(np.float64),
            scores=detections.scores.copy(), born=np.full(count, self._now),
            seen=np.full(count, self._now), hits=np.zeros(count, np.int64),
            misses=np.zeros(count, np.int64), sources=np.full(count, -1))
