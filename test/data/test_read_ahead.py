# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The thread that makes items in advance: order, bound, errors, and its end."""

from collections.abc import Generator
import threading
import time

import pytest

from mot_ros.data.read_ahead import read_ahead


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
