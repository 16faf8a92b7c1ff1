# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Check the program of a pickle before torch's weights_only reader follows it.

That reader calls no foreign code, but it can be made to crash or to hang: by a nested tuple as the
key of a dictionary, by a tensor larger than its numbers, by objects that double. The opcodes are
listed with pickletools and their objects are linked as a graph; nothing is built.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Mapping
from dataclasses import dataclass, field
import pickletools
from types import MappingProxyType
from typing import Any, BinaryIO

from mot_ros.tracking.weights.pickle_graph import check_graph, is_plain, Node, RefusedError

MAX_OPCODES = 1_000_000
CONSTANTS = frozenset((
    'NONE', 'NEWTRUE', 'NEWFALSE', 'BININT', 'BININT1', 'BININT2', 'BINFLOAT', 'BINUNICODE',
    'SHORT_BINSTRING', 'LONG1'))
EMPTY = frozenset(('EMPTY_TUPLE', 'EMPTY_LIST', 'EMPTY_DICT', 'EMPTY_SET'))
FILLING = frozenset(('APPEND', 'APPENDS', 'SETITEM', 'SETITEMS', 'BUILD'))
GROUPING = frozenset(('TUPLE', 'APPENDS', 'SETITEMS'))
POPPED = MappingProxyType({
    'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3, 'APPEND': 1, 'SETITEM': 2, 'BUILD': 1, 'NEWOBJ': 2,
    'REDUCE': 2, 'BINPERSID': 1})
"""Objects that an opcode takes off the stack, beside the one that it fills."""
ITEM_BYTES: Mapping[str, int] = MappingProxyType({
    'DoubleStorage': 8, 'FloatStorage': 4, 'HalfStorage': 2, 'BFloat16Storage': 2,
    'LongStorage': 8, 'IntStorage': 4, 'ShortStorage': 2, 'CharStorage': 1, 'ByteStorage': 1,
    'BoolStorage': 1, 'ComplexFloatStorage': 8, 'ComplexDoubleStorage': 16, 'QInt8Storage': 1,
    'QUInt8Storage': 1, 'QInt32Storage': 4})
"""Bytes of one number by the name of the storage."""
TENSOR_CALLS = frozenset(f'torch._utils._rebuild_{name}' for name in (
    'tensor', 'tensor_v2', 'parameter', 'parameter_with_state', 'qtensor', 'sparse_tensor'))
COLLECTIONS = frozenset((
    'collections.OrderedDict', 'collections.Counter', 'builtins.set',
    'builtins.frozenset'))
OPAQUE_CALLS = frozenset((
    'numpy.core.multiarray.scalar', 'numpy._core.multiarray.scalar',
    'numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct', 'numpy.dtype',
    'copyreg._reconstructor', 'pathlib.PosixPath',
    'pathlib.WindowsPath', 'pathlib.PurePosixPath', 'collections.defaultdict'))
"""Calls in files of networks whose results no tensor depends on."""
PLAIN_CALLS = frozenset((
    'torch.device', 'torch.Size', 'torch.serialization._get_layout', 'builtins.complex'))
"""Harmless functions of torch's reader, whose arguments must be numbers and texts."""


@dataclass
class Summary:
    """
    Contents of a pickle's program.

    `classes` maps the path of each class that an object is made of to how these objects are
    filled: '' by attributes alone, 'SETITEM' as a dictionary, 'APPEND' as a list. `names` are
    all classes and functions, `storage_bytes` the bytes of numbers by storage key.
    """

    classes: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    storage_bytes: dict[str, int] = field(default_factory=dict)


def check_program(file: BinaryIO) -> Summary:
    """
    Read one pickle to its STOP and return its summary.

    Raises RefusedError for a program that no file of a network needs, and ValueError, IndexError,
    KeyError or another error of wrong data for a damaged one.
    """
    walk = _Walk()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if count > MAX_OPCODES:
            raise RefusedError(f'it has more than {MAX_OPCODES} opcodes')
        if opcode.name == 'STOP':
            break
        walk.step(opcode.name, argument)
    check_graph(walk.result())
    return walk.summary


class _Walk:
    """The stack of a program, holding nodes in place of objects."""

    def __init__(self) -> None:
        self.summary = Summary()
        self._stack: list[Node] = []
        self._below: list[list[Node]] = []
        self._memo: dict[int, Node] = {}

    def result(self) -> Node:
        """Return the object that the program ends with."""
        [result] = self._stack
        return result

    def step(self, name: str, argument: Any) -> None:
        """Follow one opcode."""
        stack = self._stack
        if name in CONSTANTS:
            stack.append(Node('constant', argument))
        elif name in EMPTY:
            stack.append(Node(name.removeprefix('EMPTY_').lower()))
        elif name in ('BINGET', 'LONG_BINGET'):
            stack.append(self._memo[argument])
        elif name in ('BINPUT', 'LONG_BINPUT'):
            self._memo[argument] = stack[-1]
        elif name == 'GLOBAL':
            path = _modern(argument)
            self.summary.names.add(path)
            stack.append(Node('global', path))
        elif name == 'MARK':
            self._below.append(stack)
            self._stack = []
        elif name in POPPED or name in GROUPING:
            self._combine(name)
        elif name != 'PROTO':
            raise RefusedError(
                f'it has the instruction {name}, which no file of a network needs')

    def _combine(self, name: str) -> None:
        """Make an object of others, or put them into the one below them."""
        if name in GROUPING:
            items, self._stack = self._stack, self._below.pop()
        else:
            count = POPPED[name]
            if len(self._stack) < count:
                raise IndexError(f'{name} takes {count} objects of {len(self._stack)}')
            items = self._stack[-count:]
            del self._stack[-count:]
        if name in FILLING:
            self._fill(name, self._stack[-1], items)
        elif name.startswith('TUPLE'):
            self._stack.append(Node('tuple', items=items))
        elif name == 'BINPERSID':
            self._stack.append(self._storage(items[0]))
        else:
            self._stack.append(self._made(name, *items))

    def _fill(self, name: str, target: Node, items: list[Node]) -> None:
        if name.startswith('SETITEM'):
            if len(items) % 2:
                raise ValueError('a key without a value')
            _check_keys(items[::2])
        if name == 'BUILD' and str(target.value).startswith('collections.') and (
                items[0].kind != 'dict'):
            raise RefusedError('it gives a dictionary a state that is none')
        if name != 'BUILD' and target.kind == 'object':
            self.summary.classes[target.value] = name.rstrip('S')
        target.items += items

    def _made(self, name: str, function: Node, arguments: Node) -> Node:
        """Return the node of a new object, if its class or function is one that networks need."""
        path = function.value if function.kind == 'global' else repr(function.kind)
        if arguments.kind != 'tuple':
            raise ValueError(f'the arguments of {path} are no tuple')
        known = name == 'NEWOBJ' and function.kind == 'global' and not _is_builtin(path)
        if known:
            self.summary.classes.setdefault(path, '')
        elif name == 'NEWOBJ' or not _may_call(path, arguments.items):
            raise RefusedError(f'it wants to call {path}, which no file of a network needs')
        return Node('object' if known else 'result', path, [function, *arguments.items])

    def _storage(self, reference: Node) -> Node:
        """Return the node of the numbers that a tensor lies in, and note their size."""
        parts = reference.items
        if reference.kind != 'tuple' or len(parts) not in (5, 6) or parts[1].kind != 'global':
            raise RefusedError('it refers to what are no numbers of torch')
        kind, key, location, count = (parts[index].value for index in (0, 2, 3, 4))
        short = str(parts[1].value).removeprefix('torch.')
        if _text(kind) != 'storage' or short not in ITEM_BYTES:
            raise RefusedError(f'it refers to {_text(kind)} {parts[1].value}, not to numbers '
                               'of torch')
        if not isinstance(count, int) or count < 0 or not _text(key) or not _text(location):
            raise ValueError(f'a storage has {str(count)[:40]} numbers')
        view = parts[5] if len(parts) == 6 else Node('constant')
        if not (is_plain(view) or (view.kind == 'tuple' and all(map(is_plain, view.items)))):
            raise ValueError('a view of a storage has a key that is no text')
        sizes = self.summary.storage_bytes
        sizes[_text(key)] = max(sizes.get(_text(key), 0), count * ITEM_BYTES[short])
        return Node('storage')


def _modern(name: str) -> str:
    """Return the path of a `module name`, with Python 2's modules renamed as torch does."""
    module, _, short = name.partition(' ')
    if (module, short) in NAME_MAPPING:
        return '.'.join(NAME_MAPPING[module, short])
    return f'{IMPORT_MAPPING.get(module, module)}.{short}'


def _is_builtin(path: str) -> bool:
    """Return whether torch's reader has a class of this name that could be given a size."""
    return path.startswith(('builtins.', '_codecs.')) or (
        path.startswith('torch.') and path.endswith(('Tensor', 'Storage')))


def _may_call(path: str, arguments: list[Node]) -> bool:
    """Return whether a function may be called; RefusedError for arguments that it must not get."""
    if path == 'torch._tensor._rebuild_from_type_v2':
        return len(arguments) == 4 and arguments[0].value in TENSOR_CALLS
    if path == '_codecs.encode':
        return len(arguments) == 2 and arguments[1].value in ('latin1', 'latin-1') and (
            isinstance(arguments[0].value, str))
    if path in PLAIN_CALLS:
        return all(is_plain(each) or (each.kind == 'tuple' and all(map(is_plain, each.items)))
                   for each in arguments)
    if path in COLLECTIONS:
        for argument in arguments:
            _check_elements(path, argument)
        return True
    return path in TENSOR_CALLS or path in OPAQUE_CALLS


def _check_elements(path: str, argument: Node) -> None:
    """Refuse elements of a set and keys of a dictionary that are neither texts nor numbers."""
    if argument.kind == 'dict':
        return
    if argument.kind not in ('list', 'tuple'):
        raise RefusedError(f'it makes a {path} of what is no list')
    elements = argument.items
    if path == 'collections.OrderedDict':
        if not all(pair.kind in ('list', 'tuple') and len(pair.items) == 2 for pair in elements):
            raise ValueError('a key without a value')
        elements = [pair.items[0] for pair in elements]
    _check_keys(elements)


def _check_keys(keys: list[Node]) -> None:
    if not all(map(is_plain, keys)):
        raise RefusedError(
            'the key of a dictionary or the element of a set is neither text nor number')


def _text(value: Any) -> str:
    """Return a text that Python 2 may have written as bytes."""
    return value if isinstance(value, str) else ''
