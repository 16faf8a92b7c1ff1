# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Join two streams of messages by their exact stamp."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
import time
from typing import Generic, TypeVar

from builtin_interfaces.msg import Time

Left = TypeVar('Left')
Right = TypeVar('Right')
Key = tuple[int, int]
_Item = TypeVar('_Item')


def key_of(stamp: Time) -> Key:
    """Return a stamp as a hashable (seconds, nanoseconds)."""
    return stamp.sec, stamp.nanosec


class StampSynchronizer(Generic[Left, Right]):
    """
    Joins items of equal key; each side keeps its latest `depth` unpaired items.

    Both streams come in the same order, with some items of either missing: a pair gives up all
    items that arrived before it. Order is order of arrival; stamps may jump back. Items given up
    without a partner go to `on_left_alone` or `on_right_alone`.
    """

    def __init__(
            self, depth: int, on_left_alone: Callable[[Left], None] = lambda _: None,
            on_right_alone: Callable[[Right], None] = lambda _: None) -> None:
        self._lefts = _Waiting(depth, on_left_alone)
        self._rights = _Waiting(depth, on_right_alone)

    def left(self, key: Key, item: Left) -> Right | None:
        """Take an item of the left stream; returns its partner, if that was there already."""
        partner = self._rights.take(key)
        if partner is None:
            self._lefts.keep(key, item)
        else:
            self._lefts.give_up_all()
        return partner

    def right(self, key: Key, item: Right) -> Left | None:
        """Take an item of the right stream; returns its partner, if that was there already."""
        partner = self._lefts.take(key)
        if partner is None:
            self._rights.keep(key, item)
        else:
            self._rights.give_up_all()
        return partner

    def expire(self, wait: float) -> None:
        """Give up items older than `wait` seconds."""
        deadline = time.monotonic() - wait
        self._lefts.expire(deadline)
        self._rights.expire(deadline)

    def clear(self) -> None:
        """Forget all items."""
        self._lefts.items.clear()
        self._rights.items.clear()


class _Waiting(Generic[_Item]):
    """The unpaired items of one side, oldest first, each with the time of its arrival."""

    def __init__(self, depth: int, on_alone: Callable[[_Item], None]) -> None:
        self._depth = depth
        self._on_alone = on_alone
        self.items: OrderedDict[Key, tuple[float, _Item]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.items)

    def take(self, key: Key) -> _Item | None:
        while key in self.items:
            first, (_, item) = self.items.popitem(last=False)
            if first == key:
                return item
            self._on_alone(item)
        return None

    def keep(self, key: Key, item: _Item) -> None:
        if key in self.items:
            self._on_alone(self.items.pop(key)[1])
        self.items[key] = (time.monotonic(), item)
        if len(self.items) > self._depth:
            self._give_up_first()

    def expire(self, deadline: float) -> None:
        while self.items and next(iter(self.items.values()))[0] < deadline:
            self._give_up_first()

    def give_up_all(self) -> None:
        while self.items:
            self._give_up_first()

    def _give_up_first(self) -> None:
        self._on_alone(self.items.popitem(last=False)[1][1])
