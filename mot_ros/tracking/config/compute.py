# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""How networks run, for what is told of the settings no more than it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PRECISIONS = ('float32', 'bfloat16', 'float16')
"""Numbers that networks compute with, by torch's names."""


@dataclass(frozen=True)
class Compute:
    """The precision of a network, and whether its work is replayed as CUDA graphs."""

    precision: str = PRECISIONS[0]
    graphs: bool = True

    @property
    def dtype(self) -> torch.dtype:
        """The precision as torch knows it."""
        # here and not above: torch takes seconds to load
        import torch

        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype
