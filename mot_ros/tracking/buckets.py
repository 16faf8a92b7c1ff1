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

"""
Rows in buckets: numbers of tracks or boxes rounded up, so that a GPU meets few shapes.

What is recorded once per shape (captured.py) would else be recorded for each number of tracks.
The rows that fill a bucket are zeros, and nobody looks at what becomes of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mot_ros.tracking.types import Floats

BUCKETS = (16, 64, 256)
"""Beyond the last one, multiples of it."""


def bucket(count: int) -> int:
    """Return the room for `count` rows: the least of BUCKETS that holds them."""
    largest = BUCKETS[-1]
    return next((room for room in BUCKETS if count <= room), -(-count // largest) * largest)


def sent(rows: Floats, room: int, device: torch.device) -> Tensor:
    """
    Return rows (N, ...) float32 of the host on a device, (room, ...) with zeros after them.

    They travel through page-locked memory, and the host does not wait until they are there.
    """
    here = torch.zeros(room, *rows.shape[1:], pin_memory=device.type == 'cuda')
    here.numpy()[:len(rows)] = rows
    return here.to(device, non_blocking=True)
