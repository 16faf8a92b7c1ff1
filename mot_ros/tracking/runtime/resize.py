# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Resize bilinearly on a device, bit for bit as OpenCV does on a CPU.

cv2.resize computes in fixed point: weights of 11 bits, sums truncated twice. In floating point one
pixel in ten differs by a grey level, which moves boxes more than all other rounding together.
Integers are the same on every device.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

UNIT = 2048
"""Weight 1 in fixed point."""


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (H, W, C) uint8 to `size` (width, height) on its device, without smoothing."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    left, right, here, there = _taps(width, size[0], image.device, True)
    rows = (image.index_select(1, left) * here[:, None]
            + image.index_select(1, right) * there[:, None]) >> 4
    above, below, here, there = _taps(height, size[1], image.device, False)
    total = ((rows.index_select(0, above) * here[:, None, None] >> 16)
             + (rows.index_select(0, below) * there[:, None, None] >> 16))
    return (total + 2 >> 2).to(torch.uint8)


# cached without limit: captured graphs read them by address, and they are small
@functools.cache
def _taps(
        length: int, wanted: int, device: torch.device,
        across: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """
    Return the two source pixels of `length` for each of `wanted` pixels, and their weights.

    Pixel centres lie at halves. Beyond the outer centres the edge colour is repeated: along a
    column both taps are that pixel, with their weights; along a row one tap has weight 1.
    """
    place = ((np.arange(wanted) + 0.5) * (1 / (wanted / length)) - 0.5).astype(np.float32)
    first = np.floor(place)
    share = place - first
    if across:
        share[(first < 0) | (first >= length - 1)] = 0
        first = first.clip(0, length - 1)
    weights = np.rint(np.stack([1 - share, share]) * np.float32(UNIT)).astype(np.int32)
    pixels = np.stack([first, first + 1]).astype(np.int64).clip(0, length - 1)
    left, right = torch.from_numpy(pixels).to(device)
    here, there = torch.from_numpy(weights).to(device)
    return left, right, here, there
