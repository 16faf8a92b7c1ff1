# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The mailbox between subscription and worker."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st
import pytest

pytest.importorskip('rclpy')

from mot_ros.ros.pipeline.frame_queue import FrameQueue


@given(depth=st.integers(1, 5), puts=st.integers(0, 12))
def test_the_newest_stay_in_order_and_every_loss_is_counted(depth, puts):
    mailbox = FrameQueue(depth)
    lost = sum(mailbox.put(item) for item in range(puts))
    left = [mailbox.take() for _ in range(len(mailbox))]
    assert left == list(range(puts))[-depth:]
    assert lost + len(left) == puts


def test_take_waits_for_the_next_item():
    mailbox = FrameQueue(1)
    taken = []
    reader = threading.Thread(target=lambda: taken.append(mailbox.take()))
    reader.start()
    reader.join(0.05)
    assert reader.is_alive()
    mailbox.put('x')
    reader.join(10)
    assert taken == ['x']


def test_close_wakes_the_reader_and_counts_what_is_lost():
    mailbox = FrameQueue(5)
    taken = []
    reader = threading.Thread(target=lambda: taken.append(mailbox.take()))
    reader.start()
    assert mailbox.close() == 0
    reader.join(10)
    assert taken == [None]

    mailbox = FrameQueue(5)
    for item in range(3):
        mailbox.put(item)
    assert mailbox.close() == 3
    assert mailbox.put(4) == 1
    assert mailbox.take() is None


def test_nothing_is_lost_between_threads():
    mailbox = FrameQueue(10000)
    taken = []

    def read():
        while (item := mailbox.take()) is not None:
            taken.append(item)
            if item == 4999:
                return

    reader = threading.Thread(target=read)
    reader.start()
    for item in range(5000):
        assert mailbox.put(item) == 0
    reader.join(30)
    assert taken == list(range(5000))
