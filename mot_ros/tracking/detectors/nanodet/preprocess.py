# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Images as NanoDet takes them: BGR, less the mean of COCO, over its deviation."""

from __future__ import annotations

import functools

import cv2
import torch
from torch import Tensor

from mot_ros.tracking.detectors.preprocess import detector_pixels
from mot_ros.tracking.runtime.resize import resized
from mot_ros.tracking.types import Frame

MEAN = (103.53, 116.28, 123.675)
DEVIATION = (57.375, 57.12, 58.395)
"""Of the channels blue, green and red, of 0 to 255."""


def prepared(frame: Frame, size: tuple[int, int], device: torch.device) -> Tensor:
    """
    Return the image stretched to `size` (width, height), normalised, (1, 3, H, W) on the device.

    An image in host memory is resized by OpenCV and travels small; one on a device is resized
    there, to the same numbers. Raises FrameError for a frame without image.
    """
    image = detector_pixels(frame)
    if isinstance(image, Tensor):
        pixels = resized(image.to(device), size)
    else:
        fitting = image if frame.size == size else cv2.resize(
            image, size, interpolation=cv2.INTER_LINEAR)
        pixels = torch.from_numpy(fitting).to(device)
    scale, shift = _normalisation(device)
    # the memory stays in the order of the image, channels last: oneDNN computes faster so
    return (pixels * scale).add_(shift)[None].permute(0, 3, 1, 2)


@functools.cache
def _normalisation(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the factor and the summand of each channel."""
    deviation = torch.tensor(DEVIATION, dtype=torch.float64)
    shift = -torch.tensor(MEAN, dtype=torch.float64) / deviation
    return (1 / deviation).float().to(device), shift.float().to(device)
