# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""TemplateBuffer: the templates of tracks in one tensor on the device of the motion model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.runtime.padding import bucket
from mot_ros.tracking.types import Ints, Mask


class TemplateBuffer:
    """
    A slot for every track, and some free ones; a track that goes on keeps its slot.

    The slots of the tracks are on the host, so that no lookup synchronises with a GPU.
    """

    def __init__(self) -> None:
        self.of_tracks: Ints = np.zeros(0, np.int64)
        """The slot of each track (N,), in the order of the pool."""
        self.templates: Tensor | None = None
        """All of them (S, ...); the contents of free slots mean nothing."""

    def __len__(self) -> int:
        return len(self.of_tracks)

    def allot(self, living: Mask, count: int) -> None:
        """Keep the slots of tracks that go on (N,) and allot free ones to the rest of `count`."""
        kept = self.of_tracks[living]
        room = 0 if self.templates is None else len(self.templates)
        free = np.setdiff1d(np.arange(max(room, bucket(count))), kept)
        self.of_tracks = np.concatenate([kept, free[:count - len(kept)]])

    def put(self, slots: Tensor, templates: Tensor) -> None:
        """Write templates (K, ...) into slots (K,), both on the device."""
        room = bucket(len(self.of_tracks))
        if self.templates is None:
            self.templates = templates.new_zeros(room, *templates.shape[1:])
        elif len(self.templates) < room:
            more = templates.new_zeros(room - len(self.templates), *templates.shape[1:])
            self.templates = torch.cat([self.templates, more])
        self.templates.index_copy_(0, slots, templates)
