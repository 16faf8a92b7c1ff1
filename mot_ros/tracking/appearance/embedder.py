# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Embedder: appearance (re-ID) embeddings of boxes, compared by cosine similarity."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.types import Floats, Frame, Ints

NEED = 'appearance needs one'
"""Why a frame needs an image."""
LEAST = 2
"""Least width and height in pixels of the visible part of a box that is embedded."""


class Embedder(Protocol):
    """Compute an appearance embedding per box, similar for the same object."""

    @property
    def dimension(self) -> int:
        """Length of an embedding, D."""
        ...

    def embed(self, frame: Frame, boxes: Floats) -> Floats:
        """
        Return the embeddings (N, D) of boxes (N, 4) xyxy pixels, float32 of unit length.

        The embedding of a box with too few pixels in the image is zero, with cosine 0 to every
        other. Raises FrameError for a frame without an 8-bit image.
        """
        ...


def unit(vectors: Floats) -> Floats:
    """Scale vectors (..., D) to unit length; zero and non-finite vectors become zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    # an infinite or NaN length is neither
    known = (length > 0) & (length < np.inf)
    result: Floats = np.divide(vectors, length, out=np.zeros_like(vectors), where=known)
    return result


def cosines(a: Floats, b: Floats) -> Floats:
    """Return the cosines (N, M) of embeddings (N, D) and (M, D); 0 where one is zero."""
    result: Floats = np.clip(a @ b.T, -1, 1)
    return result


def windows(boxes: Floats, size: tuple[int, int]) -> tuple[Ints, NDArray[np.bool_]]:
    """
    Return whole pixels (N, 4) xyxy, second corner excluded, and which boxes are valid (N,).

    Coordinates are rounded as the published SLM does, and clipped to an image of (width, height),
    which it does not. A box that is not finite, or with less than LEAST pixels left in width or
    height, is invalid.
    """
    width, height = size
    limits = np.array([width, height, width, height], np.float64)
    whole = np.rint(np.clip(np.nan_to_num(boxes), 0, limits)).astype(np.int64)
    enough = np.all(whole[:, 2:] - whole[:, :2] >= LEAST, axis=1)
    return whole, enough & np.isfinite(boxes).all(axis=1)
