# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from mot_ros.tracking.motion.last_observation import LastObservation
from mot_ros.tracking.motion.warp import Warp

FIRST = np.array([0])


def box(x, y, width=20, height=50):
    return np.array([[x - width / 2, y - height / 2, x + width / 2, y + height / 2]], np.float32)


def test_a_box_is_what_was_observed_to_the_bit():
    motion = LastObservation().start()
    rng = np.random.default_rng(0)
    motion.add(box(100, 100))
    for _ in range(20):
        seen = box(*rng.uniform(0, 500, 2))
        motion.predict(0.1)
        motion.update(FIRST, seen)
        np.testing.assert_array_equal(motion.boxes, seen)


def test_it_stays_where_it_was_seen_unless_it_is_to_move_on():
    for moving, x in ((False, 110), (True, 130)):
        motion = LastObservation(moving=moving).start()
        motion.add(box(100, 100))
        motion.predict(0.1)
        motion.update(FIRST, box(110, 100))
        motion.predict(0.2, lost=FIRST)
        np.testing.assert_allclose(motion.boxes, box(x, 100), atol=1e-4)


@given(st.lists(st.floats(0.01, 0.5), min_size=1, max_size=20), st.floats(-300, 300))
def test_constant_velocity_is_found_at_once_whatever_the_frame_times(gaps, speed):
    motion = LastObservation().start()
    motion.add(box(0, 0))
    assert (motion.centre_velocity == 0).all()
    x = 0.0
    for gap in gaps:
        x += gap * speed
        motion.predict(gap)
        motion.update(FIRST, box(x, 0))
        # boxes are given in single precision
        np.testing.assert_allclose(motion.centre_velocity, [[speed, 0]], atol=0.02, rtol=1e-3)


def test_velocity_forgets_with_the_time_that_passed_not_with_the_frames():
    """After a turn the share of the old velocity is exp(-t / memory), at any frame rate."""
    left = {}
    for rate in (10, 100):
        motion = LastObservation(memory=0.5).start()
        motion.add(box(0, 0))
        x = 0.0
        for step in range(2 * rate + rate // 2):
            x += (100 if step < 2 * rate else -100) / rate
            motion.predict(1 / rate)
            motion.update(FIRST, box(x, 0))
        left[rate] = motion.centre_velocity[0, 0]
    expected = 100 * np.exp(-1) - 100 * (1 - np.exp(-1))
    assert left[100] == pytest.approx(expected, abs=3)
    assert left[10] == pytest.approx(left[100], abs=1)


def test_a_second_observation_at_the_same_time_moves_the_box_and_not_the_velocity():
    motion = LastObservation().start()
    motion.add(box(0, 0))
    motion.predict(0.1)
    motion.update(FIRST, box(5, 0))
    motion.update(FIRST, box(9, 0))
    np.testing.assert_array_equal(motion.boxes, box(9, 0))
    np.testing.assert_allclose(motion.centre_velocity, [[50, 0]])


def test_the_camera_moves_boxes_and_leaves_objects_their_own_velocity():
    motion = LastObservation().start()
    motion.add(np.concatenate([box(100, 100), box(200, 50)]))
    for step in range(1, 4):
        motion.predict(0.1)
        motion.warp(Warp(np.array([[1.0, 0, 30], [0, 1, -4]])))
        own = np.concatenate([box(100 + 32 * step, 100 - 4 * step),
                              box(200 + 30 * step, 50 - 4 * step)])
        np.testing.assert_allclose(motion.boxes[1], own[1], atol=1e-3)
        motion.update(np.arange(2), own)
    np.testing.assert_allclose(motion.centre_velocity, [[20, 0], [0, 0]], atol=1e-3)
    grown = Warp(np.array([[1.5, 0, 0], [0, 1.5, 0]]))
    before = motion.boxes
    motion.warp(grown)
    np.testing.assert_allclose(motion.boxes, before * 1.5, rtol=1e-5)


def test_rows_are_kept_and_added_in_order():
    motion = LastObservation().start()
    motion.add(np.concatenate([box(10 * step, 0) for step in range(5)]))
    motion.keep(np.array([True, False, True, False, True]))
    motion.add(box(99, 9))
    assert len(motion) == 4
    np.testing.assert_array_equal(
        motion.boxes, np.concatenate([box(0, 0), box(20, 0), box(40, 0), box(99, 9)]))
    motion.predict(0.1)
    motion.update(np.array([1, 3]), np.concatenate([box(21, 0), box(99, 19)]))
    np.testing.assert_allclose(
        motion.centre_velocity, [[0, 0], [10, 0], [0, 0], [0, 100]], atol=1e-4)
