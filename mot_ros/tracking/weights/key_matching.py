# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Weights of others under our names: what was taken, what was left, and what does not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from mot_ros.tracking.errors import WeightsError

CONTAINERS = ('model', 'ema', 'state_dict')
"""Where checkpoints of training keep their network, in the order of looking."""
PREFIXES = ('module.',)
"""What training on several GPUs puts before every name."""
SHOWN = 5


@dataclass(frozen=True)
class MatchedWeights:
    """
    The tensors of a file that a network of ours takes, by our names, and what became of the rest.

    `metadata` says what the network must be made with, such as its body and number of classes,
    in the words of a safetensors file. The other fields are for the reader: the `stripped`
    prefixes, names that were only `matched` by their end ('theirs -> ours'), wanted names that
    are `missing`, names in the file that are known to be `unused` or `unexpected`, and what is
    `misshaped`, a sentence each.
    """

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)
    stripped: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshaped: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every wanted tensor is there in its shape; what is left over does not count."""
        return not self.missing and not self.misshaped

    def report(self) -> str:
        """Return what was taken and what was not in a few lines, without an end of line."""
        lines = [f'{len(self.tensors)} tensors taken']
        if self.metadata:
            lines[0] += ': ' + ', '.join(
                f'{name} {value}' for name, value in self.metadata.items())
        if self.stripped:
            lines.append(f'prefix taken off: {", ".join(self.stripped)}')
        for title, names in (
                ('matched by the end of the name', self.matched), ('missing', self.missing),
                ('of another shape', self.misshaped),
                ('left out, the network does not run them', self.unused),
                ('left out, unknown', self.unexpected)):
            if names:
                lines.append(f'{len(names)} {title}: {abbreviate(names)}')
        return '\n'.join(lines)

    def check(self, path: object) -> None:
        """Raise WeightsError, naming the file, unless all that is wanted is there."""
        if self.complete:
            return
        problems = [
            f'{len(names)} {title}: {abbreviate(names)}' for title, names in (
                ('missing', self.missing), ('of another shape', self.misshaped)) if names]
        raise WeightsError(
            f'{path} does not hold this network: {" | ".join(problems)}; choose the kind that '
            'the file is of')


def abbreviate(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more


def state_dict_of(content: object, containers: Sequence[str] = CONTAINERS) -> dict[str, Tensor]:
    """
    Return the tensors by name out of what a checkpoint holds.

    They are the content itself, or stand under the first of the `containers` that holds any,
    in turn. Numbers, texts and lists beside tensors are passed over. Raises WeightsError if
    there are no tensors, saying what there is.
    """
    if isinstance(content, Mapping):
        for container in containers:
            inner = content.get(container)
            if isinstance(inner, Mapping) and inner:
                return state_dict_of(inner, containers)
        state = {
            name: value for name, value in content.items()
            if isinstance(name, str) and isinstance(value, Tensor)}
        if state:
            return state
    found = (
        f'the keys {abbreviate([str(key) for key in content])}' if isinstance(content, Mapping)
        else f'a {type(content).__name__}')
    raise WeightsError(
        f'no tensors by name are in the file, nor under {" or ".join(containers)}; it holds '
        f'{found}')


def without_prefixes(
        state: Mapping[str, Tensor],
        prefixes: Sequence[str] = PREFIXES) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """
    Return the tensors with these prefixes taken off their names, and those that were found.

    Raises WeightsError if two names become one.
    """
    named: dict[str, Tensor] = {}
    found = []
    for name, tensor in state.items():
        short = name
        while (prefix := next((p for p in prefixes if short.startswith(p)), '')):
            short = short.removeprefix(prefix)
            if prefix not in found:
                found.append(prefix)
        if short in named:
            raise WeightsError(
                f'the file has {short} twice, with and without {" or ".join(prefixes)}; it was '
                'not written by one network')
        named[short] = tensor
    return named, tuple(found)


def match_keys(
        state: Mapping[str, Tensor], wanted: Mapping[str, Tensor],
        metadata: Mapping[str, str] | None = None, *, unused: Sequence[str] = (),
        prefixes: Sequence[str] = PREFIXES) -> MatchedWeights:
    """
    Find every tensor of `wanted`, a state_dict (of the 'meta' device, say), in a file's `state`.

    Prefixes go first; then equal names belong together, then names of which one is the end of
    the other from a dot on, the longest such end, where that leaves no choice. What begins or
    ends like an entry of `unused` is known and not missed in the network. Nothing is raised for
    what does not fit: see MatchedWeights.check.
    """
    named, stripped = without_prefixes(state, prefixes)
    source = {name: name for name in wanted if name in named}
    known = [
        name for name in named if name not in source
        and (name.startswith(tuple(unused)) or name.endswith(tuple(unused)))]
    matched = _by_end(
        [name for name in wanted if name not in source],
        [name for name in named if name not in source and name not in known])
    source |= matched
    tensors, misshaped = {}, []
    for name, theirs in source.items():
        if named[theirs].shape == wanted[name].shape:
            tensors[name] = named[theirs]
        else:
            misshaped.append(
                f'{name} is {tuple(named[theirs].shape)}, expected {tuple(wanted[name].shape)}')
    passed_over = {*source.values(), *known}
    return MatchedWeights(
        tensors, dict(metadata or {}), stripped,
        tuple(f'{theirs} -> {ours}' for ours, theirs in matched.items()),
        tuple(name for name in wanted if name not in source), tuple(known),
        tuple(name for name in named if name not in passed_over), tuple(misshaped))


def _by_end(wanted: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """Return the given name for every wanted one that shares an end with one alone."""
    longer: dict[str, list[str]] = {}
    for theirs in given:
        for end in _ends(theirs):
            longer.setdefault(end, []).append(theirs)
    offers = set(given)
    pairs: dict[str, str] = {}
    for ours in wanted:
        candidates = longer.get(ours) or [
            next((end for end in _ends(ours) if end in offers), '')]
        if len(candidates) == 1 and candidates[0]:
            pairs[ours] = candidates[0]
    claims = Counter(pairs.values())
    return {ours: theirs for ours, theirs in pairs.items() if claims[theirs] == 1}


def _ends(name: str) -> Iterator[str]:
    """Yield what follows each dot of a name, the longest end first."""
    while '.' in name:
        name = name.partition('.')[2]
        yield name
