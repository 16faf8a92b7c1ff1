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

"""Two streams of messages joined by their exact stamp."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from builtin_interfaces.msg import Time

Left = TypeVar('Left')
Right = TypeVar('Right')
Key = tuple[int, int]
_Item = TypeVar('_Item')


def key_of(stamp: Time) -> Key:
    """Return a stamp in a form that can be looked up."""
    return stamp.sec, stamp.nanosec


class Pairs(Generic[Left, Right]):
    """
    Joins items of equal key; each side keeps its latest `depth` unpaired items.

    Both streams are expected in the same order, some items of either missing: what came before
    a pair is not waited for any longer. Order means order of arrival; time may jump back.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._lefts: OrderedDict[Key, Left] = OrderedDict()
        self._rights: OrderedDict[Key, Right] = OrderedDict()

    def left(self, key: Key, item: Left) -> Right | None:
        """Take an item of the left stream; returns its partner, if that was there already."""
        partner = self._take(self._rights, key)
        if partner is None:
            self._keep(self._lefts, key, item)
        return partner

    def right(self, key: Key, item: Right) -> Left | None:
        """Take an item of the right stream; returns its partner, if that was there already."""
        partner = self._take(self._lefts, key)
        if partner is None:
            self._keep(self._rights, key, item)
        return partner

    def clear(self) -> None:
        """Forget all items."""
        self._lefts.clear()
        self._rights.clear()

    @staticmethod
    def _take(waiting: OrderedDict[Key, _Item], key: Key) -> _Item | None:
        while key in waiting:
            first, item = waiting.popitem(last=False)
            if first == key:
                return item
        return None

    def _keep(self, waiting: OrderedDict[Key, _Item], key: Key, item: _Item) -> None:
        waiting.pop(key, None)
        waiting[key] = item
        if len(waiting) > self._depth:
            waiting.popitem(last=False)
