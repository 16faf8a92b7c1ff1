# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The stack machine of pickles without its power to call: lists of instructions become plain data.

A pickle is a program, one of whose instructions calls a function by name. Here the program is
listed with pickletools, and its harmless instructions are followed: every object becomes a Record
of its attributes, whatever its class, which need not exist; what a call means is left to the
reader, who gets the name of the function and never the function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import pickletools
from typing import Any

CONSTANTS = frozenset((
    'INT', 'BININT', 'BININT1', 'BININT2', 'LONG', 'LONG1', 'LONG4', 'FLOAT', 'BINFLOAT',
    'STRING', 'BINSTRING', 'SHORT_BINSTRING', 'UNICODE', 'BINUNICODE', 'SHORT_BINUNICODE',
    'BINUNICODE8', 'BINBYTES', 'SHORT_BINBYTES', 'BINBYTES8'))


@dataclass(frozen=True)
class Name:
    """A class or function that a file names, `module.name`; nothing is imported."""

    path: str


@dataclass(eq=False)
class Record:
    """An object of the file: the path of its class and its attributes."""

    path: str
    attributes: dict[Any, Any] = field(default_factory=dict)


class _Mark:
    """Stands on the stack where a group begins."""


class RefusedError(Exception):
    """What a program wants that is not done."""


class Machine:
    """
    Follows one program.

    `call` gets the name of a function with its arguments and returns what shall stand for the
    result; `refer` does so for what lies outside the program. Either raises RefusedError for
    what it does not know.
    """

    def __init__(
            self, call: Callable[[str, Any], Any], refer: Callable[[Any], Any]) -> None:
        self._call = call
        self._refer = refer
        self._memo: dict[int, Any] = {}
        self._stack: list[Any] = []

    def run(self, program: bytes) -> Any:
        """
        Return the one object that the program ends with.

        Raises RefusedError, and for a damaged program what Python raises for wrong data.
        """
        for opcode, argument, _ in pickletools.genops(program):
            if opcode.name == 'STOP':
                break
            self._step(opcode.name, argument)
        [result] = self._stack
        return result

    def _step(self, name: str, argument: Any) -> None:
        """Follow one instruction."""
        stack = self._stack
        if name in CONSTANTS:
            stack.append(argument)
        elif name in _MAKERS:
            stack.append(_MAKERS[name]())
        elif name in ('PROTO', 'FRAME'):
            pass
        elif name in ('BINGET', 'LONG_BINGET', 'GET'):
            stack.append(self._memo[int(argument)])
        elif name in ('BINPUT', 'LONG_BINPUT', 'PUT'):
            self._memo[int(argument)] = stack[-1]
        elif name == 'MEMOIZE':
            self._memo[len(self._memo)] = stack[-1]
        elif name in ('TUPLE', 'LIST', 'DICT', 'FROZENSET'):
            stack.append(_grouped(name, self._group()))
        elif name in ('TUPLE1', 'TUPLE2', 'TUPLE3'):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name in ('APPEND', 'APPENDS', 'SETITEM', 'SETITEMS', 'ADDITEMS'):
            self._fill(name)
        elif name == 'POP':
            stack.pop()
        elif name == 'POP_MARK':
            self._group()
        elif name == 'DUP':
            stack.append(stack[-1])
        elif name == 'GLOBAL':
            stack.append(Name(argument.replace(' ', '.', 1)))
        elif name == 'STACK_GLOBAL':
            short, module = stack.pop(), stack.pop()
            stack.append(Name(f'{module}.{short}'))
        elif name in ('NEWOBJ', 'NEWOBJ_EX'):
            del stack[-2 if name == 'NEWOBJ_EX' else -1:]
            stack.append(Record(stack.pop().path))
        elif name == 'REDUCE':
            arguments, function = stack.pop(), stack.pop()
            stack.append(self._call(_path_of(function), arguments))
        elif name == 'BUILD':
            _build(stack)
        elif name == 'BINPERSID':
            stack.append(self._refer(stack.pop()))
        else:
            raise RefusedError(
                f'it has the instruction {name}, which no file of a network needs')

    def _group(self) -> list[Any]:
        """Take what is above the last mark off the stack, and the mark."""
        place = len(self._stack) - 1
        while not isinstance(self._stack[place], _Mark):
            place -= 1
            if place < 0:
                raise ValueError('a group without beginning')
        group = self._stack[place + 1:]
        del self._stack[place:]
        return group

    def _fill(self, name: str) -> None:
        """Put elements into the list, dict or set below them."""
        if name == 'APPEND':
            group = [self._stack.pop()]
        elif name == 'SETITEM':
            value, key = self._stack.pop(), self._stack.pop()
            group = [key, value]
        else:
            group = self._group()
        target = self._stack[-1]
        if isinstance(target, Record):
            # a class of theirs that is a list or a dict: only its attributes matter
            return
        if name.startswith('APPEND'):
            target.extend(group)
        elif name == 'ADDITEMS':
            target.update(group)
        else:
            target.update(zip(group[::2], group[1::2], strict=True))


_MAKERS: Mapping[str, Callable[[], Any]] = {
    'MARK': _Mark, 'NONE': lambda: None, 'NEWTRUE': lambda: True, 'NEWFALSE': lambda: False,
    'EMPTY_TUPLE': tuple, 'EMPTY_LIST': list, 'EMPTY_DICT': dict, 'EMPTY_SET': set}


def _grouped(name: str, group: list[Any]) -> Any:
    if name == 'DICT':
        return dict(zip(group[::2], group[1::2], strict=True))
    return {'TUPLE': tuple, 'LIST': list, 'FROZENSET': frozenset}[name](group)


def _build(stack: list[Any]) -> None:
    """Give the Record below its state; of what is no Record the state does not matter."""
    state, target = stack.pop(), stack[-1]
    if isinstance(target, Record):
        parts = state if isinstance(state, tuple) else (state,)
        for part in parts:
            if isinstance(part, dict):
                target.attributes.update(part)


def _path_of(function: Any) -> str:
    return function.path if isinstance(function, Name) else repr(type(function).__name__)
