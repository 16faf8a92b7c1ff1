# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Pad row counts to buckets, so that a GPU runs few shapes.

Without padding cuda_graph.py would capture one graph per number of tracks. Padding rows are zeros
and their results are dropped.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mot_ros.tracking.types import Floats

BUCKETS = (16, 64, 256)
"""Bucket sizes; above the last one, its multiples."""


def bucket(count: int) -> int:
    """Return the padded number of rows: the smallest bucket that holds `count`."""
    largest = BUCKETS[-1]
    return next((room for room in BUCKETS if count <= room), -(-count // largest) * largest)


def to_device_padded(rows: Floats, room: int, device: torch.device) -> Tensor:
    """
    Copy rows (N, ...) float32 from the host to a device, padded to (room, ...) with zeros.

    The copy goes through page-locked memory and does not synchronise.
    """
    here = torch.zeros(room, *rows.shape[1:], pin_memory=device.type == 'cuda')
    here.numpy()[:len(rows)] = rows
    return here.to(device, non_blocking=True)
