# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

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


def to_device_padded(rows: Floats, room: int, device: torch.device) -> Tensor:
    """
    Return rows (N, ...) float32 of the host on a device, (room, ...) with zeros after them.

    They travel through page-locked memory, and the host does not wait until they are there.
    """
    here = torch.zeros(room, *rows.shape[1:], pin_memory=device.type == 'cuda')
    here.numpy()[:len(rows)] = rows
    return here.to(device, non_blocking=True)
