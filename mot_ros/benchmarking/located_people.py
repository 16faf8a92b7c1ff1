# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Compose people on flat ground before a known camera: where they are, boxes, depth images."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from mot_ros.localisation.camera_model import CameraModel
from mot_ros.localisation.transforms import Transform
from mot_ros.tracking.types import Doubles

OPTICAL = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
"""From the optical frame (x right, y down, z ahead) to a body's (x ahead, y left, z up)."""
SIZE = (1280, 720)
FOCAL = 640.0
"""A field of view of 90 degrees."""
LENSES = {
    'plumb_bob': (-0.28, 0.08, 0.0005, -0.0003, -0.01),
    'rational_polynomial': (0.5, 0.1, 0.0003, -0.0002, 0.01, 0.8, 0.2, 0.02),
    'equidistant': (0.02, -0.006, 0.002, -0.0005)}
SHOULDERS, THICKNESS, FEET = 0.24, 0.12, 0.1
"""Half the width and depth of a trunk, and half the width of what touches the ground (m)."""
WALL = 25.0
"""Depth of the background in metres."""
RING = np.linspace(0, 2 * np.pi, 12, endpoint=False)


def pinhole(lens: str = 'plumb_bob', distortion: tuple[float, ...] = ()) -> CameraModel:
    """Return a camera of 1280 x 720 pixels and, unless it is distorted, 90 degrees."""
    info = SimpleNamespace(
        distortion_model=lens, d=distortion or (0.0,) * 5, p=(0.0,) * 12,
        k=(FOCAL, 0.0, SIZE[0] / 2 - 0.5, 0.0, FOCAL, SIZE[1] / 2 - 0.5, 0.0, 0.0, 1.0),
        width=SIZE[0], height=SIZE[1], binning_x=0, binning_y=0,
        roi=SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0))
    return CameraModel.of(info, rectified=False)


def pose_of(
        elevation: float, pitch: float = 0.0, roll: float = 0.0, yaw: float = 0.0) -> Transform:
    """Return the pose of a camera above the ground; angles in degrees, pitch down is positive."""
    a, b, c = np.radians([-pitch, roll, yaw])
    about_x = np.array([
        [1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([
        [np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    turned = np.array([
        [np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return Transform(turned @ OPTICAL @ about_x @ about_z, np.array([0, 0, elevation]))


@dataclass(frozen=True, eq=False)
class LocatedPeople:
    """People: `feet` (N, 2) on the ground in metres, `heights` (N,), `boxes` (N, 4) in pixels."""

    feet: Doubles
    heights: Doubles
    boxes: Doubles

    @property
    def centres(self) -> Doubles:
        """The middles of the people (N, 3)."""
        return np.column_stack([self.feet, self.heights / 2])


def people_at(
        feet: Doubles, heights: Doubles, camera: CameraModel, pose: Transform) -> LocatedPeople:
    """Return people with the boxes around what the camera shows of them, cut to the image."""
    away = feet - pose.translation[:2]
    away = away / np.linalg.norm(away, axis=1, keepdims=True)
    aside = np.column_stack([-away[:, 1], away[:, 0]])
    rings = []
    # a person turns their breadth to the camera: feet, hips, shoulders, crown
    for share, wide, thick in ((0.0, FEET, FEET / 2), (0.5, 0.8 * SHOULDERS, THICKNESS),
                               (0.82, SHOULDERS, THICKNESS), (1.0, 0.04, 0.04)):
        flat = (feet[:, None] + wide * np.cos(RING)[:, None] * aside[:, None]
                + thick * np.sin(RING)[:, None] * away[:, None])
        rings.append(np.concatenate([
            flat, np.broadcast_to((share * heights)[:, None, None], (*flat.shape[:2], 1))], 2))
    points = np.concatenate(rings, 1)
    seen = pose.inverse.points(points.reshape(-1, 3))
    pixels = camera.pixels(seen[:, :2] / seen[:, 2:]).reshape(len(feet), -1, 2)
    boxes = np.concatenate([pixels.min(1), pixels.max(1)], 1)
    return LocatedPeople(feet, heights, np.clip(boxes, 0, [*camera.size, *camera.size]))


def crowd(
        random: np.random.Generator, count: int, camera: CameraModel, pose: Transform,
        nearest: float = 2.0, farthest: float = 15.0, height_sigma: float = 0.1
        ) -> LocatedPeople:
    """Return people at random distances within 35 degrees of the camera's axis."""
    ahead = np.arctan2(pose.rotation[1, 2], pose.rotation[0, 2])
    angles = ahead + np.radians(random.uniform(-35, 35, count))
    distances = random.uniform(nearest, farthest, count)
    feet = pose.translation[:2] + distances[:, None] * np.column_stack(
        [np.cos(angles), np.sin(angles)])
    heights = random.normal(1.7, height_sigma, count)
    return people_at(feet, heights, camera, pose)


def disturbed(
        random: np.random.Generator, boxes: Doubles, sigma: float, camera: CameraModel
        ) -> Doubles:
    """Return boxes with each edge off by `sigma` of their height, cut to the image."""
    tall = (boxes[:, 3] - boxes[:, 1])[:, None]
    moved = boxes + random.normal(0, sigma, boxes.shape) * tall
    return np.asarray(np.clip(moved, 0, [*camera.size, *camera.size]))


def depth_image(
        random: np.random.Generator, people: LocatedPeople, camera: CameraModel, pose: Transform,
        sigma: float = 0.004, missing: float = 0.2) -> Doubles:
    """
    Return the depth image (H, W) in metres of people before a wall, 0 where it has none.

    Trunks are round; depths are off by `sigma` at 1 m, growing with the square of the depth, and
    a share of `missing` pixels has none. For a camera without distortion.
    """
    width, height = (int(side) for side in camera.size)
    image = np.full((height, width), WALL)
    depths = pose.inverse.points(people.centres)[:, 2]
    for row in np.argsort(-depths):
        x1, y1, x2, y2 = np.round(people.boxes[row]).astype(int)
        if x2 - x1 < 1 or y2 - y1 < 1:
            continue
        across = np.linspace(-1, 1, x2 - x1)[None]
        down = np.linspace(0, 1, y2 - y1)[:, None]
        # legs and head are narrower than the box
        wide = np.where(down < 0.15, 0.35, np.where(down < 0.6, 1.0, 0.75))
        body = np.abs(across) <= wide
        front = depths[row] - THICKNESS * np.sqrt(np.clip(1 - (across / wide) ** 2, 0, 1))
        part = image[y1:y2, x1:x2]
        part[body] = front[body]
    image += random.normal(0, sigma, image.shape) * image ** 2
    image[random.random(image.shape) < missing] = 0
    return image
