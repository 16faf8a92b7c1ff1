# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Read the depth of people from a registered depth image, and place them by it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mot_ros.localisation.camera_model import CameraModel
from mot_ros.localisation.placements import from_errors, Placements, PlacementSource
from mot_ros.localisation.settings import PlacementSettings
from mot_ros.localisation.transforms import Transform
from mot_ros.tracking.types import Doubles

ACROSS = (0.3, 0.7)
"""The part of a box, from left to right, that shows the body and little beside it."""
DOWN = (0.15, 0.55)
"""The part of a box, from its top, that shows the trunk."""
SAMPLES = (8, 12)
"""Columns and rows of pixels that are read of each box."""
LEAST = 0.25
"""Least share of them that must have a depth."""
SPREAD = 3 * 1.4826
"""A pixel is an outlier beyond so many times the median deviation, which is 3 sigma."""
LEAST_SPREAD = 0.05
"""Metres beside the median that are never an outlier."""
NO_DEPTH = 'no depth in the box'
BODY = 0.04
"""Standard deviation in metres of how deep a body is behind its front."""


def read_depths(image: NDArray[Any], boxes: Doubles, unit: float = 1.0) -> Doubles:
    """
    Return the depth of each box (N, 4) xyxy pixels in metres, (N,); NaN where there is none.

    `image` (H, W) holds depths in `unit` metres; 0, NaN and infinity stand for none. The depth
    is the median over the inner part of the box, once more without the outliers.
    """
    if not len(boxes):
        return np.zeros(0)
    height, width = image.shape
    shares = [
        low + (high - low) * (np.arange(count) + 0.5) / count
        for (low, high), count in zip((ACROSS, DOWN), SAMPLES, strict=True)]
    sides = boxes[:, 2:] - boxes[:, :2]
    columns, rows = (
        np.clip(np.floor(boxes[:, axis, None] + share * sides[:, axis, None]), 0, size - 1
                ).astype(np.int64)
        for axis, (share, size) in enumerate(zip(shares, (width, height), strict=True)))
    depths = image[rows[:, :, None], columns[:, None, :]].reshape(len(boxes), -1) * unit
    with np.errstate(invalid='ignore'):
        depths = np.where(np.isfinite(depths) & (depths > 0), depths, np.inf)
        middle = _median(depths)
        off = np.abs(depths - middle[:, None])
        off[~np.isfinite(off)] = np.inf
        allowed = np.maximum(SPREAD * _median(off), LEAST_SPREAD)
        inner = np.where(off <= allowed[:, None], depths, np.inf)
        enough = np.isfinite(depths).mean(1) >= LEAST
        return np.where(enough, _median(inner), np.nan)


def _median(values: Doubles) -> Doubles:
    """Return the medians of the finite values of each row (N, M); infinity where none is."""
    ordered = np.sort(values, 1)
    count = np.isfinite(values).sum(1)
    rows = np.arange(len(values))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[1] - 1)
    found = (ordered[rows, low] + ordered[rows, high]) / 2
    return np.asarray(np.where(count, found, np.inf))


def place_by_depth(
        boxes: Doubles, depths: Doubles, camera: CameraModel, pose: Transform,
        settings: PlacementSettings, *, on_ground: bool = True) -> Placements:
    """
    Return where the people of boxes (N, 4) xyxy pixels with depths (N,) in metres are.

    `pose` takes points of the camera to a frame whose z axis points up. Its plane z = 0 is the
    ground that they stand on, unless not `on_ground`: then the depth says the height too.
    """
    count = len(boxes)
    middle = boxes[:, [0, 2]].mean(1)
    tall = boxes[:, 3] - boxes[:, 1]
    chest = boxes[:, 1] + sum(DOWN) / 2 * tall
    pixels = np.column_stack([middle, chest if on_ground else boxes[:, [1, 3]].mean(1)])
    rays = camera.rays(pixels)
    by_pixel = camera.jacobians(rays)
    space = np.column_stack([rays, np.ones(count)])
    # the axis of the body lies behind the surface, in the direction of the ray
    axis = depths + settings.body_radius / np.linalg.norm(space, axis=1)
    noise, bias = np.zeros((count, 3, 3)), np.zeros((count, 3, 2))
    edge = settings.box_sigma * tall
    noise[:, :2, 0] = axis[:, None] * by_pixel[:, :, 0] * (edge / np.sqrt(2))[:, None]
    noise[:, :2, 1] = axis[:, None] * by_pixel[:, :, 1] * (edge / np.sqrt(2))[:, None]
    noise[:, :, 2] = space * (settings.depth_sigma * depths ** 2)[:, None]
    bias[:, :, 0] = space * BODY
    turned = np.column_stack([np.zeros(count), -space[:, 2], space[:, 1]])
    bias[:, :, 1] = turned * (axis * np.radians(settings.pitch_sigma))[:, None]
    centres = pose.points(space * axis[:, None])
    noise, bias = pose.rotation @ noise, pose.rotation @ bias
    heights = _heights(boxes, axis, camera, pose, settings, on_ground=on_ground)
    if on_ground:
        centres[:, 2] = heights / 2
        noise[:, 2] = bias[:, 2] = 0
        bias[:, 2, 1] = settings.height_sigma / 2
    seen = np.isfinite(depths)
    return from_errors(
        np.flatnonzero(seen), centres, heights, noise, bias,
        np.full(count, int(PlacementSource.DEPTH)),
        dict.fromkeys(np.flatnonzero(~seen).tolist(), NO_DEPTH))


def _heights(
        boxes: Doubles, axis: Doubles, camera: CameraModel, pose: Transform,
        settings: PlacementSettings, *, on_ground: bool) -> Doubles:
    """Return the heights (N,) of people at the depths `axis`; the prior's where it is cut."""
    middle = boxes[:, [0, 2]].mean(1)
    heads = camera.rays(np.column_stack([middle, boxes[:, 1]]))
    heads = pose.points(np.column_stack([heads, np.ones(len(heads))]) * axis[:, None])[:, 2]
    lowest = np.zeros(len(boxes))
    if not on_ground:
        feet = camera.rays(np.column_stack([middle, boxes[:, 3]]))
        lowest = pose.points(np.column_stack([feet, np.ones(len(feet))]) * axis[:, None])[:, 2]
    heights = heads - lowest
    shown = (boxes[:, 1] > 2) & np.isfinite(heights) & (heights > 0)
    return np.where(shown, np.minimum(heights, 2 * settings.height), settings.height)
