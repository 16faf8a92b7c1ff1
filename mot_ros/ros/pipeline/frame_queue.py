# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Queue frames between the subscription, which never blocks, and the worker, which does."""

from __future__ import annotations

from collections import deque
import threading
from typing import Generic, TypeVar

Item = TypeVar('Item')
DEEP = 30
"""Items from which what a queue held is worth giving back to the system."""


class FrameQueue(Generic[Item]):
    """
    Queue of at most `depth` items in order of arrival; a full queue drops its oldest item.

    With a depth of 1 only the newest item is kept, as a live camera needs it.
    """

    def __init__(self, depth: int) -> None:
        self._items: deque[Item] = deque(maxlen=depth)
        self._changed = threading.Condition()
        self._closed = False
        self._most = 0

    def put(self, item: Item) -> int:
        """Add an item; return how many items were dropped for it, 0 or 1."""
        with self._changed:
            if self._closed:
                return 1
            lost = int(len(self._items) == self._items.maxlen)
            self._items.append(item)
            self._most = max(self._most, len(self._items))
            self._changed.notify()
            return lost

    def take(self) -> Item | None:
        """Wait for the next item and return it; None once the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed)
            return None if self._closed else self._items.popleft()

    def drained(self) -> bool:
        """Say, once, whether the queue is empty again after it held DEEP items or more."""
        with self._changed:
            if self._items or self._most < DEEP:
                return False
            self._most = 0
            return True

    def close(self) -> int:
        """Close the queue and wake its readers; return how many items were dropped."""
        with self._changed:
            lost = len(self._items)
            self._items.clear()
            self._closed = True
            self._changed.notify_all()
            return lost

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)
