# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""AppearanceTrackPool: a track pool with re-ID embeddings and camera motion compensation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.appearance.embedder import NEED
from mot_ros.tracking.appearance.factory import embedder_key, make_embedder
from mot_ros.tracking.appearance.feature_bank import FeatureBank
from mot_ros.tracking.motion.kalman_filter import KalmanConfig, KalmanFilter
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Detections, Floats, Frame, Ints, Tracks, TrackState

if TYPE_CHECKING:
    from mot_ros.tracking.config import Settings


class AppearanceTrackPool(TrackPool[KalmanFilter]):
    """
    A TrackPool with the appearance of its tracks beside their motion.

    The calls of a frame are those of a TrackPool, with `compensate_motion` and
    `set_detections` once the detections are known, and `update_embeddings` after `observe`.
    Each detection is embedded at its first use, in one batch per call. Without appearance
    (`appearance.type` none) `embedder` is None and no embedding may be asked for. `capacity`
    is the number of embeddings kept per track; `camera` switches camera motion compensation.
    """

    def __init__(
            self, kind: KalmanConfig, settings: Settings, capacity: int, *, camera: bool,
            first_id: int = 1) -> None:
        self.embedder = make_embedder(settings)
        self._embedder_key = embedder_key(settings)
        self._capacity = capacity
        self._use(settings, camera=camera)
        super().__init__(kind, first_id)

    @property
    def needs_image(self) -> bool:
        """Whether a frame without an image is refused."""
        return self.embedder is not None or self._camera_needs_image

    def reset(self, *, keep_ids: bool = False) -> None:
        """Drop every track; ids restart at 1 unless `keep_ids`."""
        super().reset(keep_ids=keep_ids)
        self.camera.reset()
        self._bank = FeatureBank(self._dimension, self._capacity, self._momentum)
        self.set_detections(None, Detections.empty())

    def configure(
            self, kind: KalmanConfig, settings: Settings, capacity: int, *, camera: bool) -> None:
        """
        Apply new settings between two frames; if it raises, nothing has changed.

        Another motion model or embedder drops all tracks. With another capacity tracks live on,
        represented by their mean embedding at first.
        """
        if embedder_key(settings) != self._embedder_key:
            self.embedder = make_embedder(settings)
            self._embedder_key = embedder_key(settings)
            self._use(settings, camera=camera)
            self.reset(keep_ids=True)
        self._use(settings, camera=camera)
        before, self._bank.momentum = self._bank, self._momentum
        if capacity != self._capacity:
            self._capacity = capacity
            self._bank = FeatureBank(self._dimension, capacity, self._momentum)
            self._bank.add(before.mean)
        self.change_motion(kind)

    def coast(self, frame: Frame) -> Tracks:
        """Predict every track; FrameError, with nothing changed, if its image is unusable."""
        if self.needs_image or frame.image is not None:
            frame.require_image(NEED)
        return super().coast(frame)

    def compensate_motion(self, frame: Frame, objects: Floats) -> Tracks:
        """Apply the camera's motion since the last frame (CMC) and return the tracks."""
        self.warp(self.camera.estimate(frame, objects), mix_sizes=self._mix_sizes)
        return self.snapshot()

    def set_detections(self, frame: Frame | None, detections: Detections) -> None:
        """Set the detections of this frame, to be embedded on demand."""
        self._frame, self._detections = frame, detections
        self._features: Floats = np.zeros((len(detections), self._dimension), np.float32)
        self._embedded = np.zeros(len(detections), np.bool_)

    def embed(self, cols: Ints) -> Floats:
        """Return the embeddings (K, D) of the detections `cols` (K,)."""
        new = cols[~self._embedded[cols]]
        if len(new) and self.embedder is not None and self._frame is not None:
            self._features[new] = self.embedder.embed(self._frame, self._detections.boxes[new])
            self._embedded[new] = True
        result: Floats = self._features[cols]
        return result

    def cosines(self, rows: Ints, cols: Ints, memory: str) -> Floats:
        """Return the cosines (K, M) of tracks and detections, see FeatureBank.similarity."""
        return self._bank.similarity(self.embed(cols), memory, rows)

    def both_embedded(self, rows: Ints, cols: Ints) -> NDArray[np.bool_]:
        """Return the pairs (K, M) in which both track and detection have an embedding."""
        known: NDArray[np.bool_] = (
            (self._bank.counts[rows] > 0)[:, None] & self.embed(cols).any(axis=1))
        return known

    def cosine_of_tracks(self, a: int, b: int) -> float:
        """Return the cosine of two tracks' mean embeddings, 1 if one has none."""
        known = self.embedder is not None and self._bank.counts[[a, b]].all()
        return float(self._bank.mean[a] @ self._bank.mean[b]) if known else 1.0

    def update_embeddings(self, rows: Ints, cols: Ints) -> None:
        """Add the embeddings of detections `cols` (K,), where computed, to tracks `rows` (K,)."""
        known = self._embedded[cols]
        self._bank.update(rows[known], self._features[cols[known]])

    def add(self, detections: Detections, sources: Ints, state: TrackState) -> None:
        """Start a track at each of the detections `sources` (K,), with the next ids."""
        # embedded first, since an error must not leave tracks without a row in the bank
        embeddings = self.embed(sources)
        super().add(detections, sources, state)
        self._bank.add(embeddings)

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Keep the tracks of a mask (N,), drop the others."""
        super().keep(mask)
        self._bank.keep(mask)

    def _use(self, settings: Settings, *, camera: bool) -> None:
        # imported late: methods without images need no OpenCV
        from mot_ros.tracking.motion.camera_motion import CameraMotion

        wanted = settings.camera_motion
        key = (wanted.mode if camera else 'off', wanted.method, wanted.width, wanted.corners)
        if getattr(self, '_camera_key', None) != key:
            self._camera_key = key
            self.camera = CameraMotion(*key)
        self._mix_sizes = wanted.mix_sizes
        self._camera_needs_image = key[0] == 'on'
        self._momentum = settings.appearance.momentum
        self._dimension = 0 if self.embedder is None else self.embedder.dimension
