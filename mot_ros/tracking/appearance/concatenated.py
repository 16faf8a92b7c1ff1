# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""ConcatenatedEmbedder: several embeddings of a box as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mot_ros.tracking.appearance.embedder import Embedder, unit
from mot_ros.tracking.types import Floats, Frame


class ConcatenatedEmbedder:
    """
    Concatenate embeddings so that their cosine is the mean of the parts' cosines.

    `shares` are the weights of that mean, non-negative with sum 1. If one part has no embedding of
    a box, the others take its weight.
    """

    def __init__(self, parts: Sequence[Embedder], shares: Sequence[float]) -> None:
        self._parts = list(zip(parts, shares, strict=True))

    @property
    def dimension(self) -> int:
        """Length of an embedding, the sum over all parts."""
        return sum(part.dimension for part, _ in self._parts)

    def embed(self, frame: Frame, boxes: Floats) -> Floats:
        """Return embeddings (N, D) of boxes (N, 4), see Embedder."""
        # a cosine multiplies two embeddings, so each is scaled by the square root
        return unit(np.concatenate([
            np.float32(share ** .5) * part.embed(frame, boxes)
            for part, share in self._parts], axis=1))
