# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The frame queue between subscription and worker."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st
import pytest

pytest.importorskip('rclpy')

from mot_ros.ros.pipeline.frame_queue import DEEP, FrameQueue


@given(depth=st.integers(1, 5), puts=st.integers(0, 12))
def test_the_newest_stay_in_order_and_every_loss_is_counted(depth, puts):
    frame_queue = FrameQueue(depth)
    lost = sum(frame_queue.put(item) for item in range(puts))
    left = [frame_queue.take() for _ in range(len(frame_queue))]
    assert left == list(range(puts))[-depth:]
    assert lost + len(left) == puts


def test_take_waits_for_the_next_item():
    frame_queue = FrameQueue(1)
    taken = []
    reader = threading.Thread(target=lambda: taken.append(frame_queue.take()))
    reader.start()
    reader.join(0.05)
    assert reader.is_alive()
    frame_queue.put('x')
    reader.join(10)
    assert taken == ['x']


def test_close_wakes_the_reader_and_counts_what_is_lost():
    frame_queue = FrameQueue(5)
    taken = []
    reader = threading.Thread(target=lambda: taken.append(frame_queue.take()))
    reader.start()
    assert frame_queue.close() == 0
    reader.join(10)
    assert taken == [None]

    frame_queue = FrameQueue(5)
    for item in range(3):
        frame_queue.put(item)
    assert frame_queue.close() == 3
    assert frame_queue.put(4) == 1
    assert frame_queue.take() is None


def test_a_queue_that_was_deep_says_once_that_it_is_empty():
    frame_queue = FrameQueue(100)
    for depth, drained in ((3, False), (DEEP, True), (1, False)):
        for item in range(depth):
            frame_queue.put(item)
            assert not frame_queue.drained()
        for _ in range(depth):
            frame_queue.take()
        assert frame_queue.drained() is drained
        assert not frame_queue.drained()


def test_nothing_is_lost_between_threads():
    frame_queue = FrameQueue(10000)
    taken = []

    def read():
        while (item := frame_queue.take()) is not None:
            taken.append(item)
            if item == 4999:
                return

    reader = threading.Thread(target=read)
    reader.start()
    for item in range(5000):
        assert frame_queue.put(item) == 0
    reader.join(30)
    assert taken == list(range(5000))
