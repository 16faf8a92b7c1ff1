# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Letterbox: fit an image into a network's input, and map boxes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.detectors.preprocess import detector_pixels
from mot_ros.tracking.types import Frame

GREY = 114
"""Grey value around the image, as YOLO networks are trained."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Placement:
    """Position and scale of an image on the network's input (canvas), and its real size."""

    left: int
    top: int
    width: int
    height: int
    size: tuple[int, int]

    def to_image(self, boxes: Tensor) -> Tensor:
        """Convert boxes (N, 4) on the canvas to pixels of the image."""
        across, down = self.size[0] / self.width, self.size[1] / self.height
        moved = boxes - boxes.new_tensor([self.left, self.top, self.left, self.top])
        return moved * boxes.new_tensor([across, down, across, down])


def place(size: tuple[int, int], canvas: tuple[int, int], resize: str) -> Placement:
    """
    Place an image of `size` on a canvas, both (width, height).

    'stretch' fills it; 'letterbox' keeps the aspect ratio and centres the image, 'corner' puts it
    at the top left.
    """
    if resize == 'stretch':
        return Placement(0, 0, *canvas, size)
    scale = min(canvas[0] / size[0], canvas[1] / size[1])
    # YOLOX truncates, the others round
    width, height = (
        max(1, int(side * scale) if resize == 'corner' else round(side * scale))
        for side in size)
    if resize == 'corner':
        return Placement(0, 0, width, height, size)
    return Placement((canvas[0] - width) // 2, (canvas[1] - height) // 2, width, height, size)


def draw(frame: Frame, placement: Placement, canvas: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the canvas, (H, W, 3) uint8 BGR, with the frame's image on grey."""
    image = detector_pixels(frame)
    pixels = image.cpu().numpy() if isinstance(image, Tensor) else image
    target = (placement.width, placement.height)
    fitting = pixels if frame.size == target else cv2.resize(
        pixels, target, interpolation=cv2.INTER_LINEAR)
    if target == canvas:
        return fitting.astype(np.uint8, copy=False)
    drawn = np.full((canvas[1], canvas[0], 3), GREY, np.uint8)
    drawn[placement.top:placement.top + placement.height,
          placement.left:placement.left + placement.width] = fitting
    return drawn


def padded(
        picture: Tensor, placement: Placement, canvas: tuple[int, int], beside: int) -> Tensor:
    """Return the canvas (H, W, C) with a resized image (h, w, C) in its place."""
    if (placement.width, placement.height) == canvas:
        return picture
    right = canvas[0] - placement.left - placement.width
    bottom = canvas[1] - placement.top - placement.height
    return F.pad(picture, (0, 0, placement.left, right, placement.top, bottom), value=beside)


def batch(
        canvases: Sequence[NDArray[np.uint8]], pixels: str, dtype: np.dtype[np.generic],
        *, channels_last: bool) -> NDArray[np.generic]:
    """
    Return canvases as one array, (B, H, W, 3) or (B, 3, H, W), in the given pixel format.

    'unit' is RGB in [0, 1], 'signed' RGB in [-1, 1], 'imagenet' RGB minus ImageNet's mean over its
    standard deviation, 'imagenet_bgr' the same in BGR, 'byte' RGB and 'byte_bgr' BGR from 0 to
    255.
    """
    ordered = np.stack([
        canvas if pixels.endswith('_bgr') else cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB)
        for canvas in canvases])
    if not channels_last:
        # torch transposes ten times faster than NumPy
        planes = torch.from_numpy(ordered).permute(0, 3, 1, 2).contiguous()
        ordered = planes.numpy()
    if pixels in ('byte', 'byte_bgr'):
        return ordered.astype(dtype, copy=False)
    if pixels == 'signed':
        return ((ordered.astype(np.float32) - 127.5) * np.float32(1 / 127.5)).astype(
            dtype, copy=False)
    scaled = ordered.astype(np.float32)
    scaled *= np.float32(1 / 255)
    if pixels.startswith('imagenet'):
        shape, step = (3,) if channels_last else (3, 1, 1), -1 if pixels.endswith('_bgr') else 1
        scaled -= np.array(IMAGENET_MEAN[::step], np.float32).reshape(shape)
        scaled /= np.array(IMAGENET_DEVIATION[::step], np.float32).reshape(shape)
    return scaled.astype(dtype, copy=False)
