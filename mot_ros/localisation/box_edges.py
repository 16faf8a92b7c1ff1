# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Compute the directions of the edges of boxes, with what an error in pixels or pitch changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mot_ros.localisation.camera_model import CameraModel
from mot_ros.localisation.settings import PlacementSettings
from mot_ros.localisation.transforms import Transform
from mot_ros.tracking.types import Doubles, Mask

EDGE = 0.5
"""Least standard deviation of an edge, in pixels."""
CUT = 2.0
"""An edge so many pixels from the border of the image, and `box_sigma`, may be cut by it."""
STRAIGHT_DOWN = 1e-9
"""Horizontal part of a ray that has none."""
AXIS = 0.4
"""Where the centre of a box is that of the body, from its top: trunk and arms are broadest."""
CUT_SIDE = 0.15
"""Standard deviation of the centre of a box that a side of the image cuts, of its height."""


@dataclass(frozen=True, eq=False)
class Directions:
    """
    Directions from the camera, in the ground's frame, whose z axis points up.

    `falls` (N,) are metres down per metre of horizontal distance; `azimuths` (N, 2) horizontal
    unit vectors. `by_pixel` (N, 2, 2) and `by_pitch` (N, 2) are the derivatives of the fall and
    of the angle of the azimuth, by pixels (x, y) and by a turn about the camera's x axis. `seen`
    (N,) says where the lens shows anything; the rest of the others means nothing.
    """

    seen: Mask
    falls: Doubles
    azimuths: Doubles
    by_pixel: Doubles
    by_pitch: Doubles

    def __getitem__(self, part: slice) -> Directions:
        return Directions(
            self.seen[part], self.falls[part], self.azimuths[part], self.by_pixel[part],
            self.by_pitch[part])

    def turned_to(self, other: Directions) -> Directions:
        """
        Return the directions in the same image rows, under the azimuths of `other`.

        In a camera that is pitched or rolled an upright body leans in the image, so that its
        ends are not in the middle of the box. To first order, as the lean is small.
        """
        (a, b), (c, d) = self.azimuths.T, other.azimuths.T
        angles = np.arctan2(a * d - b * c, a * c + b * d)
        pixels = angles / self.by_pixel[:, 1, 0]
        return Directions(
            self.seen & other.seen, self.falls + self.by_pixel[:, 0, 0] * pixels, other.azimuths,
            self.by_pixel, self.by_pitch)


def directions(pixels: Doubles, camera: CameraModel, pose: Transform) -> Directions:
    """Return the directions of pixels (N, 2); `pose` takes the camera's points to the ground."""
    rays = camera.rays(pixels)
    seen = np.asarray(np.isfinite(rays).all(1))
    if not seen.all():
        rays = np.where(seen[:, None], rays, 0.0)
    space = np.ones((len(rays), 3))
    space[:, :2] = rays
    down = space @ pose.rotation.T
    across = np.maximum(np.hypot(down[:, 0], down[:, 1]), STRAIGHT_DOWN)
    azimuths = down[:, :2] / across[:, None]
    falls = -down[:, 2] / across
    # by the ray's x and y, and by the pitch, which moves the ray by ex x ray
    moved = np.empty((len(rays), 3, 3))
    moved[:, :, :2] = pose.rotation[:, :2]
    moved[:, :, 2] = rays[:, 1:] * pose.rotation[:, 2] - pose.rotation[:, 1]
    along = (azimuths[:, None] @ moved[:, :2])[:, 0]
    change = np.empty((len(rays), 2, 3))
    change[:, 0] = -(moved[:, 2] + falls[:, None] * along)
    change[:, 1] = azimuths[:, :1] * moved[:, 1] - azimuths[:, 1:] * moved[:, 0]
    change /= across[:, None, None]
    return Directions(
        seen, falls, azimuths, change[:, :, :2] @ camera.jacobians(rays), change[:, :, 2])


@dataclass(frozen=True, eq=False)
class BoxEdges:
    """
    What boxes in an image say of feet and heads.

    `foot` and `head` are the directions of the two edges on the upright axis of the body, which
    `axis` points to. `feet` and `heads` (N,) say whether the image shows them; `edge_sigma` and
    `side_sigma` (N,) are the standard deviations of the horizontal edges and of the centre, in
    pixels.
    """

    foot: Directions
    head: Directions
    axis: Directions
    feet: Mask
    heads: Mask
    edge_sigma: Doubles
    side_sigma: Doubles

    @classmethod
    def of(
            cls, boxes: Doubles, camera: CameraModel, pose: Transform,
            settings: PlacementSettings) -> BoxEdges:
        """Return the edges of boxes (N, 4) xyxy in pixels."""
        width, height = camera.size
        tall = boxes[:, 3] - boxes[:, 1]
        border = CUT + settings.box_sigma * tall
        middle = (boxes[:, 0] + boxes[:, 2]) / 2
        rows = [boxes[:, 3], boxes[:, 1], boxes[:, 1] + AXIS * tall]
        every = directions(
            np.column_stack([np.tile(middle, 3), np.concatenate(rows)]), camera, pose)
        count = len(boxes)
        foot, head, axis = (
            every[number * count:(number + 1) * count] for number in range(3))
        foot, head = foot.turned_to(axis), head.turned_to(axis)
        cut = (boxes[:, 0] < border) | (boxes[:, 2] > width - border)
        edge_sigma = np.hypot(settings.box_sigma * tall, EDGE)
        return cls(
            foot, head, axis,
            (boxes[:, 3] < height - border) & foot.seen, (boxes[:, 1] > border) & head.seen,
            edge_sigma,
            # the centre is the mean of two edges
            np.where(cut, CUT_SIDE * tall, edge_sigma / np.sqrt(2)))
