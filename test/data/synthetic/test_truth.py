# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The truth of composed frames against pictures of each person alone, drawn the slow way."""

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from mot_ros.data.synthetic.camera_motion import SyntheticCameraMotion
from mot_ros.data.synthetic.cutouts import Cutout
from mot_ros.data.synthetic.driving import Drive, DrivingScene
from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.data.synthetic.image_degradation import Look
from mot_ros.data.synthetic.rendering import paint
from mot_ros.data.synthetic.scene import Crowd, CrowdScene, frames, Scene
from mot_ros.data.synthetic.sprites import Sprite, SpritePlacement, standing
from mot_ros.data.synthetic.truth import apparent_shift, rows_of, SyntheticTruth
from mot_ros.tracking.errors import ConfigError

PLAIN = Look(brightness=0, noise=0, jpeg=None, exposure=0)
MARGIN = 200
FIGURES = draw_figures(12)


def alone(placement: SpritePlacement, size: tuple[int, int]) -> np.ndarray:
    """Return the mask of one figure, drawn white on a canvas with a margin around the image."""
    width, height = size[0] + 2 * MARGIN, size[1] + 2 * MARGIN
    level, to_sprite = placement.sprite.at_scale(
        np.sqrt(abs(np.linalg.det(placement.matrix[:, :2]))))
    columns, rows = np.meshgrid(np.arange(width) + .5 - MARGIN, np.arange(height) + .5 - MARGIN)
    whole = np.vstack([placement.matrix, [0, 0, 1]]) @ to_sprite
    x, y, _ = np.einsum('ij,jhw->ihw', np.linalg.inv(whole), np.stack(
        [columns, rows, np.ones_like(rows)]))
    return cv2.remap(level.cover, (x - .5).astype(np.float32), (y - .5).astype(np.float32),
                     cv2.INTER_LINEAR) >= 128


def box_of(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [columns[0] - MARGIN, rows[0] - MARGIN, columns[-1] + 1 - MARGIN, rows[-1] + 1 - MARGIN]


def slow_truth(placements: list[SpritePlacement], size: tuple[int, int]) -> dict[int, tuple]:
    """Return box, visible box and visibility by id."""
    order = sorted(placements, key=lambda place: place.depth)
    masks = [alone(place, size) for place in order]
    image = np.zeros_like(masks[0])
    image[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    found = {}
    for number, (place, mask) in enumerate(zip(order, masks, strict=True)):
        seen = mask & image
        if place.id and seen.any():
            for nearer in masks[:number]:
                seen = seen & ~nearer
            found[place.id] = (box_of(mask), box_of(seen) if seen.any() else [0, 0, 0, 0],
                               seen.sum() / mask.sum())
    return found


def assert_like_slow(
        truth: SyntheticTruth, placements: list[SpritePlacement], size: tuple[int, int]) -> None:
    expected = slow_truth(placements, size)
    assert sorted(truth.ids.tolist()) == sorted(expected)
    for identity, box, visible, part in zip(
            truth.ids.tolist(), truth.boxes, truth.visible, truth.visibilities, strict=True):
        # OpenCV draws at thirty-seconds of a pixel: an edge may fall on the next one
        np.testing.assert_allclose(box, expected[identity][0], atol=1)
        np.testing.assert_allclose(part, expected[identity][2], atol=.03)
        if part > .1:
            np.testing.assert_allclose(visible, expected[identity][1], atol=2)


def place(number: int, figure: int, feet: tuple[float, float], height: float, depth: float,
          lean: float = 0.0) -> SpritePlacement:
    sprite = Sprite(FIGURES[figure])
    return SpritePlacement(
        sprite, standing(sprite, feet, height, lean=lean, mirrored=bool(number % 2)), depth,
        number)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(
    st.integers(0, 11), st.floats(-40, 360), st.floats(40, 330), st.floats(25, 190),
    st.floats(1, 9), st.floats(-.3, .3)), min_size=1, max_size=5))
def test_painting_agrees_with_each_drawn_alone(people: list[tuple]) -> None:
    size = (320, 240)
    placements = [place(number, figure, (x, y), height, depth + number / 100, lean)
                  for number, (figure, x, y, height, depth, lean) in enumerate(people, 1)]
    canvas = np.full((240, 320, 3), 90, np.uint8)
    assert_like_slow(paint(canvas, placements), placements, size)


def test_a_figure_is_drawn_where_its_box_says() -> None:
    # white figures without shadow on black: what is bright is the figure
    image = FIGURES[0].image.copy()
    image[..., :3] = 255
    sprite = Sprite(Cutout(image), shadow=False)
    canvas = np.zeros((240, 320, 3), np.uint8)
    placement = SpritePlacement(sprite, standing(sprite, (150.3, 201.7), 133.2), 1, 5)
    truth = paint(canvas, [placement])
    assert box_of(np.pad(canvas[..., 0] >= 128, MARGIN)) == truth.boxes[0].tolist()
    assert truth.boxes[0, 3] == pytest.approx(201.7, abs=.51)
    assert truth.boxes[0, 3] - truth.boxes[0, 1] == pytest.approx(133.2, abs=1.01)
    assert truth.visible.tolist() == truth.boxes.tolist()
    assert truth.visibilities.tolist() == [1]


def test_the_nearer_figure_hides_and_things_are_no_truth() -> None:
    far, near = place(1, 0, (100, 200), 100, 5), place(2, 0, (100, 200), 100, 2)
    board = Sprite(Cutout(np.full((50, 50, 4), 255, np.uint8)), shadow=False)
    half = SpritePlacement(board, standing(board, (100, 200), 50), 1)
    canvas = np.zeros((240, 320, 3), np.uint8)
    truth = paint(canvas, [near, half, far])
    by_id = dict(zip(truth.ids.tolist(), truth.visibilities.tolist(), strict=True))
    assert sorted(by_id) == [1, 2]
    assert by_id[1] < .2
    assert .3 < by_id[2] < .9
    hidden = paint(canvas, [place(1, 0, (100, 200), 100, 5), SpritePlacement(
        board, standing(board, (100, 220), 180), 1)])
    assert hidden.visibilities.tolist() == [0]
    assert hidden.visible.tolist() == [[0, 0, 0, 0]]
    assert len(hidden.seen()) == len(hidden.detections()) == 0


def test_who_is_outside_is_left_out() -> None:
    canvas = np.zeros((240, 320, 3), np.uint8)
    truth = paint(canvas, [place(1, 0, (-60, 200), 100, 5), place(2, 0, (0, 200), 100, 5)])
    assert truth.ids.tolist() == [2]
    assert truth.boxes[0, 0] < 0 <= truth.visible[0, 0]
    assert .3 < truth.visibilities[0] < .7


def crowd(seed: int = 0, **changes: object) -> CrowdScene:
    options = {'size': (320, 240), 'people': 8, 'look': PLAIN, **changes}
    return CrowdScene(FIGURES, (), Crowd(**options), seed)


def drive(seed: int = 0, **changes: object) -> DrivingScene:
    options = {'size': (480, 160), 'smallest': .1, 'look': PLAIN, **changes}
    return DrivingScene(FIGURES, (), Drive(**options), seed)


@pytest.mark.parametrize('make', [crowd, drive])
def test_scenes_have_the_truth_of_their_placements(make, monkeypatch) -> None:
    painted = []
    for module in ('scene', 'driving'):
        monkeypatch.setattr(
            f'mot_ros.data.synthetic.{module}.paint',
            lambda canvas, placements, *camera: painted.append(list(placements)) or paint(
                canvas, placements, *camera))
    scene = make()
    for time in (0, 1.3, 4.1):
        _, truth = scene.at(time)
        near = [one for one in painted[-1] if -MARGIN < one.matrix[0, 2] < 500 + MARGIN]
        assert_like_slow(truth, near, scene.size)


@pytest.mark.parametrize('make', [crowd, drive])
def test_frames_are_the_same_for_a_seed_and_in_any_order(make) -> None:
    look = Look()
    one, two = make(3, look=look), make(3, look=look)
    there = {time: one.at(time) for time in (0.0, .5, 7.0)}
    for time in (7.0, 0.0, .5):
        image, truth = two.at(time)
        assert image.tobytes() == there[time][0].tobytes()
        for name in ('boxes', 'visible', 'visibilities', 'ids', 'labels'):
            assert getattr(truth, name).tobytes() == getattr(there[time][1], name).tobytes()
    assert make(4, look=look).at(0.0)[0].tobytes() != there[0.0][0].tobytes()


@pytest.mark.parametrize('make', [crowd, drive])
def test_ids_follow_people(make) -> None:
    """Nobody jumps, and whoever comes has a new id."""
    scene, before, gone = make(1), None, set()
    seen: set[int] = set()
    for frame, truth in frames(scene, 20, 120):
        assert frame.size == scene.size
        now = truth.ids.tolist()
        assert len(set(now)) == len(now)
        assert min(now, default=1) > 0
        if before is not None:
            assert np.median(apparent_shift(before, truth)) < .8
        seen.update(now)
        before = truth
        gone |= seen - set(now)
    assert len(seen) > 5
    assert gone


def test_a_walker_who_left_does_not_come_back_as_another() -> None:
    scene = crowd(2, camera=SyntheticCameraMotion(0, 0, 0, 0), people=5)
    last: dict[int, int] = {}
    first: dict[int, int] = {}
    for index, (_, truth) in enumerate(frames(scene, 2, 240)):
        for identity in truth.ids.tolist():
            last[identity] = index
            first.setdefault(identity, index)
    # five at a time, each for some seconds
    assert len(first) > 15
    assert max(last[identity] - first[identity] for identity in first) < 120


def test_the_camera_of_the_truth_is_how_things_at_rest_move() -> None:
    scene = crowd(5, people=0, obstacles=0, camera=SyntheticCameraMotion(.1, .01, .1, .02, 2))
    (first, before), (second, after) = scene.at(0), scene.at(.4)
    assert before.camera is not None and after.camera is not None
    whole = [np.vstack([truth.camera, [0, 0, 1]]) for truth in (before, after)]
    matrix = (whole[1] @ np.linalg.inv(whole[0]))[:2]
    matrix[:, 2] += matrix[:, :2] @ (.5, .5) - .5
    predicted = cv2.warpAffine(first, matrix, scene.size)
    known = cv2.warpAffine(np.full(first.shape[:2], 255, np.uint8), matrix, scene.size) == 255
    difference = np.abs(predicted.astype(int) - second)[known].mean()
    assert known.mean() > .5
    assert difference < 3 < np.abs(first.astype(int) - second)[known].mean()


@pytest.mark.parametrize('widths', [.2, .6, 1.2])
def test_a_drive_shifts_people_as_asked(widths: float) -> None:
    scene = drive(6, smallest=.08, people=40).at_shift(widths)
    shifts, before = [], SyntheticTruth.of([])
    for _, truth in frames(scene, 10, 100):
        shifts.append(apparent_shift(before, truth))
        before = truth
    assert np.median(np.concatenate(shifts)) == pytest.approx(widths, rel=.15)


def test_people_beside_the_road_come_nearer_and_slide_outwards() -> None:
    scene = drive(0, turn=0.0, vibration=0.0, crossing=0.0)
    heights: dict[int, list[tuple[float, float]]] = {}
    for _, truth in frames(scene, 10, 60):
        for identity, box in zip(truth.ids.tolist(), truth.boxes, strict=True):
            aside = abs((box[0] + box[2]) / 2 - scene.size[0] / 2)
            heights.setdefault(identity, []).append((box[3] - box[1], aside))
    long = [np.array(row) for row in heights.values() if len(row) > 10]
    assert len(long) > 3
    for way in long:
        assert way[-1, 0] > way[0, 0]
        assert way[-1, 1] > way[0, 1]


def test_feet_stand_on_one_ground() -> None:
    """How tall people are tells how far below the horizon they stand."""
    scene = drive(1, turn=0.0, vibration=0.0)
    boxes = np.concatenate([truth.boxes for _, truth in frames(scene, 2, 30)])
    tall, below = boxes[:, 3] - boxes[:, 1], boxes[:, 3] - .45 * scene.size[1]
    ratio = (tall / below)[tall > 25]
    # 1.5 to 1.95 m before a camera 1.65 m up
    assert len(ratio) > 20
    assert ratio.min() > 1.4 / 1.65
    assert ratio.max() < 2.1 / 1.65


def test_rows_number_frames_from_one() -> None:
    scene: Scene = crowd()
    truths = [truth for _, truth in frames(scene, 10, 5)]
    rows, labels, visibilities = rows_of(truths, .5)
    assert len(rows) == len(labels) == len(visibilities) == sum(map(len, truths))
    assert rows.at(3).ids.tolist() == truths[2].ids.tolist()
    assert rows.values.tolist() == (visibilities > .5).tolist()


def test_apparent_shift_is_in_widths_of_the_earlier_box() -> None:
    before = SyntheticTruth.of(
        [((0, 0, 10, 30), (0, 0, 10, 30), 1, 4, 0), ((0, 0, 1, 1),) * 2 + (1, 5, 0)])
    after = SyntheticTruth.of([((4, 0, 16, 30), (4, 0, 16, 30), 1, 4, 0)])
    assert apparent_shift(before, after).tolist() == pytest.approx([.5])


@pytest.mark.parametrize('make', [
    lambda: Crowd(people=-1), lambda: Crowd(heights=(.5, .2)), lambda: Crowd(pace=0),
    lambda: Drive(speed=-1), lambda: Drive(people=1000), lambda: Look(jpeg=0),
    lambda: SyntheticCameraMotion(pan=-1), lambda: crowd(size=(8, 8)), lambda: CrowdScene([]),
    lambda: DrivingScene([]), lambda: drive().at_shift(50), lambda: drive(people=0).at_shift(1)])
def test_what_cannot_be_is_refused(make) -> None:
    with pytest.raises(ConfigError):
        make()
