# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What is known of where people are after one image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
import enum

import numpy as np

from mot_ros.localisation.transforms import Transform
from mot_ros.tracking.types import Doubles, Ints


class PlacementSource(enum.IntEnum):
    """What decided where a person is; the values are those of LocatedTrack.msg."""

    GROUND_AND_HEIGHT = 0
    GROUND = 1
    HEIGHT = 2
    DEPTH = 3


@dataclass(frozen=True, eq=False)
class Placements:
    """
    People in a frame of the world.

    `rows` (M,) are the rows of their boxes; `centres` (M, 3) and `heights` (M,) in metres.
    `noise` (M, 3, 3) is the covariance of what is new with each image, `bias` (M, 3, 3) of what
    lasts: the pitch of the camera, the height of the person. `left_out` says of each other row
    why nothing is known of it, and `without_depth` counts why people were not placed by depth.
    """

    rows: Ints
    centres: Doubles
    heights: Doubles
    noise: Doubles
    bias: Doubles
    sources: Ints
    left_out: Mapping[int, str] = field(default_factory=dict)
    without_depth: Counter[str] = field(default_factory=Counter)

    @property
    def covariances(self) -> Doubles:
        """The covariances of the centres (M, 3, 3)."""
        return self.noise + self.bias

    def moved(self, pose: Transform) -> Placements:
        """Return the same people in the frame that `pose` leads to."""
        turn = pose.rotation
        return Placements(
            self.rows, pose.points(self.centres), self.heights, turn @ self.noise @ turn.T,
            turn @ self.bias @ turn.T, self.sources, self.left_out,
            self.without_depth)


def from_errors(
        kept: Ints, centres: Doubles, heights: Doubles, noise: Doubles, bias: Doubles,
        sources: Ints, left_out: Mapping[int, str]) -> Placements:
    """
    Return the placements of the boxes `kept` of N.

    `noise` and `bias` (N, 3, K) are what each of K independent errors, of one standard
    deviation, does to the centres. What came out not finite is left out too.
    """
    whole = np.concatenate([centres[:, :, None], noise, bias], 2)
    finite = np.asarray(np.isfinite(whole).all((1, 2)))
    faulty = kept[~finite[kept]].tolist()
    if faulty:
        left_out = {**left_out, **dict.fromkeys(faulty, 'position not finite')}
        kept = kept[finite[kept]]
    new, lasting = noise[kept], bias[kept]
    return Placements(
        kept, centres[kept], heights[kept], new @ new.transpose(0, 2, 1),
        lasting @ lasting.transpose(0, 2, 1), sources[kept], left_out)
