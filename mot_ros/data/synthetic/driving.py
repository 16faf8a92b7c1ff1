# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""An endless, seeded drive along a street with people on the pavements, some on the road."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.photographs import read_photograph
from mot_ros.data.synthetic.backgrounds import obstacle
from mot_ros.data.synthetic.cutouts import Cutout
from mot_ros.data.synthetic.ground_camera import GroundCamera
from mot_ros.data.synthetic.image_degradation import Lens, Look, smeared
from mot_ros.data.synthetic.rendering import paint
from mot_ros.data.synthetic.scene import stepping, TALL, WALLS
from mot_ros.data.synthetic.sprites import boxed, Sprite, SpritePlacement
from mot_ros.data.synthetic.street import HALF_ROAD, HALF_WIDTH, Street
from mot_ros.data.synthetic.truth import apparent_shift, SyntheticTruth
from mot_ros.data.synthetic.walkers import STEP
from mot_ros.tracking.errors import ConfigError

Image = NDArray[np.uint8]

RATE = 10.0
"""Frames per second of KITTI's camera, and of this one."""
FASTEST = 100.0
"""The speed in m/s beyond which no other is tried."""
BLOCK = 10.0
"""Metres of the street that are filled at a time."""
SLOTS = 6
"""People in a block at most."""
NEAREST = 1.5
"""Metres from the camera at which people are past."""
MEASURED = 200
"""Frames over which a wanted speed holds."""
TONES = 3


@dataclass(frozen=True)
class Drive:
    """
    Set the speed of the car, the people and the image of a drive.

    `size` is (width, height) in pixels. `speed` is that of the car in m/s. `people` is how many
    there are in 100 m of the street, 60 at most. `smallest` is the height of the farthest people
    as a part of the image height. `turn` is by how many radians the car looks aside in bends, at
    most; bends are places in the street, so that a fast car turns fast. `vibration` is in parts
    of the image height. `crossing` is the part of the people who cross the road.
    """

    size: tuple[int, int] = (1242, 375)
    speed: float = 8.0
    people: float = 24.0
    smallest: float = 0.08
    turn: float = 0.12
    vibration: float = 0.004
    crossing: float = 0.08
    look: Look = field(default_factory=Look)

    def __post_init__(self) -> None:
        if min(self.size) < 64 or not 0 <= self.speed <= 200 or not (
                0.01 <= self.smallest <= 1) or not (
                0 <= self.people <= 100 * SLOTS / BLOCK and 0 <= self.turn <= .5 and
                0 <= self.vibration <= .1 and 0 <= self.crossing <= 1):
            raise ConfigError(
                f'{self} cannot be; size is at least 64x64, speed lies in [0, 200], people in '
                '[0, 60], smallest in [0.01, 1], turn lies in [0, 0.5], vibration in [0, 0.1], '
                'crossing in [0, 1]')


@dataclass(frozen=True)
class Passer:
    """A person by the street, or a thing with id 0; `dx` and `dz` in m/s from `x`, `z` on."""

    id: int
    x: float
    z: float
    dx: float
    dz: float
    height: float
    sprite: Sprite
    mirrored: bool
    ahead: float
    """How many seconds before the car comes to `z` the passer is at `x`."""


@dataclass(frozen=True)
class Position:
    """Pose of the car: metres along, radians to the right, row of the horizon in pixels."""

    along: float
    turn: float
    sway: float
    pitch: float


class DrivingScene:
    """Scene before the camera of a car: focal length 0.58 of the image width, height 1.65 m."""

    def __init__(self, cutouts: Sequence[Cutout], photographs: Sequence[Path] = (),
                 drive: Drive | None = None, seed: int = 0) -> None:
        self.drive = drive or Drive()
        self.size = self.drive.size
        if not cutouts and self.drive.people:
            raise ConfigError('there are no cut-outs for people to look like; give some')
        width, height = self.size
        self._seed = seed
        self._view = GroundCamera(.58 * width, width / 2, .45 * height, 1.65)
        self._far = self._view.distance(self.drive.smallest * height / TALL)
        generator = np.random.default_rng((seed, 0))
        chosen = [read_photograph(photographs[int(generator.integers(len(photographs)))])
                  for _ in range(WALLS if photographs else 0)]
        self._street = Street(generator, self._view, self.size, self.drive.turn, chosen)
        self._lens = Lens(self.drive.look, self.size, seed)
        self._waves = generator.uniform(0, 2 * math.pi, (3, TONES))
        self._bends = generator.uniform(50, 160, TONES)
        self._shakes = generator.uniform(1.5, 4.5, (2, TONES))
        self._sprites = [Sprite(cutout) for cutout in cutouts]
        scenery = self._street.draw(0, 0, 0)
        self._things = [obstacle(generator, scenery) for _ in range(8)]
        self._stands = [Sprite(cutout) for cutout, _ in self._things]
        self._blocks: dict[int, list[Passer]] = {}

    def at_speed(self, speed: float) -> DrivingScene:
        """Return the same street for a car of another speed in m/s."""
        other = object.__new__(DrivingScene)
        vars(other).update(vars(self))
        other.drive = replace(self.drive, speed=speed)
        return other

    def at_shift(self, widths: float, fps: float = RATE) -> DrivingScene:
        """
        Return the same street for the speed at which people move by `widths` from frame to frame.

        That is the median of `apparent_shift`, in box widths, over the first MEASURED frames.
        Raises ConfigError if no speed gives this shift: people walk faster, or none is seen twice.
        """
        if not self.drive.people:
            raise ConfigError('without people nothing shifts; give a speed in m/s')
        low, high = 0.0, 1.0
        slowest = fastest = self._shift(low, fps)
        # too fast a car sees nobody twice, so the upper end is looked for from below
        while fastest < widths and high <= FASTEST:
            low, high = high, 2 * high
            fastest = max(fastest, self._shift(high, fps))
        if not slowest <= widths <= fastest:
            raise ConfigError(
                f'a median shift of {widths:g} box widths per frame cannot be reached; from a '
                f'standing to the fastest car it is {slowest:.3g} to {fastest:.3g} in this scene')
        for _ in range(10):
            middle = (low + high) / 2
            low, high = (middle, high) if self._shift(middle, fps) < widths else (low, middle)
        return self.at_speed((low + high) / 2)

    def at(self, time: float) -> tuple[Image, SyntheticTruth]:
        """Return the image and its truth at a time in seconds."""
        half = self._lens.look.exposure / 2
        here, *moved = (self._position(moment) for moment in (time, time - half, time + half))
        turned = -self._view.focal * (moved[1].turn - moved[0].turn)
        image = np.array(smeared(
            self._street.draw(here.along, here.turn + here.sway, here.pitch),
            (turned, moved[1].pitch - moved[0].pitch)))
        placements = []
        for passer in self._near(here.along):
            placed = self._place(passer, time, here)
            if placed is None:
                continue
            ends = [self._place(passer, moment, position) for moment, position in zip(
                (time - half, time + half), moved, strict=True)]
            smear = (0.0, 0.0)
            if ends[0] is not None and ends[1] is not None:
                shift = [_middle(end) for end in ends if end is not None]
                smear = (float(shift[1][0] - shift[0][0]), float(shift[1][1] - shift[0][1]))
            placements.append(replace(placed, smear=smear))
        truth = paint(image, placements)
        return self._lens(image, time), truth

    def _position(self, time: float) -> Position:
        along = self.drive.speed * time
        bend = np.sin(2 * math.pi * along / self._bends + self._waves[0]).mean()
        shakes = np.sin(2 * math.pi * self._shakes * time + self._waves[1:]).mean(axis=1)
        jolt = self.drive.vibration * self.size[1]
        return Position(
            along, self.drive.turn * float(bend),
            .3 * jolt * float(shakes[0]) / self._view.focal, jolt * float(shakes[1]))

    def _place(self, passer: Passer, time: float, car: Position) -> SpritePlacement | None:
        """Return where a passer is in the image; None behind the car and too far ahead."""
        since = 0.0
        if self.drive.speed:
            since = time - passer.z / self.drive.speed + passer.ahead
        x, z = passer.x + passer.dx * since, passer.z + passer.dz * since - car.along
        angle = car.turn + car.sway
        across = math.cos(angle) * x - math.sin(angle) * z
        depth = math.sin(angle) * x + math.cos(angle) * z
        if not NEAREST <= depth <= self._far:
            return None
        view = self._view
        feet = (view.column(across, depth), view.row(depth) + car.pitch)
        pace = math.hypot(passer.dx, passer.dz)
        phase = math.pi * pace * since / STEP
        matrix = stepping(
            passer.sprite, feet, passer.height * view.scale(depth), phase if passer.id else 0.0,
            passer.mirrored)
        return SpritePlacement(passer.sprite, matrix, depth, passer.id)

    def _near(self, along: float) -> Iterator[Passer]:
        """Yield the passers that may be in view."""
        # some metres more, for those who walk
        for number in range(math.floor((along - 20) / BLOCK),
                            math.floor((along + self._far + 20) / BLOCK) + 1):
            if number >= 0:
                if number not in self._blocks:
                    self._blocks[number] = self._fill(number)
                yield from self._blocks[number]

    def _fill(self, number: int) -> list[Passer]:
        """Fill a block of the street; what is in it depends on the seed and its number only."""
        generator = np.random.default_rng((self._seed, 5, number))
        found = []
        chance = self.drive.people * BLOCK / 100 / SLOTS
        for slot in range(SLOTS):
            side = -1 if generator.random() < .5 else 1
            x = side * generator.uniform(HALF_ROAD + .5, HALF_WIDTH - .6)
            z, pace = BLOCK * (number + generator.random()), generator.uniform(-1.6, 1.6)
            height = float(np.clip(generator.normal(TALL, .08), 1.5, 1.95))
            mirrored, crossing = generator.random() < .5, generator.random()
            sprite, ahead = generator.random(), generator.uniform(1.5, 3)
            if generator.random() >= chance:
                continue
            way = (0.0, pace) if abs(pace) > .5 else (0.0, 0.0)
            if crossing < self.drive.crossing:
                # in the middle of the road some seconds before the car comes, and off it then
                x, way = 0.0, (-1.4 * side, 0.0)
            found.append(Passer(
                1 + SLOTS * number + slot, x, z, *way, height,
                self._sprites[int(sprite * len(self._sprites))], bool(mirrored),
                ahead if x == 0 else 0.0))
        if generator.random() < .6:
            index = int(generator.integers(len(self._things)))
            side = -1 if generator.random() < .5 else 1
            x = side * (HALF_ROAD + generator.uniform(.3, 2))
            found.append(Passer(0, x, BLOCK * (number + generator.random()), 0, 0,
                                self._things[index][1], self._stands[index], False, 0))
        return found

    def _shift(self, speed: float, fps: float) -> float:
        """Return the median apparent shift at a speed, from where the boxes would be."""
        car = self.at_speed(speed)
        shifts: list[NDArray[np.float32]] = []
        before = SyntheticTruth.of([])
        for index in range(MEASURED):
            after = car._outline(index / fps)
            shifts.append(apparent_shift(before, after))
            before = after
        joined = np.concatenate(shifts)
        return float(np.median(joined)) if len(joined) else 0.0

    def _outline(self, time: float) -> SyntheticTruth:
        """Return the truth as it follows from geometry, without drawing: no visibility."""
        here = self._position(time)
        rows = []
        for passer in self._near(here.along):
            placed = self._place(passer, time, here) if passer.id else None
            if placed is not None:
                box = boxed(placed.sprite, placed.matrix)
                if box[2] > 0 and box[0] < self.size[0]:
                    rows.append((box, box, 1.0, passer.id, placed.sprite.label))
        return SyntheticTruth.of(rows)


def _middle(placement: SpritePlacement) -> NDArray[np.float64]:
    width, height = placement.sprite.size
    return placement.matrix @ (width / 2, height / 2, 1)
