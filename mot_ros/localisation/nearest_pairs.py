# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Give each stamp the nearest item of another stream, one to one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar('Item')


@dataclass(frozen=True)
class NearestItem(Generic[Item]):
    """An item, its stamp in nanoseconds, and whether none that is nearer can still come."""

    stamp: int
    item: Item
    settled: bool


class NearestPairs(Generic[Item]):
    """
    Keeps the latest `depth` items of a stream, whose stamps rise, until their partners come.

    Common cameras stamp depth a millisecond apart from colour. An item belongs to the stamp that
    is nearest to it; both are at most `slop` nanoseconds apart.
    """

    def __init__(self, slop: int, depth: int) -> None:
        self._slop = slop
        self._items: deque[tuple[int, Item]] = deque(maxlen=depth)

    def put(self, stamp: int, item: Item) -> None:
        """Keep an item; one whose stamp is not newer than the last one begins a new stream."""
        if self._items and stamp <= self._items[-1][0]:
            self._items.clear()
        self._items.append((stamp, item))

    def nearest(self, stamp: int, others: Iterable[int] = ()) -> NearestItem[Item] | None:
        """Return the item of a stamp, if there is one that is not nearer to one of `others`."""
        taken = list(others)
        near = [(abs(when - stamp), when, item) for when, item in self._items
                if abs(when - stamp) <= self._slop and not any(
                    abs(when - other) < abs(when - stamp) for other in taken)]
        if not near:
            return None
        _, when, item = min(near, key=lambda candidate: candidate[0])
        return NearestItem(when, item, when >= stamp or self.has_passed(stamp))

    def has_passed(self, stamp: int) -> bool:
        """Whether every item that could belong to a stamp has come."""
        return bool(self._items) and self._items[-1][0] >= stamp

    def drop_until(self, stamp: int) -> None:
        """Give up an item of this stamp and all before it."""
        while self._items and self._items[0][0] <= stamp:
            self._items.popleft()
