# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Task: what is trained, and on what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import nn, Tensor


class Task(Protocol):
    """
    A network, its samples, and how wrong it is on them.

    Sample `index` is always the same one, whoever makes it and when, so that a training goes on
    after a break as if there had been none. Samples without end are numbered on and on.
    """

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        ...

    def sample(self, index: int) -> Any:
        """Make a training sample; in a process of its own, perhaps."""
        ...

    def collate(self, samples: Sequence[Any]) -> Any:
        """Put samples together to a batch, in host memory."""
        ...

    def losses(self, batch: Any) -> Mapping[str, Tensor]:
        """Return the parts of the loss by name; their sum is what is made small."""
        ...

    def weights(self) -> Mapping[str, Tensor]:
        """Return what is of use after the training, by the names that its users know."""
        ...
