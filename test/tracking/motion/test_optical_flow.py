# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from mot_ros.tracking.errors import ConfigError, FrameError
from mot_ros.tracking.motion.camera_motion import CameraMotion
from mot_ros.tracking.motion.optical_flow import (
    CameraMotionModel,
    Dis,
    Farneback,
    FlowMotion,
    make_box_motion,
    mean_shifts,
    median_shifts,
    NoMotion,
    small_grey,
)
from mot_ros.tracking.types import Frame

SIZE = (320, 240)
NOWHERE = np.zeros((0, 4), np.float32)


def texture(seed=0, size=SIZE):
    """Return an image of soft blobs, which flow can hold on to."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4).astype(np.float32)
    return np.clip((smooth - 127) * 8 + 127, 0, 255).astype(np.uint8)


def rolled(image, dx, dy):
    return np.roll(image, (dy, dx), (0, 1))


class PlantedFlow:
    """A learned flow as a user may bring it: prepare and between, and what they were asked."""

    def __init__(self, field):
        self.field, self.asked = field, []

    def prepare(self, frame):
        return frame.stamp

    def between(self, last, now):
        self.asked.append((last, now))
        return self.field


def slow_mean(field, boxes, size):
    """Return the mean flow of each box, pixel by pixel."""
    height, width = field.shape[:2]
    shifts = []
    for x1, y1, x2, y2 in boxes.astype(np.float64):
        if x2 <= 0 or y2 <= 0 or x1 >= size[0] or y1 >= size[1]:
            shifts.append((0, 0))
            continue
        x1, x2 = (min(max(x * width / size[0], 0), width) for x in (x1, x2))
        y1, y2 = (min(max(y * height / size[1], 0), height) for y in (y1, y2))
        left, top = min(int(x1), width - 1), min(int(y1), height - 1)
        right, bottom = max(int(x2), left + 1), max(int(y2), top + 1)
        inside = [field[y, x] for y in range(top, bottom) for x in range(left, right)]
        shifts.append(np.mean(inside, axis=0) * (size[0] / width, size[1] / height))
    return np.array(shifts, np.float32).reshape(-1, 2)


edges = st.floats(-200, 900, width=32)
boxes_anywhere = st.lists(
    st.tuples(edges, edges, st.floats(1, 600, width=32), st.floats(1, 600, width=32)),
    max_size=12).map(lambda rows: np.array(
        [(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4))


@given(boxes=boxes_anywhere, seed=st.integers(0, 100))
def test_the_mean_by_integral_images_equals_the_mean_pixel_by_pixel(boxes, seed):
    field = np.random.default_rng(seed).normal(0, 3, (18, 25, 2)).astype(np.float32)
    expected = slow_mean(field, boxes, (640, 480))
    np.testing.assert_allclose(mean_shifts(field, boxes, (640, 480)), expected, atol=2e-4)


def test_mean_and_median_are_taken_inside_the_box_and_in_pixels_of_the_image():
    field = np.zeros((10, 20, 2), np.float32)
    field[:5, :10] = (1, -2)
    field[0, 0] = (41, 48)
    boxes = np.array([[0, 0, 20, 10], [22, 12, 38, 18]], np.float32)
    # two pixels of the image per cell: of 50 cells one is far off
    np.testing.assert_allclose(
        mean_shifts(field, boxes, (40, 20)), [[3.6, -2], [0, 0]], atol=1e-5)
    np.testing.assert_allclose(median_shifts(field, boxes, (40, 20)), [[2, -4], [0, 0]])


@pytest.mark.parametrize('shifts', [mean_shifts, median_shifts])
def test_a_box_partly_outside_moves_as_its_part_inside_and_one_outside_stays(shifts):
    field = np.full((10, 10, 2), 1, np.float32)
    field[:, 5:] = 3
    boxes = np.array([[-80, 20, 20, 40], [90, 90, 500, 500], [-30, 0, -1, 50]], np.float32)
    np.testing.assert_allclose(shifts(field, boxes, (100, 100)), [[10, 10], [30, 30], [0, 0]])


@pytest.mark.parametrize('shifts', [mean_shifts, median_shifts])
def test_flow_that_is_not_known_counts_as_none(shifts):
    field = np.full((4, 4, 2), np.nan, np.float32)
    box = np.array([[0, 0, 4, 4]], np.float32)
    assert (shifts(field, box, (4, 4)) == 0).all()


@pytest.mark.parametrize('kind', ['farneback', 'dis'])
@pytest.mark.parametrize('reduction', ['mean', 'median'])
def test_a_planted_shift_is_followed(kind, reduction):
    motion = make_box_motion(kind, 256, reduction)
    box = np.array([[100, 80, 160, 180]], np.float32)
    image = texture()
    assert (motion.move(Frame.of(image, 0.0), box) == box).all()
    moved = motion.move(Frame.of(rolled(image, 6, -4), 0.1), box)
    np.testing.assert_allclose(moved - box, [[6, -4, 6, -4]], atol=0.7)


def test_the_camera_moves_and_scales_boxes():
    image, centre = texture(), (160, 120)
    grown = cv2.getRotationMatrix2D(centre, 0, 1.05)
    motion = CameraMotionModel(CameraMotion('on', 'flow', 480, 400))
    box = np.array([[200, 80, 240, 160]], np.float32)
    motion.move(Frame.of(image, 0.0), box)
    moved = motion.move(Frame.of(cv2.warpAffine(image, grown, SIZE), 0.1), box)
    np.testing.assert_allclose(moved, [[202, 78, 244, 162]], atol=0.8)
    motion.reset()
    assert (motion.move(Frame.of(image, 0.2), box) == box).all()


def test_without_motion_boxes_stay_and_no_image_is_needed():
    box = np.array([[1, 2, 3, 4]], np.float32)
    still = make_box_motion('none')
    assert not still.needs_image
    assert (still.move(Frame(None, 0.0, (0, 0)), box) == box).all()
    still.reset()


def test_no_flow_is_worked_out_without_boxes_and_the_next_frame_is_compared_with_the_last():
    flow = PlantedFlow(np.full((5, 5, 2), (1, 0), np.float32))
    motion, box = FlowMotion(flow), np.array([[10, 10, 50, 50]], np.float32)
    frames = [Frame(texture(), float(stamp), SIZE) for stamp in range(4)]
    motion.move(frames[0], box)
    motion.move(frames[1], NOWHERE)
    motion.move(frames[2], NOWHERE)
    assert flow.asked == []
    # a fifth of the width per cell
    np.testing.assert_allclose(motion.move(frames[3], box), [[74, 10, 114, 50]])
    assert flow.asked == [(2.0, 3.0)]


def test_nothing_moves_after_a_reset_or_with_another_size():
    flow = PlantedFlow(np.ones((5, 5, 2), np.float32))
    motion, box = FlowMotion(flow), np.array([[10, 10, 50, 50]], np.float32)
    motion.move(Frame.of(texture(), 0.0), box)
    assert (motion.move(Frame.of(texture(size=(64, 48)), 1.0), box) == box).all()
    motion.reset()
    assert (motion.move(Frame.of(texture(size=(64, 48)), 2.0), box) == box).all()
    assert flow.asked == []


@pytest.mark.parametrize('flow', [Farneback(), Dis()])
@pytest.mark.parametrize('size', [(4, 3), (20, 200), (16, 16)])
def test_small_images_do_no_harm(flow, size):
    motion, box = FlowMotion(flow), np.array([[0, 0, 2, 2]], np.float32)
    motion.move(Frame.of(texture(size=size), 0.0), box)
    moved = motion.move(Frame.of(texture(1, size), 0.1), box)
    assert np.isfinite(moved).all()


def test_the_small_image_keeps_proportions_and_is_never_larger():
    assert small_grey(Frame.of(texture(size=(640, 360)), 0.0), 256).shape == (144, 256)
    assert small_grey(Frame.of(texture(size=(60, 90)), 0.0), 256).shape == (90, 60)


@pytest.mark.parametrize('size', [(640, 360), (333, 517)])
def test_a_tensor_gives_the_same_small_image(size):
    image = texture(size=size)
    ours = small_grey(Frame(torch.from_numpy(image), 0.0, size), 256)
    assert (ours == small_grey(Frame.of(image, 0.0), 256)).all()


def test_a_frame_without_image_is_refused():
    with pytest.raises(FrameError, match='optical flow'):
        make_box_motion('farneback').move(Frame(None, 0.0, SIZE), NOWHERE)


def test_unknown_kinds_are_refused_by_name():
    with pytest.raises(ConfigError, match=r"'pwc'.*none, farneback, dis, camera"):
        make_box_motion('pwc')
    with pytest.raises(ConfigError, match='CameraMotion'):
        make_box_motion('camera')
    with pytest.raises(ConfigError, match=r"'mode'.*mean, median"):
        FlowMotion(Farneback(), 'mode')


def test_boxes_given_are_never_changed():
    motion, box = make_box_motion('dis'), np.array([[100, 80, 160, 180]], np.float32)
    motion.move(Frame.of(texture(), 0.0), box)
    kept = box.copy()
    motion.move(Frame.of(rolled(texture(), 5, 5), 0.1), box)
    assert (box == kept).all()
    assert isinstance(make_box_motion('none'), NoMotion)
