# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Choose the size of the network's input by the shape of the image."""

from __future__ import annotations

import math

STEP = 32
"""Both sides of the input are multiples of this, the network's largest stride."""
SHORT_SIDE = 384
"""Short side of the input for an image of 4:3, where the settings leave it open."""
USUAL, WIDE = 4 / 3, 16 / 9
MOST_PIXELS = 2.0
"""Pixels of the input, as a multiple of the square of the short side asked for."""
MOST_SIDE = 4096
"""Longest side, for images that are a line."""


def input_size(size: tuple[int, int], short_side: int = 0) -> tuple[int, int]:
    """
    Return (width, height) of the input for an image of `size`, multiples of STEP.

    `short_side` is that of an image of 4:3, 0 for the default. One of 16:9 gets as many pixels,
    so a shorter side; from there on the side stays, up to MOST_PIXELS. The long side keeps the
    proportions to within half a step.
    """
    short = short_side or SHORT_SIDE
    aspect = max(size) / min(size)
    share = min(1.0, USUAL / min(aspect, WIDE), MOST_PIXELS / aspect)
    scale = short * math.sqrt(share) / min(size)
    width, height = (max(STEP, round(side * scale / STEP) * STEP) for side in size)
    return min(width, MOST_SIDE), min(height, MOST_SIDE)
