# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Resize bilinearly with smoothing on a device, bit for bit as torch does with bytes on a CPU.

A CPU sums bytes in fixed point, first along rows, then along columns, and rounds after each; a
GPU has no such operator for bytes. In floating point some pixels differ by a grey level, which
moves boxes more than all other rounding together. Integers are the same on every device.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

WEIGHT_BITS = 15
"""Weights are below this power of two, as signed numbers of 16 bits."""
MAX_BITS = 22
"""Most binary places of a weight."""


def smoothly_resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (H, W, C) uint8 to `size` (width, height) on its device."""
    height, width = image.shape[:2]
    across = _summed(image, 1, width, size[0])
    return _summed(across, 0, height, size[1])


def _summed(image: Tensor, dim: int, length: int, wanted: int) -> Tensor:
    """Return the weighted sums of pixels along one dimension, as uint8."""
    if length == wanted:
        return image
    pixels, weights, bits = _taps(length, wanted, image.device)
    shape = [-1 if each == dim else 1 for each in range(3)]
    # one tap of all pixels after the other: a handful, without a copy for each
    total: Tensor = functools.reduce(torch.add, (
        image.index_select(dim, pixel) * weight.view(shape)
        for pixel, weight in zip(pixels, weights, strict=True)))
    return (total + (1 << bits - 1) >> bits).clamp_(0, 255).to(torch.uint8)


# cached without limit: captured graphs read them by address, and they are small
@functools.cache
def _taps(length: int, wanted: int, device: torch.device) -> tuple[Tensor, Tensor, int]:
    """
    Return the source pixels (K, N) of each of N pixels, their weights, and the weights' bits.

    A tent of one pixel to either side, widened by the scale where the image gets smaller.
    """
    scale = length / wanted
    reach = max(scale, 1.0)
    centre = scale * (np.arange(wanted) + 0.5)
    first = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    end = np.minimum((centre + reach + 0.5).astype(np.int64), length)
    pixels = first + np.arange((end - first).max())[:, None]
    shares = (1 - np.abs((pixels - centre + 0.5) * (1 / reach))).clip(0)
    shares[pixels >= end] = 0
    shares /= shares.sum(axis=0)
    bits = 0
    while bits < MAX_BITS and int(0.5 + shares.max() * (1 << bits + 1)) < 1 << WEIGHT_BITS:
        bits += 1
    weights = (shares * (1 << bits) + 0.5).astype(np.int32)
    return (torch.from_numpy(pixels.clip(0, length - 1)).to(device),
            torch.from_numpy(weights).to(device), bits)
