# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Place people by what there is: a depth image, the ground, or both."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mot_ros.localisation.camera_model import CameraModel
from mot_ros.localisation.depth import place_by_depth
from mot_ros.localisation.ground import place_on_ground
from mot_ros.localisation.placements import Placements
from mot_ros.localisation.settings import PlacementSettings
from mot_ros.localisation.transforms import Transform
from mot_ros.tracking.types import Doubles, Ints

GATE = 3.0
"""Standard deviations from which depth and ground contradict each other."""
OF_ANOTHER = 'depth of something else'
"""Reason why a depth is not used: somebody stands before the person, or the wall is seen."""


def place(
        boxes: Doubles, depths: Doubles | None, camera: CameraModel, pose: Transform,
        settings: PlacementSettings) -> Placements:
    """
    Return where the people of boxes (N, 4) xyxy pixels are, in the frame of the ground.

    `depths` (N,) in metres are NaN where there is none. A person is placed by depth, unless that
    contradicts the ground: it is then that of something else. `pose` takes the camera's points
    to the ground's frame.
    """
    ground = place_on_ground(boxes, camera, pose, settings)
    if depths is None:
        return ground
    depth = place_by_depth(boxes, depths, camera, pose, settings)
    if len(depth.rows) and len(ground.rows):
        _, a, b = np.intersect1d(depth.rows, ground.rows, return_indices=True)
        apart = (depth.centres[a] - ground.centres[b])[:, :2]
        expected = (depth.covariances[a] + ground.covariances[b])[:, :2, :2]
        scaled = np.linalg.solve(expected, apart[:, :, None])[:, :, 0]
        contrary = (apart * scaled).sum(1) > GATE ** 2
        depth = _without(depth, a[contrary])
    return _merged(depth, ground)


def _without(depth: Placements, places: Ints) -> Placements:
    """Return the placements by depth but for some, which have the depth of something else."""
    kept = np.setdiff1d(np.arange(len(depth.rows)), places)
    return Placements(
        depth.rows[kept], depth.centres[kept], depth.heights[kept], depth.noise[kept],
        depth.bias[kept], depth.sources[kept],
        {**depth.left_out, **dict.fromkeys(depth.rows[places].tolist(), OF_ANOTHER)})


def _merged(depth: Placements, ground: Placements) -> Placements:
    """Return the placements by depth, and those by the ground of the others, in row order."""
    rest = np.flatnonzero(~np.isin(ground.rows, depth.rows))
    rows = np.concatenate([depth.rows, ground.rows[rest]])
    order = np.argsort(rows)

    def joined(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.concatenate([first, second[rest]])[order])

    placed = set(rows.tolist())
    return Placements(
        rows[order], joined(depth.centres, ground.centres),
        joined(depth.heights, ground.heights), joined(depth.noise, ground.noise),
        joined(depth.bias, ground.bias), joined(depth.sources, ground.sources),
        {row: reason for row, reason in ground.left_out.items() if row not in placed},
        Counter(depth.left_out.values()))
