# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Streets and cameras of composed scenes: every pixel shows the point that geometry says."""

import math

import numpy as np
import pytest

from mot_ros.data.synthetic.camera_motion import CameraPath, STILL, SyntheticCameraMotion
from mot_ros.data.synthetic.driving import Drive, DrivingScene, Passer
from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.data.synthetic.ground_camera import GroundCamera
from mot_ros.data.synthetic.image_degradation import Look
from mot_ros.data.synthetic.scene import Crowd, CrowdScene
from mot_ros.data.synthetic.sprites import Sprite
from mot_ros.data.synthetic.street import HALF_WIDTH, Street
from mot_ros.data.synthetic.textures import PIXELS_PER_METRE, Texture
from mot_ros.data.synthetic.walkers import Room, Walkway

SIZE = (640, 240)
VIEW = GroundCamera(370, 320, 100, 1.65)
WALL = 15.0


def ramp(rows: int, columns: int, channels: int) -> np.ndarray:
    """Return a texture whose colour tells column and row, each as a part of 250."""
    image = np.full((rows, columns, channels), 255, np.uint8)
    image[..., 0] = np.linspace(0, 250, columns).round()[None, :]
    image[..., 1] = np.linspace(0, 250, rows).round()[:, None]
    image[..., 2] = 120 if channels == 4 else 20
    return image


@pytest.fixture(scope='module')
def street() -> Street:
    made = Street(np.random.default_rng(0), VIEW, SIZE, .2)
    tall = round(WALL * PIXELS_PER_METRE)
    made._walls = {side: Texture(ramp(tall, 2048, 4)) for side in (-1, 1)}
    made._road = Texture(ramp(1024, made._road.image.shape[1], 3))
    return made


def project(x: float, y: float, z: float, turn: float, pitch: float) -> tuple[float, float, float]:
    """Return column, row and depth of a point x right, y up, z ahead of the car."""
    across = math.cos(turn) * x - math.sin(turn) * z
    depth = math.sin(turn) * x + math.cos(turn) * z
    return (VIEW.middle + VIEW.focal * across / depth,
            VIEW.horizon + pitch - VIEW.focal * (y - VIEW.height) / depth, depth)


@pytest.mark.parametrize('along, turn, pitch', [(0, 0, 0), (12.5, .1, 3), (413.7, -.2, -2.5)])
def test_every_point_is_where_geometry_says(
        street: Street, along: float, turn: float, pitch: float) -> None:
    image = street.draw(along, turn, pitch).astype(int)
    generator = np.random.default_rng(1)
    errors: dict[int, list[np.ndarray]] = {-1: [], 0: [], 1: []}
    for _ in range(4000):
        side = int(generator.integers(-1, 2))
        z = generator.uniform(5, 30)
        x = side * HALF_WIDTH if side else generator.uniform(-.95, .95) * HALF_WIDTH
        y = generator.uniform(.3, WALL - .5) if side else 0.0
        column, row, depth = project(x, y, z, turn, pitch)
        if not (2 <= column < SIZE[0] - 2 and 2 <= row < SIZE[1] - 2 and depth > 3):
            continue
        place = (along + z) % (64 if side else 32) / (64 if side else 32)
        if not .05 < place < .95:
            # where the tile begins again, colours jump
            continue
        seen = image[int(row), int(column)]
        if side:
            expected = (250 * place, 250 * (WALL - y) / WALL, 120)
        else:
            expected = (250 * (x + HALF_WIDTH) / (2 * HALF_WIDTH), 250 * place, 20)
        # a pixel far away is some decimetres long
        np.testing.assert_allclose(seen, expected, atol=4 + .012 * z * z)
        errors[side].append(seen - expected)
    for every in errors.values():
        assert len(every) > 60
        # smaller copies of the texture are where the full one is
        assert np.abs(np.mean(every, axis=0)).max() < .6


@pytest.mark.parametrize('time', [0.0, 2.0, 6.5])
def test_people_stand_where_the_street_is(time: float) -> None:
    scene = DrivingScene(draw_figures(2), (), Drive(size=SIZE, turn=.2, vibration=.02), 1)
    car, view = scene._position(time), scene._view
    assert car.along == 8 * time
    for x, z in ((-4, 9), (5, 14), (0, 20)):
        passer = Passer(1, x, car.along + z, 0, 0, 1.7, Sprite(draw_figures(1)[0]), False, 0)
        placed = scene._place(passer, time, car)
        assert placed is not None
        feet = placed.matrix @ (*np.array(placed.sprite.size) / (2, 1), 1)
        angle = car.turn + car.sway
        across = math.cos(angle) * x - math.sin(angle) * z
        depth = math.sin(angle) * x + math.cos(angle) * z
        assert placed.depth == pytest.approx(depth)
        np.testing.assert_allclose(feet, [
            view.middle + view.focal * across / depth,
            view.horizon + car.pitch + view.focal * view.height / depth])


def test_the_sky_turns_with_the_camera(street: Street) -> None:
    straight, turned = (street.draw(0, turn, 0) for turn in (0, math.atan(20 / VIEW.focal)))
    np.testing.assert_array_equal(straight[:5, 320:340], turned[:5, 300:320])



@pytest.mark.parametrize(
    'motion', [STILL, SyntheticCameraMotion(), SyntheticCameraMotion(.3, .02, .4, .05, 2)])
def test_a_camera_never_looks_beyond_the_picture(motion: SyntheticCameraMotion) -> None:
    path = CameraPath(motion, SIZE, 3)
    corners = np.array([[0, 0], [SIZE[0], 0], [0, SIZE[1]], SIZE], float)
    moved = set()
    for time in np.linspace(0, 60, 500):
        matrix = path.at(float(time))
        points = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        assert (points >= -.01).all() and (points <= np.array(path.picture_size) + .01).all()
        moved.add(tuple(matrix.round(6).ravel()))
    assert len(moved) == (1 if motion == STILL else 500)


def test_people_who_stand_move_with_the_camera() -> None:
    scene = CrowdScene(draw_figures(6), (), Crowd(
        size=SIZE, people=20, pace=1e-6, obstacles=0, look=Look(0, 1, 0, None, 0),
        camera=SyntheticCameraMotion(.1, .01, .2, 0, 3)), 4)
    compared = 0
    (_, before), (_, after) = scene.at(0), scene.at(1.1)
    assert before.camera is not None and after.camera is not None
    first, second = (np.vstack([truth.camera, [0, 0, 1]]) for truth in (before, after))
    step = second @ np.linalg.inv(first)
    for identity, box in zip(before.ids.tolist(), before.boxes, strict=True):
        for now in after.boxes[after.ids == identity]:
            corners = np.column_stack([box.reshape(2, 2), [1, 1]]) @ step[:2].T
            np.testing.assert_allclose(now, corners.ravel(), atol=1.5)
            compared += 1
    assert compared >= 3
    assert np.abs(step - np.eye(3)).max() > 5


def test_walks_begin_and_end_out_of_view() -> None:
    room = Room(VIEW, SIZE[0], 4, 20)
    place, ends, before = Walkway(1, 3, room, 1.0, 5, 0), 0, None
    for time in np.arange(0, 200, .1):
        found = place.at(float(time))
        if found is None:
            before = None
            continue
        identity, walk = found
        pose = walk.pose(float(time))
        assert room.near <= pose.z <= room.far * 1.26
        if before is not None and before[0] != identity:
            ends += 1
        if before is None and time > 1:
            ends += 1
            assert abs(pose.x) > room.view.half_width(pose.z, SIZE[0])
        elif before is not None and before[0] == identity:
            # 1.7 m/s at most, on a path that the points at which it is measured cut short
            assert math.hypot(pose.x - before[1].x, pose.z - before[1].z) <= .18
        before = identity, pose
    assert ends > 5
