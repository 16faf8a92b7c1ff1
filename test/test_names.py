# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Every public class of mot_ros has a name of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def public_classes(tree: ast.Module) -> Iterator[str]:
    """Yield the names of public classes, also of those that a condition or a class defines."""
    nodes: list[ast.AST] = [tree]
    while nodes:
        for node in ast.iter_child_nodes(nodes.pop()):
            if isinstance(node, ast.ClassDef):
                if node.name.startswith('_'):
                    continue
                yield node.name
            # what a function defines is nobody else's
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                nodes.append(node)


def defined_twice(sources: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    """Return the modules of each name that several classes bear, from (module, source) pairs."""
    places: dict[str, list[str]] = {}
    for module, source in sources:
        for name in public_classes(ast.parse(source)):
            places.setdefault(name, []).append(module)
    return {name: modules for name, modules in places.items() if len(modules) > 1}


def test_no_public_class_name_stands_for_two_things():
    modules = sorted((ROOT / 'mot_ros').rglob('*.py'))
    assert len(modules) > 300
    assert defined_twice(
        (str(path.relative_to(ROOT)), path.read_text(encoding='utf-8'))
        for path in modules) == {}


def test_a_name_that_stands_for_two_things_is_found():
    sources = [
        ('a', 'class Track: ...\nclass _Hidden:\n    class Inner: ...'),
        ('b', 'if True:\n    class Track: ...\nclass _Hidden: ...\n'
              'def f():\n    class Local: ...'),
        ('c', 'class Outer:\n    class Track: ...\ndef f():\n    class Local: ...')]
    assert defined_twice(sources) == {'Track': ['a', 'b', 'c']}
    assert defined_twice(sources[:1]) == {}
