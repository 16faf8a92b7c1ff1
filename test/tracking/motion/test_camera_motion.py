# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import cv2
import numpy as np
import pytest
import torch

from mot_ros.tracking.boxes import iou_of_pairs
from mot_ros.tracking.motion.camera_motion import CameraMotion
from mot_ros.tracking.motion.kalman_filter import KalmanFilter
from mot_ros.tracking.motion.state_models import Xywh
from mot_ros.tracking.motion.warp import Warp
from mot_ros.tracking.types import Frame

SIZE = (640, 480)
NOTHING = np.zeros((0, 4), np.float32)


def texture(seed=0, size=(1000, 800)):
    """Make a scene with structure at several scales."""
    rng = np.random.default_rng(seed)
    scene = np.zeros((size[1], size[0], 3))
    for cells, strength in ((8, 60), (30, 50), (120, 40)):
        coarse = rng.uniform(-1, 1, (cells, cells, 3))
        scene += strength * cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(scene + 128, 0, 255).astype(np.uint8)


SCENE = texture()


def turn_about(centre, degrees=0.0, zoom=1.0, shift=(0.0, 0.0)):
    """Return the (2, 3) matrix, between pixels, of a turn and zoom about a point and a shift."""
    matrix = cv2.getRotationMatrix2D(centre, -degrees, zoom)
    matrix[:, 2] += shift
    return matrix


def seen(matrix, scene=SCENE):
    """Return what the camera sees after the image moved by a matrix (2, 3) or (3, 3)."""
    # the camera looks at the middle of the scene; pixel centres are at half numbers
    whole = np.eye(3)
    whole[:len(matrix)] = matrix
    to_scene = np.array([[1, 0, 180.0], [0, 1, 160], [0, 0, 1]])
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    map_back = np.linalg.inv(half) @ to_scene @ np.linalg.inv(whole) @ half
    return cv2.warpPerspective(
        scene, map_back, SIZE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def frame_of(matrix, noise=0, seed=0):
    image = seen(matrix).astype(np.float64)
    image += np.random.default_rng(seed).normal(0, noise, image.shape) if noise else 0
    return Frame.of(np.clip(image, 0, 255).astype(np.uint8), 0.0)


def worst(warp, matrix):
    """Return how far off the warp is at the corners and in the middle, in pixels."""
    whole = np.eye(3)
    whole[:len(matrix)] = matrix
    points = np.array([[0, 0], [640, 0], [0, 480], [640, 480], [320, 240]], np.float64)
    true = np.column_stack([points, np.ones(5)]) @ whole.T
    return np.linalg.norm(warp.points(points) - true[:, :2] / true[:, 2:], axis=1).max()


def camera(mode='on', method='flow'):
    return CameraMotion(mode, method, 480, 400)


STAND = np.eye(2, 3)
MIDDLE = (320.0, 240.0)


# what moved is found

@pytest.mark.parametrize('matrix', [
    turn_about(MIDDLE, shift=(15, 0)), turn_about(MIDDLE, shift=(-7.3, 11.6)),
    turn_about(MIDDLE, shift=(60, 20)), turn_about(MIDDLE, 2), turn_about(MIDDLE, -5),
    turn_about(MIDDLE, 0, 1.05), turn_about(MIDDLE, 0, 0.95), turn_about((100, 400), 1, 1.02),
    turn_about(MIDDLE, 2, 1.03, (15, -9))])
def test_flow_finds_shift_turn_and_zoom_within_half_a_pixel(matrix):
    flow = camera()
    assert flow.estimate(frame_of(STAND, 3, 1), NOTHING).is_identity
    warp = flow.estimate(frame_of(matrix, 3, 2), NOTHING)
    assert warp.ok
    assert worst(warp, matrix) < 0.5


@pytest.mark.parametrize('matrix', [
    turn_about(MIDDLE, shift=(15, 0)), turn_about(MIDDLE, 2), turn_about(MIDDLE, 1, 1, (5, -8))])
def test_ecc_finds_shift_and_turn_within_half_a_pixel(matrix):
    ecc = camera(method='ecc')
    ecc.estimate(frame_of(STAND, 3, 1), NOTHING)
    warp = ecc.estimate(frame_of(matrix, 3, 2), NOTHING)
    assert warp.ok
    assert worst(warp, matrix) < 0.5


def test_flow_comes_near_a_change_of_perspective():
    """What is no shift, turn and zoom is told within six pixels where it bends by nine."""
    bend = np.eye(3)
    bend[2, :2] = 2.2e-5, -1.2e-5
    bend[:2, 2] = 9, -4
    flow = camera()
    flow.estimate(frame_of(STAND), NOTHING)
    warp = flow.estimate(frame_of(bend), NOTHING)
    assert warp.ok
    assert worst(warp, bend) < 6
    corner = bend @ [640, 0, 1]
    assert np.linalg.norm(corner[:2] / corner[2] - [649, -4]) > 8.9


def test_steps_add_up():
    flow, step = camera(), turn_about(MIDDLE, 0.5, 1.002, (3, -1))
    whole, found = np.eye(3), np.eye(3)
    for number in range(12):
        warp = flow.estimate(frame_of(whole[:2], 2, number), NOTHING)
        found = np.vstack([warp.matrix, [0, 0, 1]]) @ found
        if number < 11:
            whole = np.vstack([step, [0, 0, 1]]) @ whole
    corner = np.array([640, 480, 1])
    assert np.linalg.norm((found @ corner - whole @ corner)[:2]) < 1.5
    assert flow.failures == 0 and flow.estimates == 11


# what moves by itself

def paste(frame, box, seed):
    """Put a textured object into a copy of a frame."""
    x1, y1, x2, y2 = map(int, box)
    image = frame.image.copy()
    image[y1:y2, x1:x2] = texture(9, (x2 - x1, y2 - y1))
    return Frame.of(image, 0.0)


@pytest.mark.parametrize(('width', 'masked'), [(200, False), (440, True)])
def test_a_moving_foreground_does_not_fool_it(width, masked):
    """A third of the image unknown, or two thirds known, goes the other way."""
    pan = turn_about(MIDDLE, shift=(-6, 2))
    before, after = [100, 0, 100 + width, 480], [115, 0, 115 + width, 480]
    flow = camera()
    flow.estimate(
        paste(frame_of(STAND), before, 9), np.array([before] if masked else NOTHING, np.float32))
    warp = flow.estimate(paste(frame_of(pan), after, 9), NOTHING)
    assert warp.ok
    assert worst(warp, pan) < 1.0


def test_a_standing_camera_is_exactly_still_whatever_moves_before_it():
    auto, rng = camera('auto'), np.random.default_rng(0)
    for number in range(40):
        frame = frame_of(STAND, 4, number)
        for person in range(5):
            x = 30 + 110 * person + 5 * number % 60
            frame = paste(frame, [x, 150, x + 40, 260], person)
        # the exposure breathes
        bright = np.clip(frame.image * rng.uniform(0.98, 1.02), 0, 255).astype(np.uint8)
        warp = auto.estimate(Frame.of(bright, 0.0), NOTHING)
        assert warp.ok and warp.is_identity
    assert auto.failures == 0
    # nearly all comparisons were glances
    assert auto.estimates <= 4


def test_auto_sees_a_camera_start_and_stop():
    auto = camera('auto')
    places = [0] * 6 + [4 * step for step in range(1, 8)] + [28] * 6
    for number, (last, place) in enumerate(zip([0, *places], places, strict=False)):
        matrix = turn_about(MIDDLE, shift=(place, 0))
        warp = auto.estimate(frame_of(matrix, 2, number), NOTHING)
        assert warp.ok
        if place == last:
            assert warp.is_identity, number
        else:
            assert worst(warp, turn_about(MIDDLE, shift=(place - last, 0))) < 0.6, number


@pytest.mark.parametrize('matrix', [
    turn_about(MIDDLE, 0.5), turn_about(MIDDLE, 0, 1.01), turn_about(MIDDLE, shift=(2, 0))])
def test_auto_sees_small_motions_after_standing(matrix):
    auto = camera('auto')
    for number in range(4):
        auto.estimate(frame_of(STAND, 2, number), NOTHING)
    assert worst(auto.estimate(frame_of(matrix, 2, 9), NOTHING), matrix) < 0.6


# what cannot be told

@pytest.mark.parametrize('method', ['flow', 'ecc'])
@pytest.mark.parametrize('mode', ['on', 'auto'])
def test_images_without_structure_are_flagged_and_counted(mode, method):
    it = camera(mode, method)
    images = [np.zeros((480, 640, 3), np.uint8), np.full((480, 640, 3), 128, np.uint8),
              seen(STAND), np.zeros((480, 640, 3), np.uint8), texture(5)[:480, :640].copy()]
    warps = [it.estimate(Frame.of(image, 0.0), NOTHING) for image in images]
    assert warps[0].ok
    assert all(warp.is_identity for warp in warps)
    assert [warp.ok for warp in warps[1:]] == [False] * 4
    assert it.failures == 4
    # and it recovers
    assert it.estimate(Frame.of(images[-1], 0.0), NOTHING).ok


def test_another_scene_is_no_motion():
    flow = camera()
    flow.estimate(frame_of(STAND), NOTHING)
    warp = flow.estimate(Frame.of(texture(77)[:480, :640].copy(), 0.0), NOTHING)
    assert not warp.ok and warp.is_identity


def test_first_frames_and_new_sizes_start_afresh():
    for mode in ('on', 'auto'):
        flow = camera(mode)
        for image in (seen(STAND), texture(3)[:300, :400].copy(), seen(STAND)):
            warp = flow.estimate(Frame.of(image, 0.0), NOTHING)
            assert warp.ok and warp.is_identity
        flow.reset()
        assert flow.estimate(frame_of(turn_about(MIDDLE, shift=(30, 0))), NOTHING).is_identity
        assert flow.failures == 0


@pytest.mark.parametrize('size', [(1, 1), (2, 3), (17, 9), (641, 479), (1, 700)])
@pytest.mark.parametrize('method', ['flow', 'ecc'])
def test_images_of_any_size_are_taken(size, method):
    it = camera(method=method)
    image = texture(1, (max(size[0], 200), max(size[1], 200)))[:size[1], :size[0]].copy()
    for _ in range(3):
        warp = it.estimate(Frame.of(image, 0.0), np.array([[0, 0, 1, 1]], np.float32))
        assert warp.shift(size) < 0.5


def test_views_of_images_are_taken():
    matrix = turn_about(MIDDLE, 1, 1.01, (6, 2))
    for width in (480, 2000):
        flow = CameraMotion('on', 'flow', width, 400)
        for step in (STAND, matrix):
            view = np.repeat(seen(step)[::-1, :, ::-1], 2, axis=2)[::-1, :, ::-2]
            view.flags.writeable = False
            warp = flow.estimate(Frame.of(view, 0.0), NOTHING)
        assert worst(warp, matrix) < 0.5


def test_boxes_of_any_kind_are_left_out():
    flow = camera()
    boxes = np.array([[-50, -50, 700, 20], [np.nan, 0, 10, 10], [600, 400, 9000, 9000],
                      [300, 200, 200, 100]], np.float32)
    flow.estimate(frame_of(STAND), boxes)
    matrix = turn_about(MIDDLE, shift=(8, 3))
    assert worst(flow.estimate(frame_of(matrix), boxes), matrix) < 0.5
    flow.estimate(frame_of(STAND), np.array([[-1, -1, 641, 481]], np.float32))
    assert not flow.estimate(frame_of(STAND), NOTHING).ok


# by other means, and not at all

def test_a_given_warp_counts_for_more_than_the_image():
    given = turn_about(MIDDLE, 1, 1.01, (5, 6))
    for method in ('flow', 'external'):
        it = camera(method=method)
        warp = it.estimate(frame_of(STAND), NOTHING, given)
        np.testing.assert_array_equal(warp.matrix, given)
        assert warp.ok and it.estimates == 0


@pytest.mark.parametrize('given', [
    np.full((2, 3), np.nan), np.zeros((2, 3)), np.eye(3), np.eye(2, 3) * 9,
    np.array([[1, 0, 5000.0], [0, 1, 0]]), turn_about(MIDDLE, 60), np.eye(2, 3)[:, ::-1]])
def test_a_given_warp_that_no_camera_makes_is_flagged(given):
    it = camera(method='external')
    warp = it.estimate(frame_of(STAND), NOTHING, given)
    assert warp.is_identity and not warp.ok and it.failures == 1


def test_without_image_or_given_warp_estimation_fails():
    for it in (camera(), camera(method='external')):
        warp = it.estimate(Frame(None, 0.0, SIZE), NOTHING)
        assert warp.is_identity and not warp.ok and it.failures == 1


def test_off_never_reads_the_image():
    it = camera('off')
    for frame in (Frame(None, 0.0, SIZE), frame_of(STAND), frame_of(turn_about(MIDDLE, 3))):
        warp = it.estimate(frame, NOTHING, turn_about(MIDDLE, 1))
        assert warp.is_identity and warp.ok
    assert it.failures == it.estimates == 0


# what it is for

def test_tracks_stay_on_what_they_follow_while_the_camera_shakes():
    """Jolts of twice a box's width; without compensation hardly a box is where it is expected."""
    rng = np.random.default_rng(1)
    things = np.array([[x, y, x + 24, y + 48] for x in (120, 300, 480) for y in (90, 300)], float)
    overlaps = {True: [], False: []}
    filters = {compensate: KalmanFilter(Xywh(), nominal_rate=10.0) for compensate in overlaps}
    flow = camera('auto')
    for number in range(15):
        jolt = turn_about(
            MIDDLE, rng.uniform(-1, 1), rng.uniform(0.98, 1.02), rng.uniform(-50, 50, 2))
        jolt = STAND if number < 3 else jolt
        centres = Warp(jolt).points((things[:, :2] + things[:, 2:]) / 2)
        half = np.array([12, 24])
        boxes = np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
        warp = flow.estimate(frame_of(jolt, 2, number), boxes)
        assert warp.ok
        for compensate, motion in filters.items():
            if not number:
                motion.add(boxes)
                continue
            motion.predict(0.1)
            if compensate:
                motion.warp(warp)
            overlaps[compensate] += iou_of_pairs(motion.boxes, boxes).tolist()
            motion.update(np.arange(len(boxes)), boxes)
    assert np.min(overlaps[True]) > 0.7
    assert np.median(overlaps[False][12:]) < 0.1


# the same again

def test_the_same_images_give_the_same_motion():
    frames = [frame_of(turn_about(MIDDLE, number, 1, (number, 0)), 4, number)
              for number in range(4)]
    for mode in ('on', 'auto'):
        runs = [[it.estimate(frame, NOTHING).matrix for frame in frames]
                for it in (camera(mode), camera(mode))]
        np.testing.assert_array_equal(runs[0], runs[1])


def test_an_image_on_a_device_gives_nearly_the_same():
    matrix = turn_about(MIDDLE, 1, 1.01, (6, 2))
    flow = camera()
    for frame in (frame_of(STAND), frame_of(matrix)):
        warp = flow.estimate(Frame(torch.from_numpy(frame.image), 0.0, SIZE), NOTHING)
    assert worst(warp, matrix) < 0.5
