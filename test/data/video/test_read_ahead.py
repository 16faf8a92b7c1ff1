# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The thread that makes items in advance: order, bound, errors, and its end."""

from collections.abc import Generator
import threading
import time
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from mot_ros.data.video.read_ahead import read_ahead, sent_ahead
from mot_ros.tracking.types import Frame


def numbers(made: list[int], end: int = 1000) -> Generator[int, None, None]:
    try:
        for number in range(end):
            made.append(number)
            yield number
    finally:
        made.append(-1)


def test_every_item_comes_in_order() -> None:
    assert list(read_ahead(numbers([]), 3)) == list(range(1000))


def test_no_more_is_made_than_asked_for() -> None:
    made: list[int] = []
    items = read_ahead(numbers(made), 4)
    assert next(items) == 0
    time.sleep(0.1)
    # four wait, and the thread holds the next one in its hand
    assert made == list(range(6))
    items.close()


def test_it_does_run_ahead() -> None:
    reached = threading.Event()

    def items() -> Generator[int, None, None]:
        yield 0
        reached.set()
        yield 1

    ahead = read_ahead(items(), 2)
    assert next(ahead) == 0
    assert reached.wait(5)
    ahead.close()


def test_closing_ends_the_thread_and_the_items() -> None:
    made: list[int] = []
    before = threading.active_count()
    items = read_ahead(numbers(made), 4)
    next(items)
    items.close()
    assert threading.active_count() == before
    assert made[-1] == -1


def test_an_error_comes_where_the_item_would_have() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        yield 2
        raise ValueError('broken')

    got = []
    before = threading.active_count()
    with pytest.raises(ValueError, match='broken'):
        for item in read_ahead(items(), 8):
            got.append(item)
    assert got == [1, 2]
    assert threading.active_count() == before


class Uploads:
    """Stands in for the way to a GPU, and keeps what was sent."""

    sent: ClassVar[list[float]] = []
    full = False

    def __init__(self, device: object) -> None:
        self.device = device

    def prefetch(self, frame: Frame) -> None:
        self.sent.append(frame.stamp)
        frame.copies['cuda:0'] = frame.stamp
        if self.full:
            raise RuntimeError('no memory')


@pytest.mark.parametrize('full', [False, True])
def test_the_next_frame_is_sent_to_the_gpu_while_this_one_is_worked_on(
        monkeypatch: pytest.MonkeyPatch, full: bool) -> None:
    monkeypatch.setattr('mot_ros.tracking.runtime.upload.Uploads', Uploads)
    monkeypatch.setattr(Uploads, 'sent', [])
    monkeypatch.setattr(Uploads, 'full', full)
    frames = [Frame.of(np.zeros((4, 6, 3), np.uint8), float(number)) for number in range(5)]
    frames[2] = Frame(None, 2.0, (6, 4))
    ahead = sent_ahead(frames, SimpleNamespace(type='cuda'))
    first = next(ahead)
    deadline = time.monotonic() + 5
    while Uploads.sent[:2] != [0.0, 1.0]:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert first.at(7.0).copies == {'cuda:0': 0.0}, 'it is there at another time too'
    assert [first, *ahead] == frames
    assert Uploads.sent == [0.0, 1.0, 3.0, 4.0], 'what has no image cannot be sent'


@pytest.mark.parametrize('device', ['', 'cpu', SimpleNamespace(type='cpu')])
def test_nothing_is_sent_where_there_is_no_gpu(
        monkeypatch: pytest.MonkeyPatch, device: object) -> None:
    monkeypatch.setattr('mot_ros.tracking.runtime.upload.Uploads', None)
    frames = [Frame(None, float(number), (6, 4)) for number in range(3)]
    assert list(sent_ahead(frames, device)) == frames
