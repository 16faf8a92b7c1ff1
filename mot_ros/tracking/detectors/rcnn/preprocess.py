# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Frames as SiamMOT's networks were trained to see them: their size, and how they get there."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.detectors.preprocess import detector_pixels
from mot_ros.tracking.runtime.smooth_resize import smoothly_resized
from mot_ros.tracking.types import Frame

STEP = 32
"""Both sides of the input are multiples of the coarsest stride of the body."""


def network_size(size: tuple[int, int], short_side: int, long_side: int) -> tuple[int, int]:
    """
    Return (width, height) of the network's input for an image of (width, height).

    The shorter side becomes `short_side`, or less where the longer one would exceed
    `long_side`; then both are cut to multiples of 32, so that proportions change a little:
    1280x720 becomes 1280x704.
    """
    shorter, longer = sorted(size)
    if longer / shorter * short_side > long_side:
        short_side = round(long_side * shorter / longer)
    width, height = size
    if width < height:
        fitted = (short_side, int(short_side * height / width))
    else:
        fitted = (int(short_side * width / height), short_side)
    return max(fitted[0] // STEP, 1) * STEP, max(fitted[1] // STEP, 1) * STEP


def images(
        frames: Sequence[Frame], size: tuple[int, int], mean: Sequence[float],
        std: Sequence[float], device: torch.device) -> Tensor:
    """
    Return frames as one batch (B, 3, H, W) float32 RGB of (width, height), (x - mean) / std.

    `mean` and `std` are of RGB in [0, 1]. The memory has the channels last. Raises FrameError
    for a frame without image or with other than 8-bit numbers.
    """
    batch = torch.cat([smoothed(detector_pixels(frame), size, device) for frame in frames])
    return normalised(batch, *statistics(mean, std, device))


def statistics(
        mean: Sequence[float], std: Sequence[float], device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Return what is taken from bytes of RGB, and what the rest is multiplied by (3,)."""
    return (
        torch.tensor(mean, device=device) * 255, 1 / (torch.tensor(std, device=device) * 255))


def normalised(batch: Tensor, average: Tensor, spread: Tensor) -> Tensor:
    """Return (B, 3, H, W) uint8 RGB as float32, normalised, with the channels last in memory."""
    # put in order while they are bytes
    pixels = batch.permute(0, 2, 3, 1).contiguous()
    return torch.sub(pixels, average).mul_(spread).permute(0, 3, 1, 2)


def smoothed(
        image: NDArray[np.uint8] | Tensor, size: tuple[int, int], device: torch.device) -> Tensor:
    """
    Return an image (H, W, 3) uint8 BGR as (1, 3, height, width) uint8 RGB on the device.

    Bilinear, smoothed where it gets smaller: PIL's way, with which the networks were trained,
    and not OpenCV's, whose detail looks different to them. Whole grey levels, the same on every
    device, at most one off from PIL's.
    """
    if isinstance(image, Tensor):
        pixels = image.to(device).flip(-1)
    else:
        # which also makes a copy that torch may have: a message's bytes must not be written to
        pixels = torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).to(device)
    planes = pixels.permute(2, 0, 1)[None]
    width, height = size
    if planes.shape[-2:] == (height, width):
        return planes
    if device.type == 'cpu':
        # in fixed point, three times as fast
        return F.interpolate(
            planes, (height, width), mode='bilinear', antialias=True, align_corners=False)
    return smoothly_resized(pixels, size).permute(2, 0, 1)[None]
