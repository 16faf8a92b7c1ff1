# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.tracking.boxes import cxcywh_to_xyxy
from mot_ros.tracking.motion.kalman_filter import KalmanFilter
from mot_ros.tracking.motion.state_models import linear_part, MODELS, Xywh
from mot_ros.tracking.motion.warp import Warp


def turned(degrees, zoom=1.0, shift=(0.0, 0.0)):
    angle = np.deg2rad(degrees)
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    return Warp(np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]]))


def tracks(model, count=6, seed=0):
    """Make tracks with velocities and covariances of some history."""
    rng = np.random.default_rng(seed)
    motion = KalmanFilter(model, nominal_rate=10.0)
    centre = rng.uniform([200, 150], [440, 330], (count, 2))
    size = rng.uniform([30, 70], [60, 140], (count, 2))
    for step in range(4):
        box = cxcywh_to_xyxy(np.concatenate([
            centre + step * rng.normal(0, 4, (count, 2)),
            size + rng.normal(0, 2, (count, 2))], axis=1).astype(np.float32))
        if not step:
            motion.add(box)
        else:
            motion.predict(0.1)
            motion.update(np.arange(count), box)
    return motion


def test_golden_vector_of_the_published_code():
    motion = KalmanFilter(Xywh(), nominal_rate=1.0)
    motion.add(np.array([[75, 140, 125, 260]], np.float32))
    motion.predict(1.0)
    motion.update(np.array([0]), np.array([[80, 144, 132, 262]], np.float32))
    motion.warp(Warp(np.array([[0.99, -0.02, 5], [0.02, 0.99, -3]])), mix_sizes=True)
    np.testing.assert_allclose(
        motion.position[0], [105.102479, 199.681405, 48.852893, 118.116529], atol=1e-6)
    np.testing.assert_allclose(
        motion.velocity[0], [1.214876, 0.638430, 0.417355, -0.400826], atol=1e-6)


@pytest.mark.parametrize('name', MODELS)
@pytest.mark.parametrize('mix_sizes', [True, False])
def test_tracks_move_as_eight_by_eight_matrices_one_by_one(name, mix_sizes):
    model, warp = MODELS[name], turned(3, 1.1, (12, -7))
    before, after = tracks(model), tracks(model)
    after.warp(warp, mix_sizes=mix_sizes)
    r, t = warp.matrix[:, :2], warp.matrix[:, 2]
    sizes = {'xywh': r if mix_sizes else 1.1 * np.eye(2), 'xyah': np.diag([1, 1.1]),
             'deepsort': np.diag([1, 1.1]),
             'xysr': np.diag([1.1 ** 2, 1])}[name]
    if name == 'xywh' and mix_sizes:
        np.testing.assert_array_equal(
            linear_part(model, warp, mix_sizes=True), np.kron(np.eye(2), r))
    for row in range(len(before)):
        mean = np.concatenate([before.position[row], before.velocity[row]])
        p = np.diag(np.concatenate([before.pp[row], before.vv[row]]))
        p[:4, 4:] = p[4:, :4] = np.diag(before.pv[row])
        whole = np.zeros((8, 8))
        for corner in (0, 4):
            whole[corner:corner + 2, corner:corner + 2] = r
            whole[corner + 2:corner + 4, corner + 2:corner + 4] = sizes
        mean, p = whole @ mean, whole @ p @ whole.T
        mean[:2] += t
        np.testing.assert_allclose(after.position[row], mean[:4], rtol=1e-9)
        np.testing.assert_allclose(after.velocity[row], mean[4:], rtol=1e-9)
        for ours, block in ((after.pp, p[:4, :4]), (after.pv, p[:4, 4:]), (after.vv, p[4:, 4:])):
            np.testing.assert_allclose(ours[row], np.diag(block), rtol=1e-9)


@pytest.mark.parametrize('name', MODELS)
def test_without_rotation_the_matrix_form_is_kept_whole_and_boxes_move_by_their_corners(name):
    model, warp = MODELS[name], turned(0, 1.25, (30, -20))
    motion = tracks(model)
    corners = motion.boxes.reshape(-1, 2, 2)
    motion.warp(warp, mix_sizes=name == 'xywh')
    np.testing.assert_allclose(
        motion.boxes, warp.points(corners).reshape(-1, 4), rtol=1e-5)
    # the covariances between coordinates, which the filter does not keep, are zero indeed
    whole = linear_part(model, warp, mix_sizes=True)
    assert np.abs(whole - np.diag(np.diag(whole))).max() == 0


def test_rotation_turns_velocity_and_spares_sizes_unless_they_are_mixed():
    for mix_sizes in (False, True):
        motion = tracks(Xywh())
        size, velocity = motion.position[:, 2:].copy(), motion.centre_velocity
        motion.warp(turned(90), mix_sizes=mix_sizes)
        np.testing.assert_allclose(
            motion.centre_velocity, np.stack([-velocity[:, 1], velocity[:, 0]], 1), atol=1e-4)
        if not mix_sizes:
            np.testing.assert_allclose(motion.position[:, 2:], size)
        assert (motion.position[:, 2:] > 0).all()
        assert np.isfinite(motion.boxes).all()


def test_identity_changes_not_a_bit():
    motion = tracks(Xywh())
    before = {name: value.copy() for name, value in vars(motion).items()
              if isinstance(value, np.ndarray)}
    motion.warp(Warp.identity(), mix_sizes=True)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(motion, name), value)
    empty = KalmanFilter(Xywh(), nominal_rate=10.0)
    empty.warp(turned(3))
    assert len(empty) == 0


def test_a_warp_has_a_scale():
    assert Warp.identity().is_identity and Warp.identity().shift((640, 480)) == 0
    assert not turned(0, 1, (0, 1e-9)).is_identity
    assert turned(0, 1, (3, 4)).shift((640, 480)) == pytest.approx(5)
    assert turned(20, 1.3).scale == pytest.approx(1.3)
    assert turned(0, 1.01).shift((600, 800)) == pytest.approx(10)
