# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Walkers on level ground, who enter and leave the view at its sides."""

from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.synthetic.ground_camera import GroundCamera

STEP = 0.75
"""Metres from one step to the next."""
POINTS = 33
"""Points at which the length of a path is measured."""


@dataclass(frozen=True)
class Room:
    """Area where people walk: seen by `view` on `columns` pixels, from `near` to `far` metres."""

    view: GroundCamera
    columns: float
    near: float
    far: float


@dataclass(frozen=True)
class Pose:
    """Position of a walker, metres right and ahead, and phase of the steps in radians."""

    x: float
    z: float
    phase: float


class Walk:
    """
    One walk through the view, from `start` to `end` seconds.

    The path is a parabola through a point in view, gone along at an even pace, some stop at
    that point for a while.
    """

    def __init__(self, generator: np.random.Generator, room: Room, pace: float) -> None:
        ends = [self._outside(generator, room) for _ in range(2)]
        z = self._distance(generator, room)
        via = np.array([
            generator.uniform(-.85, .85) * room.view.half_width(z, room.columns), z])
        control = 2 * via - (ends[0] + ends[1]) / 2
        u = np.linspace(0, 1, POINTS)[:, None]
        points = (1 - u) ** 2 * ends[0] + 2 * u * (1 - u) * control + u ** 2 * ends[1]
        points[:, 1] = np.clip(points[:, 1], room.near, room.far * 1.25)
        self._points = points
        steps = np.hypot(*np.diff(points, axis=0).T)
        self._along: NDArray[np.float64] = np.concatenate([[0], np.cumsum(steps)])
        self.pace = pace * generator.uniform(.9, 1.7)
        self._middle = float(self._along[POINTS // 2]) / self.pace
        self._rest = generator.uniform(1, 4) if generator.random() < .2 else 0.0
        self.duration = float(self._along[-1]) / self.pace + self._rest
        self.start = 0.0
        self.sprite = 0
        self.height = float(np.clip(generator.normal(1.72, .08), 1.5, 1.95))
        self.mirrored = bool(generator.random() < .5)
        self._phase = generator.uniform(0, math.pi)

    @property
    def end(self) -> float:
        """Return the time of the end in seconds."""
        return self.start + self.duration

    def pose(self, time: float) -> Pose:
        """Return where the walker is at a time in seconds."""
        gone = time - self.start
        if gone > self._middle:
            gone = max(self._middle, gone - self._rest)
        way = gone * self.pace
        x, z = (float(np.interp(way, self._along, column)) for column in self._points.T)
        return Pose(x, z, self._phase + math.pi * way / STEP)

    @staticmethod
    def _distance(generator: np.random.Generator, room: Room) -> float:
        return float(room.near * (room.far / room.near) ** generator.random())

    @staticmethod
    def _outside(generator: np.random.Generator, room: Room) -> NDArray[np.float64]:
        z = Walk._distance(generator, room)
        side = -1 if generator.random() < .5 else 1
        # a metre more, since nobody may come out of nothing
        return np.array([side * (room.view.half_width(z, room.columns) + 1), z])


class Walkway:
    """
    Sequence of walkers: after one has left the view the next one enters.

    It depends on the seed alone.
    """

    def __init__(self, number: int, places: int, room: Room, pace: float, sprites: int,
                 seed: int) -> None:
        self._number = number
        self._places = places
        self._room = room
        self._pace = pace
        self._sprites = sprites
        self._generator = np.random.default_rng((seed, 4, number))
        self._walks: list[Walk] = []

    def at(self, time: float) -> tuple[int, Walk] | None:
        """Return the id and the walk of the present walker; None between two walkers."""
        while not self._walks or self._walks[-1].end < time:
            self._add()
        for number, walk in enumerate(self._walks):
            if walk.start <= time <= walk.end:
                return 1 + self._number + self._places * number, walk
        return None

    def _add(self) -> None:
        generator = self._generator
        walk = Walk(generator, self._room, self._pace)
        if self._walks:
            walk.start = self._walks[-1].end + generator.uniform(.1, 1.5)
        else:
            # in full swing from the beginning
            walk.start = -generator.uniform(.05, .9) * walk.duration
        # in turn, so that no two look alike at a time where there are enough sprites
        walk.sprite = (self._number + self._places * len(self._walks)) % self._sprites
        self._walks.append(walk)
