# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Run the work of a pipeline stage inline, or in a thread while the next item is prepared."""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Generic, TypeVar

Item = TypeVar('Item')


class InlineStage(Generic[Item]):
    """Does the work on each item before `put` returns."""

    ahead = False
    """Whether items are prepared while there is still work on the last one."""

    def __init__(self, work: Callable[[Item], None]) -> None:
        self._work = work

    def wait(self) -> None:
        """Wait until the next item may be prepared."""

    def put(self, item: Item) -> None:
        """Pass an item on."""
        self._work(item)

    def settle(self) -> None:
        """Wait until there is no work left."""

    def close(self) -> None:
        """Finish what was put and end."""


class ThreadedStage(InlineStage[Item]):
    """
    Works on items in a thread, in order, while the caller prepares one more.

    After `wait` returns, the work on the previous item has begun; an item prepared from then on
    waits no longer than that work takes. `work` must not raise.
    """

    ahead = True

    def __init__(self, work: Callable[[Item], None]) -> None:
        super().__init__(work)
        self._items: list[Item] = []
        self._busy = False
        self._closed = False
        self._changed = threading.Condition()
        # a daemon, so that work that hangs cannot keep the process from ending
        self._thread = threading.Thread(target=self._run, name='tracking stage', daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until the work on the last item has begun."""
        with self._changed:
            self._changed.wait_for(lambda: not self._items)

    def put(self, item: Item) -> None:
        """Add an item; call `wait` before, which makes room."""
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def settle(self) -> None:
        """Wait until there is no work left."""
        with self._changed:
            self._changed.wait_for(lambda: not self._items and not self._busy)

    def close(self) -> None:
        """Finish what was put and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._closed)
                if not self._items:
                    return
                item = self._items.pop()
                self._busy = True
                self._changed.notify_all()
            try:
                self._work(item)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
