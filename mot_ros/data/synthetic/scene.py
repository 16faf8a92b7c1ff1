# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Crowd scene: seeded people cross each other's paths before a moving camera, without end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
import math
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.photographs import read_photograph
from mot_ros.data.synthetic.backgrounds import draw_square, obstacle
from mot_ros.data.synthetic.camera_motion import CameraPath, SyntheticCameraMotion
from mot_ros.data.synthetic.cutouts import Cutout
from mot_ros.data.synthetic.ground_camera import GroundCamera
from mot_ros.data.synthetic.image_degradation import Lens, Look, smeared
from mot_ros.data.synthetic.rendering import paint
from mot_ros.data.synthetic.sprites import Matrix, Sprite, SpritePlacement, standing
from mot_ros.data.synthetic.textures import fill
from mot_ros.data.synthetic.truth import SyntheticTruth
from mot_ros.data.synthetic.walkers import Pose, Room, Walk, Walkway
from mot_ros.data.video.frame_source import stamp_of
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.sequence import seconds
from mot_ros.tracking.types import Frame

Image = NDArray[np.uint8]

TALL = 1.72
"""Metres of the average person."""
WALLS = 4
"""Photographs that a scene takes at most."""


class Scene(Protocol):
    """A scene that can be drawn at any time, and is always the same at the same time."""

    size: tuple[int, int]

    def at(self, time: float) -> tuple[Image, SyntheticTruth]:
        """Return the image (H, W, 3) BGR and its truth at a time in seconds."""


def frames(scene: Scene, fps: float, count: int | None = None
           ) -> Iterator[tuple[Frame, SyntheticTruth]]:
    """Yield frames and their truth from time 0 on, endlessly without `count`."""
    index = 0
    while count is None or index < count:
        stamp = seconds(stamp_of(index, fps))
        image, truth = scene.at(stamp)
        yield Frame.of(image, stamp), truth
        index += 1


@dataclass(frozen=True)
class Crowd:
    """
    Set the people, obstacles and camera of a crowd scene.

    `size` is (width, height) in pixels. `heights` are those of the farthest and of the nearest
    people, as parts of the image height. `pace` multiplies how fast they walk, 1.3 m/s on
    average. `obstacles` is the number of things that occlude them.
    """

    size: tuple[int, int] = (640, 480)
    people: int = 10
    pace: float = 1.0
    heights: tuple[float, float] = (0.12, 0.45)
    obstacles: int = 3
    camera: SyntheticCameraMotion = field(default_factory=SyntheticCameraMotion)
    look: Look = field(default_factory=Look)

    def __post_init__(self) -> None:
        low, high = self.heights
        if min(self.size) < 32 or self.people < 0 or self.obstacles < 0 or (
                not self.pace > 0 or not 0 < low < high <= 2):
            raise ConfigError(
                f'{self} cannot be; size is at least 32x32, people and obstacles are not '
                'negative, pace is above 0 and heights are 0 < low < high <= 2')


class CrowdScene:
    """
    Draw people who walk about on a square.

    They are on a drawn square, or, with `photographs`, before one of them or on a square walled
    with some.
    `camera` of the truth maps the still picture to the image: the people stand in the picture,
    and a camera that turns and zooms sees a part of it.
    """

    def __init__(self, cutouts: Sequence[Cutout], photographs: Sequence[Path] = (),
                 crowd: Crowd | None = None, seed: int = 0) -> None:
        crowd = crowd or Crowd()
        generator = np.random.default_rng((seed, 0))
        self.size = crowd.size
        self._camera = CameraPath(crowd.camera, crowd.size, seed)
        self._lens = Lens(crowd.look, crowd.size, seed)
        width, height = self._camera.picture_size
        self._view = _view(crowd, (width, height), generator.uniform(.18, .34))
        low, high = crowd.heights
        near, far = (self._view.focal * TALL / (part * crowd.size[1]) for part in (high, low))
        room = Room(self._view, width, near, far)
        chosen = [read_photograph(photographs[int(generator.integers(len(photographs)))])
                  for _ in range(WALLS if photographs else 0)]
        if chosen and generator.random() < .5:
            self._picture = fill(chosen[0], (width, height))
        else:
            self._picture = draw_square(
                generator, (width, height), self._view, far * 1.3, chosen)
        if crowd.people and not cutouts:
            raise ConfigError('there are no cut-outs for people to look like; give some')
        # two for each place, so that another one comes after whoever leaves
        some = generator.permutation(len(cutouts))[:2 * crowd.people]
        self._sprites = [Sprite(cutouts[int(index)]) for index in some]
        self._places = [
            Walkway(number, crowd.people, room, crowd.pace, len(self._sprites), seed)
            for number in range(crowd.people)]
        self._things = [self._thing(generator, room) for _ in range(crowd.obstacles)]

    def at(self, time: float) -> tuple[Image, SyntheticTruth]:
        """Return the image and its truth at a time in seconds, not negative."""
        half = self._lens.look.exposure / 2
        camera, *moved = (self._camera.at(moment) for moment in (time, time - half, time + half))
        placements = [self._moving(placement, camera, moved, placement.matrix[:, 2])
                      for placement in self._things]
        for place in self._places:
            found = place.at(time)
            if found is not None:
                placements.append(self._walker(*found, time, camera, moved))
        canvas = cv2.warpAffine(
            self._picture, _centred(camera), self.size, flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101)
        middle = np.array([self._picture.shape[1] / 2, self._picture.shape[0] / 2])
        image: Image = smeared(canvas, _smear(moved, (middle, middle)))  # type: ignore[arg-type]
        image = np.array(image)
        truth = paint(image, placements, camera)
        return self._lens(image, time), truth

    def _walker(self, identity: int, walk: Walk, time: float, camera: Matrix,
                moved: Sequence[Matrix]) -> SpritePlacement:
        half = self._lens.look.exposure / 2
        feet = [self._feet(walk.pose(moment)) for moment in (time - half, time + half)]
        pose = walk.pose(time)
        sprite = self._sprites[walk.sprite]
        matrix = stepping(
            sprite, self._feet(pose), self._view.scale(pose.z) * walk.height, pose.phase,
            walk.mirrored)
        return SpritePlacement(
            sprite, _after(camera, matrix), pose.z, identity, _smear(moved, feet))

    def _feet(self, pose: Pose) -> NDArray[np.float64]:
        return np.array([self._view.column(pose.x, pose.z), self._view.row(pose.z)])

    def _thing(self, generator: np.random.Generator, room: Room) -> SpritePlacement:
        """Put a thing somewhere in the picture; its place is that in the picture."""
        cutout, tall = obstacle(generator, self._picture)
        z = room.near * (room.far / room.near) ** generator.uniform(.1, .9)
        x = generator.uniform(-.9, .9) * room.view.half_width(z, room.columns)
        feet = (room.view.column(x, z), room.view.row(z))
        sprite = Sprite(cutout)
        return SpritePlacement(sprite, standing(sprite, feet, tall * room.view.scale(z)), z)

    @staticmethod
    def _moving(placement: SpritePlacement, camera: Matrix, moved: Sequence[Matrix],
                point: NDArray[np.float64]) -> SpritePlacement:
        return SpritePlacement(
            placement.sprite, _after(camera, placement.matrix), placement.depth, placement.id,
            _smear(moved, (point, point)))


def stepping(sprite: Sprite, feet: Sequence[float] | NDArray[np.float64], height: float,
             phase: float, mirrored: bool) -> Matrix:
    """Return the map of a sprite that walks: it bobs with each step, and sways with two."""
    return standing(
        sprite, (float(feet[0]), float(feet[1])), height * (1 + .012 * abs(math.sin(phase))),
        lean=.02 * math.sin(phase), mirrored=mirrored, broad=1 + .03 * math.sin(2 * phase))


def _view(crowd: Crowd, picture: tuple[int, int], horizon: float) -> GroundCamera:
    """Return the view in which the nearest people are as tall as wanted at the lower border."""
    width, height = crowd.size
    top, left = (picture[1] - height) / 2, picture[0] / 2
    below = (1 - horizon) * height
    return GroundCamera(1.0 * width, left, top + horizon * height,
                below * TALL / (crowd.heights[1] * height))


def _after(camera: Matrix, matrix: Matrix) -> Matrix:
    """Return the map (2, 3) that does `matrix` and then `camera`."""
    joined = camera[:, :2] @ matrix
    joined[:, 2] += camera[:, 2]
    return joined


def _centred(matrix: Matrix) -> Matrix:
    """Return a map of pixel edges as OpenCV has it, where 0 is the centre of a pixel."""
    result = matrix.copy()
    result[:, 2] += matrix[:, :2] @ (.5, .5) - .5
    return result


def _smear(moved: Sequence[Matrix], points: Sequence[NDArray[np.float64]]
           ) -> tuple[float, float]:
    """Return how far a point moves in the image from the first camera to the second."""
    (first, second), (start, end) = moved, points
    shift = second[:, :2] @ end + second[:, 2] - first[:, :2] @ start - first[:, 2]
    return float(shift[0]), float(shift[1])
