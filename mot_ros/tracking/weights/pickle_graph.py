# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The graph of a pickle's objects: how deep they nest, and how many there are unfolded."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 200
MAX_OBJECTS = 5_000_000
"""Objects counted once for every place where they stand, as a function that follows them does."""


class RefusedError(Exception):
    """A program that is not followed; the message is a clause."""


class Node:
    """
    One object of a pickle: what it is, what it holds.

    `kind` is constant, global, tuple, list, dict, set, storage, object (of a class) or result (of
    a function); `value` is the constant or the path of the class or function.
    """

    __slots__ = ('items', 'kind', 'value')

    def __init__(self, kind: str, value: Any = None, items: list[Node] | None = None) -> None:
        self.kind = kind
        self.value = value
        self.items: list[Node] = [] if items is None else items


def is_plain(node: Node) -> bool:
    """Return whether an object is a text, a number or None."""
    return node.kind == 'constant'


def check_graph(root: Node) -> None:
    """Raise RefusedError if objects hold themselves, nest too deep, or double without end."""
    measures: dict[int, tuple[int, int]] = {}
    entered: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting[-1]
        number = id(node)
        if number in measures:
            waiting.pop()
        elif number not in entered:
            entered.add(number)
            for item in node.items:
                if id(item) not in measures:
                    if id(item) in entered:
                        raise RefusedError('an object in it holds itself')
                    waiting.append(item)
        else:
            waiting.pop()
            measures[number] = _measured(node, measures)


def _measured(node: Node, measures: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return the depth of a node and the number of objects in it, from those of its items."""
    depth, count = 0, 1
    for item in node.items:
        inner_depth, inner_count = measures[id(item)]
        depth, count = max(depth, inner_depth), count + inner_count
    if depth >= MAX_DEPTH:
        raise RefusedError(f'its objects nest deeper than {MAX_DEPTH}')
    if count > MAX_OBJECTS:
        raise RefusedError(f'its objects stand in each other more than {MAX_OBJECTS} times')
    return depth + 1, count
