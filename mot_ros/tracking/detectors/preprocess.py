# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Convert frames to a network's input: resized, RGB, normalised, one batch on the device."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from mot_ros.tracking.runtime.resize import resized
from mot_ros.tracking.types import Frame

NEED = 'this detector needs one'
"""Why a frame needs an image."""


def stretched(frames: Sequence[Frame], size: tuple[int, int], device: torch.device) -> Tensor:
    """
    Return (B, 3, H, W) float32 RGB in [-1, 1], each frame stretched to `size` (width, height).

    The frames may differ in size. Raises FrameError for a frame without an 8-bit image.
    """
    images = torch.stack([_rgb(frame, size, device) for frame in frames])
    # memory stays channels last, as in the images, for which oneDNN is faster
    return signed(images).permute(0, 3, 1, 2)


def signed(pixels: Tensor) -> Tensor:
    """Convert uint8 pixels of any shape to float32 in [-1, 1]."""
    return torch.sub(pixels, 127.5).mul_(1 / 127.5)


def _rgb(frame: Frame, size: tuple[int, int], device: torch.device) -> Tensor:
    """
    Return the image at `size`, (H, W, 3) uint8 RGB on the device.

    OpenCV resizes an image in host memory before its upload; an image on a device is resized
    there, to the same values.
    """
    image = detector_pixels(frame)
    if isinstance(image, Tensor):
        return resized(image.to(device), size).flip(-1)
    fitting = image if frame.size == size else cv2.resize(
        image, size, interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(cv2.cvtColor(fitting, cv2.COLOR_BGR2RGB)).to(device)


def detector_pixels(frame: Frame) -> NDArray[np.uint8] | Tensor:
    """Return the image as Frame.require_image does, as an array if it is in host memory."""
    image = frame.require_image(NEED)
    return image.numpy() if isinstance(image, Tensor) and image.device.type == 'cpu' else image
