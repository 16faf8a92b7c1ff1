# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Follow one track: a steady pose while it is observed, none while it is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mot_ros.tracking.types import Doubles

WALKING = 0.3
"""Speed in m/s from which the velocity says where a person heads."""


@dataclass(frozen=True, eq=False)
class LocatedPerson:
    """Position and velocity (3,) of a person, in metres and m/s, in a fixed frame."""

    position: Doubles
    velocity: Doubles


@dataclass(frozen=True, eq=False)
class FollowedPose:
    """Where the followed person is, (3,), and their heading about the z axis in radians."""

    position: Doubles
    heading: float


class Follower:
    """
    Follows the track `target`, a string; empty: none.

    A pose comes out only for an image that shows the person, so that its stamp says when they
    were seen last. It never moves faster than `max_speed` (m/s), so that neither a correction of
    the filter nor the end of an occlusion makes a robot jump.
    """

    def __init__(self, max_speed: float, lost_after: float) -> None:
        self.target = ''
        self._max_speed = max_speed
        self._lost_after = lost_after
        self._stamp: float | None = None
        self._since = 0.0
        self._position: Doubles | None = None
        self._heading = 0.0
        self._present: Mapping[str, LocatedPerson] = {}
        self._now = 0.0

    def select(self, target: str) -> None:
        """Follow another track, or none."""
        if target != self.target:
            self.target = target
            self._stamp = self._position = None
            self._since, self._heading = self._now, 0.0

    def nearest(self, place: Doubles) -> str:
        """Return the id of the person of the last image nearest to a place (3,); '' if none."""
        distances = {
            name: float(np.linalg.norm((person.position - place)[:2]))
            for name, person in self._present.items()}
        return min(distances, key=lambda name: distances[name], default='')

    def update(self, stamp: float, people: Mapping[str, LocatedPerson]) -> FollowedPose | None:
        """Take the people of an image by id; return the pose, if the target is one of them."""
        if stamp < self._now:
            # the clock jumped back: whoever has this id now is looked for anew
            self._stamp = self._position = None
            self._since = stamp
        self._now, self._present = stamp, people
        person = people.get(self.target) if self.target else None
        if person is None:
            return None
        position = person.position
        if self._position is not None and self._stamp is not None:
            way = position - self._position
            length, most = float(np.linalg.norm(way)), self._max_speed * (stamp - self._stamp)
            if length > most:
                position = self._position + way * (most / length)
        if float(np.linalg.norm(person.velocity[:2])) > WALKING:
            self._heading = float(np.arctan2(person.velocity[1], person.velocity[0]))
        self._stamp, self._position = stamp, position
        return FollowedPose(position, self._heading)

    @property
    def unseen(self) -> float:
        """Seconds since the target was seen, or selected if it never was; 0 without a target."""
        if not self.target:
            return 0.0
        return max(0.0, self._now - (self._since if self._stamp is None else self._stamp))

    @property
    def ended(self) -> bool:
        """Whether the target has been unseen for so long that it counts as ended."""
        return self.unseen > self._lost_after
