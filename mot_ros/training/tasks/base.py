# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Task: the interface of a network, its samples and its loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import nn, Tensor


class Task(Protocol):
    """
    Provide a network, its training samples and its loss.

    Sample `index` depends on its number alone, whichever process makes it, so that a resumed
    training gives the same result. Samples are numbered from 0 without end.
    """

    @property
    def network(self) -> nn.Module:
        """Return the network that is trained."""
        ...

    def sample(self, index: int) -> Any:
        """Make a training sample, possibly in a worker process."""
        ...

    def collate(self, samples: Sequence[Any]) -> Any:
        """Collate samples into a batch, in host memory."""
        ...

    def losses(self, batch: Any) -> Mapping[str, Tensor]:
        """Return the parts of the loss by name; their sum is minimised."""
        ...

    def weights(self) -> Mapping[str, Tensor]:
        """Return the tensors of the trained network that inference needs, by their names there."""
        ...
