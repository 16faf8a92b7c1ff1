# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The mailbox between the subscription, which never waits, and the worker, which does."""

from __future__ import annotations

from collections import deque
import threading
from typing import Generic, TypeVar

Item = TypeVar('Item')


class FrameQueue(Generic[Item]):
    """
    Items in order of arrival, at most `depth` of them; when it is full the oldest gives way.

    With a depth of 1 the newest item wins and nothing waits: what a live camera needs.
    """

    def __init__(self, depth: int) -> None:
        self._items: deque[Item] = deque(maxlen=depth)
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Item) -> int:
        """Leave an item; returns how many were lost by it: 1 where one had to give way, or 0."""
        with self._changed:
            if self._closed:
                return 1
            lost = int(len(self._items) == self._items.maxlen)
            self._items.append(item)
            self._changed.notify()
            return lost

    def take(self) -> Item | None:
        """Wait for the next item; None once the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed)
            return None if self._closed else self._items.popleft()

    def close(self) -> int:
        """Wake who waits, take and give nothing from now on; returns how many items are lost."""
        with self._changed:
            lost = len(self._items)
            self._items.clear()
            self._closed = True
            self._changed.notify_all()
            return lost

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)
