# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Transforms between frames: against 4 x 4 matrices and SciPy's slerp; what is missing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from mot_ros.localisation.transform_buffer import (
    ForgottenTransformError,
    LateTransformError,
    TransformBuffer,
    UnknownFrameError,
)
from mot_ros.localisation.transforms import Transform

SECOND = 1_000_000_000
FLAT = (0.0, 0.0, 0.0, 1.0)
TREE = {'odom': 'map', 'base': 'odom', 'camera': 'base', 'arm': 'base', 'door': 'map'}


def matrix(translation, rotation):
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = rotation.as_matrix(), translation
    return whole


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted({*TREE, 'map'})),
       st.sampled_from(sorted({*TREE, 'map'})), st.floats(0, 1))
def test_a_chain_is_the_product_of_its_interpolated_parts(seed, target, source, share):
    random = np.random.default_rng(seed)
    buffer, to_map = TransformBuffer(), {'map': np.eye(4)}
    for child, parent in TREE.items():
        turns = Rotation.from_quat(random.normal(size=(2, 4)))
        places = random.normal(size=(2, 3))
        # half of them are static, and a quaternion may have either sign
        static = bool(random.integers(2))
        for stamp, place, turn in zip((SECOND, 2 * SECOND), places, turns, strict=True):
            sign = random.choice([-1, 1])
            assert not buffer.put(
                parent, f'/{child}', stamp, tuple(place), tuple(sign * turn.as_quat()),
                static=static)
        at = 1.0 if static else share
        turned = Slerp([0, 1], turns)(at)
        to_map[child] = to_map[parent] @ matrix(places[0] + at * (places[1] - places[0]), turned)
    found = buffer.lookup(target, source, SECOND + round(share * SECOND))
    wanted = np.linalg.inv(to_map[target]) @ to_map[source]
    # the chord in place of the arc, for small angles, and nanoseconds
    np.testing.assert_allclose(found.rotation, wanted[:3, :3], atol=1e-5)
    np.testing.assert_allclose(found.translation, wanted[:3, 3], atol=1e-5)
    points = random.normal(size=(4, 3))
    np.testing.assert_allclose(found.inverse.points(found.points(points)), points, atol=1e-9)


@pytest.fixture
def buffer():
    made = TransformBuffer()
    for second in (1, 2, 3):
        made.put('odom', 'base', second * SECOND, (float(second), 0.0, 0.0), FLAT)
    made.put('base', 'camera', 0, (0.0, 0.0, 1.0), FLAT, static=True)
    return made


def test_nothing_is_extrapolated(buffer):
    assert buffer.lookup('odom', 'camera', 3 * SECOND).translation.tolist() == [3, 0, 1]
    with pytest.raises(LateTransformError, match='500 ms older than the image'):
        buffer.lookup('odom', 'camera', 3 * SECOND + SECOND // 2)
    with pytest.raises(ForgottenTransformError, match='250 ms newer than the image'):
        buffer.lookup('camera', 'odom', SECOND - SECOND // 4)


def test_what_is_missing_is_named(buffer):
    with pytest.raises(UnknownFrameError, match="no frame 'map'; it has base, camera, odom"):
        buffer.lookup('map', 'camera', SECOND)
    buffer.put('map', 'door', 0, (0.0, 0.0, 0.0), FLAT, static=True)
    with pytest.raises(UnknownFrameError, match="does not connect 'camera' with 'door'"):
        buffer.lookup('door', 'camera', SECOND)
    assert buffer.lookup('door', '/door', 0).translation.tolist() == [0, 0, 0]
    buffer.put('camera', 'odom', 0, (0.0, 0.0, 0.0), FLAT, static=True)
    with pytest.raises(UnknownFrameError, match='loop'):
        buffer.lookup('odom', 'map', SECOND)


@pytest.mark.parametrize('parent, child, translation, quaternion', [
    ('a', 'a', (0, 0, 0), FLAT), ('', 'b', (0, 0, 0), FLAT),
    ('a', 'b', (0, float('nan'), 0), FLAT), ('a', 'b', (0, 0, 0), (0, 0, 0, 0)),
    ('a', 'b', (0, 0, 0), (0, 0, 0, float('nan')))])
def test_an_unusable_transform_is_refused(parent, child, translation, quaternion):
    buffer = TransformBuffer()
    assert buffer.put(parent, child, 1, translation, quaternion)
    assert buffer.frames == []


def test_old_transforms_go_and_late_ones_are_sorted_in(buffer):
    buffer.put('odom', 'base', 20 * SECOND, (20.0, 0.0, 0.0), FLAT)
    with pytest.raises(ForgottenTransformError):
        buffer.lookup('odom', 'base', 3 * SECOND)
    buffer.put('odom', 'base', 18 * SECOND, (0.0, 0.0, 0.0), FLAT)
    assert buffer.lookup('odom', 'base', 19 * SECOND).translation[0] == 10
    # the same transform again, as some publishers send it
    buffer.put('odom', 'base', 18 * SECOND, (10.0, 0.0, 0.0), FLAT)
    assert buffer.lookup('odom', 'base', 19 * SECOND).translation[0] == 15
    buffer.clear()
    with pytest.raises(UnknownFrameError):
        buffer.lookup('odom', 'base', 19 * SECOND)
    assert 'camera' in buffer


def test_a_clock_that_jumps_back_begins_anew(buffer):
    buffer.put('odom', 'base', 100 * SECOND, (100.0, 0.0, 0.0), FLAT)
    for second in (1, 2):
        buffer.put('odom', 'base', second * SECOND, (float(second), 0.0, 0.0), FLAT)
    assert buffer.lookup('odom', 'base', SECOND * 3 // 2).translation[0] == 1.5


def test_transforms_compose():
    turn = Transform.of((1, 2, 3), Rotation.from_euler('xyz', [0.1, 0.2, 0.3]).as_quat())
    both = turn.after(turn.inverse)
    np.testing.assert_allclose(both.rotation, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(both.translation, 0, atol=1e-12)
