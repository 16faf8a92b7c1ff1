# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
