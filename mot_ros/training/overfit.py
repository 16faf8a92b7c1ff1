# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Overfit subset: a network that cannot memorise a few samples cannot learn."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

Sample = TypeVar('Sample', covariant=True)
KEPT = 64
"""Largest subset that is kept in memory; larger ones are made again each time."""


class SampleSource(Protocol[Sample]):
    """Samples without end, numbered from 0."""

    def sample(self, index: int) -> Sample:
        """Return the sample of a number from 0 on; always the same one."""
        ...


class OverfitSubset(Generic[Sample]):
    """Repeat the first `count` samples of a source."""

    def __init__(self, source: SampleSource[Sample], count: int) -> None:
        self._source = source
        self._count = count
        self._made: dict[int, Sample] = {}

    def sample(self, index: int) -> Sample:
        """Return the sample of a number from 0 on."""
        number = index % self._count
        if number in self._made:
            return self._made[number]
        made = self._source.sample(number)
        if self._count <= KEPT:
            self._made[number] = made
        return made
