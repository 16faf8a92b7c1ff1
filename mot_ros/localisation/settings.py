# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of the geometry: how tall people are, and how far its inputs may be off."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.schema import setting


@dataclass(frozen=True)
class PlacementSettings:
    """What places a box in the world."""

    height: float = setting(
        1.7, 'height of people: the mean of the prior', 'm', minimum=0.2, maximum=5.0)
    height_sigma: float = setting(
        0.1, 'standard deviation of the height of people', 'm', minimum=0.001, maximum=5.0)
    box_sigma: float = setting(
        0.03, 'standard deviation of each edge of a box, as a share of its height',
        minimum=0.001, maximum=1.0)
    pitch_sigma: float = setting(
        1.0, 'standard deviation of the pitch of the camera that tf states, against the real '
        'one and the real ground', 'deg', minimum=0.0, maximum=30.0)
    depth_sigma: float = setting(
        0.004, 'standard deviation of a depth of 1 m; it grows with the square of the depth',
        'm', minimum=0.0, maximum=1.0)
    body_radius: float = setting(
        0.12, 'from the front of a body, which the depth camera measures, to its axis', 'm',
        minimum=0.0, maximum=1.0)
    uncertain: float = setting(
        0.4, 'largest standard deviation of a distance, as a share of it; who is less certain '
        'is left out', minimum=0.01, maximum=10.0)
