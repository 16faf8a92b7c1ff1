# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The processes that train together, started by torchrun; one, if nothing else is said."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import os

import torch
from torch import distributed


@dataclass(frozen=True)
class Rank:
    """Which of how many processes this one is, and the device that it computes on."""

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether it is the one that writes and shows."""
        return self.rank == 0


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Rank]:
    """
    Join the processes that torchrun started beside this one, for as long as the context lasts.

    With CUDA each takes the device of its number on this machine.
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
