# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The filter in the world: against one plain Kalman filter for each person."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np

from mot_ros.localisation.placements import Placements
from mot_ros.localisation.world_filter import (
    ACCELERATION,
    ANOTHER,
    GATE,
    KEPT,
    MOST,
    START,
    WorldFilter,
)


def placed(centres, noise=0.01, bias=0.0):
    centres = np.array(centres, np.float64).reshape(-1, 3)
    count = len(centres)
    square = np.broadcast_to(np.eye(3), (count, 3, 3))
    return Placements(
        np.arange(count), centres, np.full(count, 1.7), noise * square, bias * square,
        np.zeros(count, np.int64), {}, Counter())


class PlainFilter:
    """One person, with the matrices of the textbook."""

    def __init__(self, stamp, place, noise):
        self.doubts = 0
        self.stamp, self.mean = stamp, np.concatenate([place, np.zeros(3)])
        self.covariance = np.diag([noise] * 3 + [START ** 2] * 3)

    def update(self, stamp, place, noise):
        """Return whether the person is another one, after several observations far away."""
        ago, self.stamp = stamp - self.stamp, stamp
        step = np.eye(6)
        step[:3, 3:] = ago * np.eye(3)
        grown = ACCELERATION * np.kron(
            [[ago ** 3 / 3, ago ** 2 / 2], [ago ** 2 / 2, ago]], np.eye(3))
        self.mean = step @ self.mean
        self.covariance = step @ self.covariance @ step.T + grown
        seen = np.eye(3, 6)
        rest = place - seen @ self.mean
        expected = seen @ self.covariance @ seen.T + noise * np.eye(3)
        doubt = rest @ np.linalg.inv(expected) @ rest / GATE ** 2
        self.doubts = self.doubts + 1 if doubt > 1 else 0
        if self.doubts == ANOTHER:
            self.__init__(stamp, place, noise)
            return True
        expected *= max(1.0, doubt)
        gain = self.covariance @ seen.T @ np.linalg.inv(expected)
        self.mean = self.mean + gain @ rest
        self.covariance = (np.eye(6) - gain @ seen) @ self.covariance
        return False


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_person_is_filtered_as_alone(seed):
    random = np.random.default_rng(seed)
    together, alone, stamp = WorldFilter(), {}, 1.7e9
    for _ in range(12):
        stamp += random.uniform(0.02, 0.5)
        names = [name for name in 'abc' if random.random() < 0.6]
        centres = random.normal(scale=0.5, size=(len(names), 3))
        state = together.update(stamp, names, placed(centres, noise=0.05, bias=0.02))
        for row, name in enumerate(names):
            if name not in alone:
                alone[name] = PlainFilter(stamp, centres[row], 0.07)
                added = 0.0
            else:
                added = 0.0 if alone[name].update(stamp, centres[row], 0.07) else 0.02
            np.testing.assert_allclose(
                np.concatenate([state.positions[row], state.velocities[row]]), alone[name].mean,
                rtol=1e-4, atol=1e-5)
            wanted = alone[name].covariance + np.diag([added] * 3 + [0] * 3)
            np.testing.assert_allclose(state.covariances[row], wanted, rtol=1e-3, atol=1e-5)


def test_the_velocity_follows_a_walk():
    people = WorldFilter()
    for step in range(40):
        state = people.update(step / 10, ['7'], placed([1.2 * step / 10, 0, 0.85], noise=1e-4))
    np.testing.assert_allclose(state.velocities[0], [1.2, 0, 0], atol=0.05)
    # and goes on while nobody is seen
    state = people.update(5.0, ['7'], placed([0, 0, 0.85], noise=1e6))
    np.testing.assert_allclose(state.positions[0], [6.0, 0, 0.85], atol=0.1)


def test_who_has_no_name_of_their_own_is_not_filtered():
    people = WorldFilter()
    people.update(0.0, ['1', '', '1', ''], placed([[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]]))
    state = people.update(
        0.1, ['', '1', '1'], placed([[7, 0, 0], [0.1, 0, 0], [9, 0, 0]], bias=0.5))
    assert state.positions[[0, 2], 0].tolist() == [7, 9]
    assert 0 < state.positions[1, 0] < 0.1
    np.testing.assert_allclose(state.covariances[0, :3, :3], 0.51 * np.eye(3))


def test_only_so_many_people_are_kept():
    people = WorldFilter()
    count = MOST // 4
    for step in range(6):
        people.update(
            step / 10, [f'{step} {number}' for number in range(count)],
            placed(np.zeros((count, 3))))
    assert len(people._stamps) <= MOST + count
    assert '5 0' in people and '0 0' not in people


def test_one_wild_observation_does_not_throw_a_person_far():
    people = WorldFilter()
    for step in range(40):
        people.update(step / 10, ['7'], placed([0, 0, 0.85]))
    state = people.update(4.0, ['7'], placed([8, 0, 0.85]))
    assert np.linalg.norm(state.positions[0, :2]) < 0.5


def test_another_person_with_the_same_id_is_not_dragged_there():
    people = WorldFilter()
    for step in range(20):
        people.update(step / 10, ['1'], placed([0, 0, 0.85]))
    for step in range(20, 24):
        state = people.update(step / 10, ['1'], placed([8, 0, 0.85]))
    np.testing.assert_allclose(state.positions, [[8, 0, 0.85]], atol=0.1)
    assert np.linalg.norm(state.velocities) < 0.5


def test_who_is_gone_for_long_begins_anew():
    people = WorldFilter()
    people.update(0.0, ['1', '2'], placed([[0, 0, 0], [5, 0, 0]]))
    people.update(KEPT - 1, ['2'], placed([5, 0, 0]))
    assert '1' in people
    state = people.update(KEPT + 2, ['2', '1'], placed([[5, 0, 0], [9, 9, 9]]))
    assert state.positions[1].tolist() == [9, 9, 9]
    assert state.velocities[1].tolist() == [0, 0, 0]
    people.clear()
    assert '2' not in people


def test_nobody_is_no_error():
    state = WorldFilter().update(0.0, [], placed(np.zeros((0, 3))))
    assert state.positions.shape == (0, 3) and state.covariances.shape == (0, 6, 6)
