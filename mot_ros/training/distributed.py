# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Process group of a training that torchrun started; a single process otherwise."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import os

import torch
from torch import distributed


@dataclass(frozen=True)
class Rank:
    """Rank of this process, number of processes, and the device of this one."""

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Return whether this process writes files and shows progress: rank 0."""
        return self.rank == 0


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Rank]:
    """
    Join the process group that torchrun started; leave it when the context ends.

    With CUDA each process takes the device of its local rank.
    """
    count = int(os.environ.get('WORLD_SIZE', '1'))
    if count == 1:
        yield Rank(0, 1, device)
        return
    if device.type == 'cuda':
        device = torch.device('cuda', int(os.environ['LOCAL_RANK']))
        torch.cuda.set_device(device)
    distributed.init_process_group('nccl' if device.type == 'cuda' else 'gloo')
    try:
        yield Rank(distributed.get_rank(), count, device)
    finally:
        distributed.destroy_process_group()
