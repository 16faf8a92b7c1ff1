# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Samples over and over: a network that cannot learn a handful by heart learns nothing at all."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

Sample = TypeVar('Sample', covariant=True)
KEPT = 64
"""The most that are kept instead of made again."""


class Supply(Protocol[Sample]):
    """An endless supply of samples, each of which has a number."""

    def sample(self, index: int) -> Sample:
        """Return the sample of a number from 0 on; always the same one."""
        ...


class Repeated(Generic[Sample]):
    """The first `count` samples of a supply, in turn."""

    def __init__(self, supply: Supply[Sample], count: int) -> None:
        self._supply = supply
        self._count = count
        self._made: dict[int, Sample] = {}

    def sample(self, index: int) -> Sample:
        """Return the sample of a number from 0 on."""
        number = index % self._count
        if number in self._made:
            return self._made[number]
        made = self._supply.sample(number)
        if self._count <= KEPT:
            self._made[number] = made
        return made
