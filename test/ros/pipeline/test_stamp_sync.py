# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Joining two streams by their stamps."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from hypothesis import given
from hypothesis import strategies as st
import pytest

pytest.importorskip('rclpy')

from mot_ros.ros.pipeline.stamp_sync import key_of, StampSynchronizer


def test_the_later_side_gets_the_earlier():
    pairs = StampSynchronizer(4)
    assert pairs.left((1, 0), 'image') is None
    assert pairs.right((1, 0), 'tracks') == 'image'
    assert pairs.right((2, 0), 'tracks 2') is None
    assert pairs.left((2, 0), 'image 2') == 'tracks 2'
    # a pair is joined once
    assert pairs.left((1, 0), 'again') is None


def test_neighbours_are_never_paired():
    pairs = StampSynchronizer(4)
    pairs.left((1, 0), 'image')
    assert pairs.right((1, 1), 'tracks') is None


def test_time_may_jump_back():
    pairs = StampSynchronizer(10)
    for second in (8, 9, 1, 2):
        pairs.left((second, 0), second)
    assert pairs.right((9, 0), '') == 9
    assert pairs.right((1, 0), '') == 1
    assert pairs.right((2, 0), '') == 2


@given(
    depth=st.integers(1, 6),
    events=st.lists(st.tuples(st.booleans(), st.integers(0, 8)), max_size=60))
def test_pairs_have_equal_keys_and_memory_is_bounded(depth, events):
    alone = []
    pairs = StampSynchronizer(depth, alone.append, alone.append)
    joined = 0
    for is_left, number in events:
        key = (number, 0)
        partner = (pairs.left if is_left else pairs.right)(key, (key, is_left))
        assert partner is None or partner == (key, not is_left)
        joined += partner is not None
        assert len(pairs._lefts) <= depth
        assert len(pairs._rights) <= depth
    # nothing gets lost without somebody being told
    assert len(events) == 2 * joined + len(alone) + len(pairs._lefts) + len(pairs._rights)


def test_what_is_passed_over_or_waits_too_long_is_handed_back(monkeypatch):
    now = [10.0]
    monkeypatch.setattr('time.monotonic', lambda: now[0])
    images, boxes = [], []
    pairs = StampSynchronizer(10, images.append, boxes.append)
    for second in (1, 2, 3):
        pairs.left((second, 0), f'image {second}')
    assert pairs.right((2, 0), 'boxes 2') == 'image 2'
    assert images == ['image 1'], 'its boxes will not come any more'
    now[0] += 0.5
    pairs.right((9, 0), 'boxes 9')
    pairs.expire(1.0)
    assert (images, boxes) == (['image 1'], [])
    now[0] += 0.6
    pairs.expire(1.0)
    assert (images, boxes) == (['image 1', 'image 3'], [])
    now[0] += 0.6
    pairs.expire(1.0)
    assert boxes == ['boxes 9']


def test_every_nanosecond_counts():
    assert key_of(Time(sec=1, nanosec=2)) != key_of(Time(sec=1, nanosec=3))
