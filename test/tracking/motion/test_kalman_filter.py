# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.tracking.motion.kalman_filter import KalmanFilter
from mot_ros.tracking.motion.state_models import MODELS, Xyah, Xysr, Xywh


def _box(cx, cy, w, h):
    return np.array([[cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]], np.float32)


class _MatrixFilter:
    """The same filter as textbooks write it, one track, 8 x 8, no closed form."""

    def __init__(self, model, box):
        self.model = model
        state = model.from_boxes(box)
        self.mean = np.concatenate([state[0], np.zeros(4)])
        self.covariance = np.diag(np.concatenate([v[0] for v in model.initial(state)]))

    def predict(self, dt):
        process = np.concatenate([v[0] for v in self.model.process(self.mean[None, :4])])
        transition = np.eye(8)
        transition[:4, 4:] = dt * np.eye(4)
        self.mean = transition @ self.mean
        self.covariance = (
            transition @ self.covariance @ transition.T + dt * np.diag(process))

    def update(self, box):
        observe = np.eye(4, 8)
        noise = np.diag(self.model.measurement(self.mean[None, :4])[0])
        total = observe @ self.covariance @ observe.T + noise
        gain = self.covariance @ observe.T @ np.linalg.inv(total)
        self.mean = self.mean + gain @ (self.model.from_boxes(box)[0] - observe @ self.mean)
        self.covariance = self.covariance - gain @ observe @ self.covariance


@pytest.mark.parametrize('model', [Xywh(), Xyah(), Xysr()])
def test_closed_form_equals_the_matrix_form(model):
    rng = np.random.default_rng(1)
    starts = rng.uniform(100, 500, (5, 2))
    boxes = [np.concatenate([s - 20, s + 50])[None].astype(np.float32)
             for s in starts]
    slow = [_MatrixFilter(model, box) for box in boxes]
    fast = KalmanFilter(model, nominal_rate=1.0)
    fast.add(np.concatenate(boxes))
    for step in range(30):
        dt = float(rng.uniform(0.2, 5))
        fast.predict(dt)
        for reference in slow:
            reference.predict(dt)
        rows = np.flatnonzero(rng.random(5) < 0.6)
        seen = np.concatenate(boxes)[rows] + rng.normal(step, 3, (len(rows), 4))
        seen = seen.astype(np.float32)
        fast.update(rows, seen)
        for row, box in zip(rows, seen, strict=True):
            slow[row].update(box[None])
    for row, reference in enumerate(slow):
        np.testing.assert_allclose(fast.position[row], reference.mean[:4], rtol=1e-9)
        np.testing.assert_allclose(fast.velocity[row], reference.mean[4:], rtol=1e-7, atol=1e-9)
        p = reference.covariance
        for ours, theirs in ((fast.pp, p[:4, :4]), (fast.pv, p[:4, 4:]), (fast.vv, p[4:, 4:])):
            np.testing.assert_allclose(ours[row], np.diag(theirs), rtol=1e-7, atol=1e-9)
            # the reason why the closed form is allowed: coordinates never mix
            assert np.abs(theirs - np.diag(np.diag(theirs))).max() < 1e-9


def test_golden_vectors_xywh():
    """SMILEtrack's and BoT-SORT's filter, numbers from running the published code."""
    motion = KalmanFilter(Xywh(), nominal_rate=1.0)
    motion.add(_box(100, 200, 50, 120))
    np.testing.assert_allclose(motion.pp[0], [25, 144, 25, 144])
    np.testing.assert_allclose(motion.vv[0], [9.765625, 56.25, 9.765625, 56.25])
    motion.predict(1.0)
    np.testing.assert_allclose(motion.pp[0], [41.015625, 236.25, 41.015625, 236.25])
    np.testing.assert_allclose(motion.vv[0], [9.863281, 56.8125, 9.863281, 56.8125], atol=1e-6)
    candidates = np.concatenate([_box(106, 203, 52, 118), _box(140, 203, 52, 118)])
    np.testing.assert_allclose(
        motion.squared_distances(candidates), [[0.894031, 33.983618]], atol=1e-6)
    motion.update(np.array([0]), _box(106, 203, 52, 118))
    np.testing.assert_allclose(
        motion.position[0], [105.206612, 202.603306, 51.735537, 118.264463], atol=1e-6)
    np.testing.assert_allclose(
        motion.velocity[0], [1.239669, 0.619835, 0.413223, -0.413223], atol=1e-6)
    np.testing.assert_allclose(
        motion.pp[0], [5.423554, 31.239669, 5.423554, 31.239669], atol=1e-6)
    np.testing.assert_allclose(
        motion.vv[0], [7.845590, 45.190599, 7.845590, 45.190599], atol=1e-6)


def test_golden_vectors_xyah():
    """ByteTrack's filter, numbers from running the published code."""
    motion = KalmanFilter(Xyah(), nominal_rate=1.0)
    motion.add(_box(100, 200, 50, 120))
    motion.predict(1.0)
    motion.update(np.array([0]), _box(106, 203, 52, 118))
    np.testing.assert_allclose(
        motion.position[0], [105.206612, 202.603306, 0.417137, 118.264463], atol=1e-6)
    np.testing.assert_allclose(
        motion.velocity[0], [1.239669, 0.619835, 0, -0.413223], atol=1e-5)


def test_sort_noise_is_that_of_the_published_code():
    motion = KalmanFilter(Xysr(), nominal_rate=1.0)
    motion.add(_box(100, 200, 50, 120))
    assert motion.position[0].tolist() == pytest.approx([100, 200, 6000, 50 / 120])
    assert motion.pp[0].tolist() == [10, 10, 10, 10]
    assert motion.vv[0].tolist() == [1e4, 1e4, 1e4, 0]


def test_motion_follows_the_real_time_whatever_the_frame_rate():
    """A box moving at 90 pixels/s is expected in the right place at 30, 7 and 3 Hz."""
    for rate in (30.0, 7.0, 3.0):
        motion = KalmanFilter(Xyah(), nominal_rate=30.0)
        motion.add(_box(0, 100, 40, 100))
        for frame in range(1, int(4 * rate)):
            motion.predict(1 / rate)
            motion.update(np.array([0]), _box(90 * frame / rate, 100, 40, 100))
        assert motion.centre_velocity[0] == pytest.approx([90, 0], abs=1)
        before = motion.position[0, 0]
        motion.predict(0.5)
        assert motion.position[0, 0] - before == pytest.approx(45, abs=1)


def test_two_halves_of_a_step_move_as_far_as_the_whole():
    whole, halves = (KalmanFilter(Xywh(), nominal_rate=10.0) for _ in range(2))
    for motion in (whole, halves):
        motion.add(_box(0, 0, 40, 100))
        motion.predict(0.1)
        motion.update(np.array([0]), _box(8, 4, 40, 100))
    whole.predict(0.4)
    halves.predict(0.2)
    halves.predict(0.2)
    np.testing.assert_allclose(whole.position, halves.position)


def test_a_lost_track_keeps_its_size_and_a_shrinking_one_stays_a_box():
    for model in (Xywh(), Xyah(), Xysr()):
        motion = KalmanFilter(model, nominal_rate=30.0)
        motion.add(_box(100, 100, 60, 120))
        for step in range(1, 10):
            motion.predict(1 / 30)
            motion.update(np.array([0]), _box(100, 100, 60 - 6 * step, 120 - 12 * step))
        motion.predict(2.0)
        box = motion.boxes[0]
        assert np.isfinite(box).all()
        assert box[2] > box[0] and box[3] > box[1]
    motion = KalmanFilter(Xyah(), nominal_rate=30.0)
    motion.add(_box(100, 100, 40, 100))
    motion.predict(1 / 30)
    motion.update(np.array([0]), _box(100, 100, 44, 110))
    height = motion.position[0, 3]
    motion.predict(1.0, lost=np.array([True]))
    assert motion.position[0, 3] == height


def test_rows_stay_in_step_when_tracks_come_and_go():
    motion = KalmanFilter(Xyah(), nominal_rate=30.0)
    motion.add(np.concatenate([_box(100 * i, 100, 40, 100) for i in range(1, 5)]))
    motion.keep(np.array([True, False, True, False]))
    motion.add(_box(900, 100, 40, 100))
    assert motion.boxes[:, 0].tolist() == [80, 280, 880]
    assert len(motion) == 3


def test_squared_distances_weigh_each_coordinate_by_its_variance():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 300, (9, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(20, 100, (9, 2))], 1).astype(np.float32)
    for model in MODELS.values():
        motion = KalmanFilter(model, nominal_rate=10.0)
        motion.add(boxes[:4])
        motion.predict(0.3)
        table = motion.squared_distances(boxes)
        measured, noise = model.from_boxes(boxes), model.measurement(motion.position)
        for row, column in np.ndindex(4, 9):
            apart = measured[column] - motion.position[row]
            covariance = np.diag(motion.pp[row] + noise[row])
            np.testing.assert_allclose(
                table[row, column], apart @ np.linalg.inv(covariance) @ apart)
    assert KalmanFilter(Xywh(), 1.0).squared_distances(boxes).shape == (0, 9)
