# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Stages of a pipeline: work in order, and no further ahead than one item."""

from __future__ import annotations

import threading
import time

from mot_ros.ros.pipeline.stages import InlineStage, ThreadedStage

PATIENCE = 30.0


class Slow:
    """Work that waits for permission, item by item."""

    def __init__(self):
        self.begun, self.done = [], []
        self._allowed = threading.Semaphore(0)

    def __call__(self, item):
        self.begun.append(item)
        assert self._allowed.acquire(timeout=PATIENCE)
        self.done.append(item)

    def allow(self, count):
        for _ in range(count):
            self._allowed.release()


def within(seconds, function):
    """Say whether a call returns within so many seconds; it goes on where it does not."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def test_inline_work_is_done_when_put_returns():
    done = []
    inline = InlineStage(done.append)
    for item in range(3):
        inline.wait()
        inline.put(item)
        assert done[-1] == item
    inline.settle()
    inline.close()
    assert not inline.ahead


def test_a_threaded_stage_is_one_item_ahead_and_no_more():
    work = Slow()
    stage = ThreadedStage(work)
    stage.wait()
    stage.put('a')
    assert within(PATIENCE, stage.wait), 'a is begun'
    stage.put('b')
    assert not within(0.2, stage.wait), 'b waits for a'
    assert work.begun == ['a']
    work.allow(1)
    assert within(PATIENCE, stage.wait)
    assert work.done == ['a']
    work.allow(1)
    stage.close()
    assert work.done == ['a', 'b']


def test_settled_means_that_nothing_is_under_way():
    work = Slow()
    stage = ThreadedStage(work)
    assert within(PATIENCE, stage.settle)
    stage.put('a')
    assert within(PATIENCE, stage.wait)
    stage.put('b')
    work.allow(1)
    assert not within(0.2, stage.settle), 'b is under way'
    work.allow(1)
    assert within(PATIENCE, stage.settle)
    assert work.done == ['a', 'b']
    stage.close()


def test_items_keep_their_order():
    done = []

    def work(item):
        time.sleep(0.0005 * (item % 3))
        done.append(item)

    stage = ThreadedStage(work)
    for item in range(200):
        stage.wait()
        stage.put(item)
    stage.close()
    assert done == list(range(200))
