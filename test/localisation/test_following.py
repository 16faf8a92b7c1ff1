# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Following one person, and pairs of nearest stamps."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from mot_ros.localisation.following import Follower, LocatedPerson
from mot_ros.localisation.nearest_pairs import NearestPairs

HERE = np.zeros(3)


def person(x, y=0.0, speed=0.0):
    return LocatedPerson(np.array([x, y, 0.85]), np.array([0.0, speed, 0.0]))


def test_a_pose_comes_only_with_an_observation():
    follower = Follower(2.0, lost_after=5.0)
    assert follower.update(1.0, {'3': person(1)}) is None, 'nobody is selected'
    follower.select('3')
    assert follower.update(1.1, {'3': person(1), '4': person(2)}).position[0] == 1
    assert follower.update(1.2, {'4': person(2)}) is None
    assert follower.unseen == pytest.approx(0.1) and not follower.ended
    # the same person again, after two seconds behind another one
    again = follower.update(3.2, {'3': person(3.0), '4': person(2)})
    assert again.position[0] == 3.0 and follower.unseen == 0
    follower.update(8.5, {})
    assert follower.ended
    assert follower.update(8.6, {'3': person(3.0)}) is not None and not follower.ended


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 2), st.floats(-50, 50), st.booleans()), min_size=2))
def test_the_pose_never_moves_faster_than_a_person(steps):
    follower, stamp, last = Follower(2.0, 5.0), 0.0, None
    follower.select('1')
    for wait, x, seen in steps:
        stamp += wait
        pose = follower.update(stamp, {'1': person(x)} if seen else {})
        assert (pose is None) is (not seen)
        if pose is not None:
            if last is not None:
                moved = np.linalg.norm(pose.position - last[1])
                assert moved <= 2.0 * (stamp - last[0]) + 1e-9
            last = stamp, pose.position


def test_the_heading_is_that_of_the_walk_and_stays_where_they_stop():
    follower = Follower(2.0, 5.0)
    follower.select('1')
    assert follower.update(0.0, {'1': person(1)}).heading == 0
    assert follower.update(0.1, {'1': person(1, speed=1.0)}).heading == pytest.approx(np.pi / 2)
    assert follower.update(0.2, {'1': person(1, speed=0.1)}).heading == pytest.approx(np.pi / 2)
    follower.select('2')
    assert follower.update(0.3, {'2': person(1)}).heading == 0


def test_the_nearest_is_one_of_the_last_image():
    follower = Follower(2.0, 5.0)
    assert follower.nearest(HERE) == ''
    follower.update(0.0, {'1': person(1), '2': person(3)})
    follower.update(0.1, {'2': person(3), '3': person(0, 2.0)})
    assert follower.nearest(HERE) == '3'
    assert follower.nearest(np.array([3.0, 0, 0])) == '2'


def test_a_target_that_never_comes_is_reported_and_a_clock_that_jumps_begins_anew():
    follower = Follower(2.0, 5.0)
    follower.update(100.0, {})
    follower.select('9')
    follower.update(104.0, {})
    assert not follower.ended
    follower.update(105.5, {})
    assert follower.ended
    follower.update(3.0, {})
    assert not follower.ended and follower.unseen == 0
    assert follower.update(3.1, {'9': person(40.0)}).position[0] == 40.0
    follower.select('')
    assert follower.unseen == 0


def slow_nearest(items, stamp, slop, others):
    near = [when for when in items if abs(when - stamp) <= slop and all(
        abs(when - stamp) <= abs(when - other) for other in others)]
    return min(near, key=lambda when: abs(when - stamp), default=None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), unique=True, max_size=8), st.integers(0, 60),
       st.lists(st.integers(0, 60), max_size=3), st.integers(0, 20))
def test_the_nearest_item_within_the_slop_that_is_nearer_to_nobody_else(
        stamps, stamp, others, slop):
    pairs = NearestPairs(slop, 10)
    for when in sorted(stamps):
        pairs.put(when, f'item {when}')
    found = pairs.nearest(stamp, others)
    wanted = slow_nearest(sorted(stamps), stamp, slop, others)
    assert (found and found.stamp) == wanted
    if found is not None:
        assert found.item == f'item {wanted}'
        # one that comes later is newer than all that are there
        assert found.settled == (max(stamps) >= stamp)
        pairs.drop_until(found.stamp)
        after = pairs.nearest(stamp)
        assert after is None or after.stamp > found.stamp


def test_items_are_kept_in_bounds_and_begin_anew_with_the_clock():
    pairs = NearestPairs(5, 2)
    for when in (10, 20, 30):
        pairs.put(when, when)
    assert pairs.nearest(10) is None and pairs.nearest(20).item == 20
    assert pairs.has_passed(30) and not pairs.has_passed(31)
    pairs.put(3, 3)
    assert pairs.nearest(30) is None and pairs.nearest(4).item == 3
