# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What all work on one GPU shares: two streams, the memory of CUDA graphs, and their order."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from functools import cache
import threading
from typing import Any

import torch


class CudaDevice:
    """
    Streams, graph memory and lock of one GPU; see `cuda_device`, which keeps one for each.

    torch gives out 32 streams in turn, so that one asked for anew may be one that is capturing;
    here are two that stay apart. Graphs share one pool of memory, so that their replays must not
    overlap: `ordered` makes the current stream wait for the one before.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.capture_stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.upload_stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.pool: Any = torch.cuda.graph_pool_handle()
        self.lock = threading.RLock()
        self._last: Any = None

    @property
    def integrated(self) -> bool:
        """Whether the GPU shares its memory with the CPU, as on a Jetson."""
        properties = torch.cuda.get_device_properties(self.device)
        return bool(getattr(properties, 'is_integrated', 0))

    @contextlib.contextmanager
    def ordered(self) -> Iterator[None]:
        """Let work on the current stream follow that of the last such block, on any stream."""
        with self.lock, torch.cuda.device(self.device):
            stream = torch.cuda.current_stream(self.device)
            if self._last is not None:
                stream.wait_event(self._last)
            else:
                self._last = torch.cuda.Event()  # type: ignore[no-untyped-call]
            yield
            self._last.record(stream)

    def abandon_capture(self, graph: Any) -> None:
        """End a capture that failed: the stream, and the allocator that serves the pool."""
        with contextlib.suppress(RuntimeError):
            graph.capture_end()
        # where ending the capture fails, torch leaves the allocator as it is during captures:
        # memory that other streams were told of would never come back
        end = getattr(torch._C, '_cuda_endAllocateToPool', None)
        if end is not None:
            with contextlib.suppress(RuntimeError):
                end(self.device.index or 0, self.pool)


@cache
def _of_index(index: int) -> CudaDevice:
    return CudaDevice(torch.device('cuda', index))


def cuda_device(device: torch.device) -> CudaDevice:
    """Return what work on a GPU shares; without an index it is the current one."""
    return _of_index(torch.cuda.current_device() if device.index is None else device.index)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that a GPU has no memory left."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and 'out of memory' in str(error))
