# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
CudaGraph: fixed-shape work, captured once on a GPU and replayed as one CUDA graph.

Python launches a network of a hundred small kernels one by one, which takes longer than the
kernels. A graph needs one launch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
import gc
import logging
import time

import torch
from torch import Tensor

from mot_ros.tracking.runtime.cuda_device import cuda_device, CudaDevice, is_out_of_memory
from mot_ros.tracking.runtime.lost_gpu import is_lost

Work = Callable[..., Sequence[Tensor]]

WARM_UPS = 3
"""Plain calls before capture, in which libraries choose kernels and allocate workspaces."""
TOLERANCE = 1e-3
"""Tolerance between replay and plain call, relative and absolute, for float32."""
MOST_GRAPHS = 16
"""Number of graphs kept; the least recently used one is dropped."""
USES = 2
"""Calls with a signature after which it is captured: sizes that come once are not worth it."""
MOST_SIGNATURES = 256
"""Number of signatures whose calls are counted."""
RETRY = 60.0
"""Seconds without graphs after the GPU was out of memory."""


@dataclass(frozen=True, eq=False)
class _Captured:
    """A captured graph, its inputs and its outputs."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class CudaGraph:
    """
    Call a function of tensors on one device, as a CUDA graph if that is a GPU and `on` is true.

    `work` takes and returns tensors, whose shapes depend on those of its inputs alone; it never
    synchronises with the GPU, changes no input, and all other tensors that it reads keep their
    address. Per signature of shapes and types a graph is captured at the second call and compared
    with the plain one. If capture or comparison fails, the plain function is called from then on,
    with a warning; after a lack of memory only for RETRY seconds. On the CPU it always is.
    """

    def __init__(self, work: Work, device: torch.device, on: bool = True) -> None:
        self._work = work
        self._device = device
        self._on = on and device.type == 'cuda'
        self._graphs: OrderedDict[Hashable, _Captured] = OrderedDict()
        self._calls: OrderedDict[Hashable, int] = OrderedDict()
        self._retry_at = 0.0

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Call the function without gradients."""
        with torch.inference_mode():
            return self._done(inputs)

    def _done(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if not self._on or time.monotonic() < self._retry_at:
            return tuple(self._work(*inputs))
        key = tuple((tuple(tensor.shape), tensor.dtype, tensor.stride()) for tensor in inputs)
        captured = self._graphs.get(key)
        if captured is None:
            if not self._is_due(key):
                return tuple(self._work(*inputs))
            captured = self._try_capture(inputs)
            if captured is None:
                return tuple(self._work(*inputs))
            self._graphs[key] = captured
            if len(self._graphs) > MOST_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        with cuda_device(self._device).ordered():
            for place, tensor in zip(captured.inputs, inputs, strict=True):
                place.copy_(tensor)
            captured.graph.replay()
            # the memory behind them is that of other graphs too
            return tuple(tensor.clone() for tensor in captured.outputs)

    def _is_due(self, key: Hashable) -> bool:
        """Count a call, and return whether its signature came often enough."""
        self._calls[key] = self._calls.pop(key, 0) + 1
        if len(self._calls) > MOST_SIGNATURES:
            self._calls.popitem(last=False)
        return self._calls[key] >= USES

    def _try_capture(self, inputs: Sequence[Tensor]) -> _Captured | None:
        """Return the captured work for such inputs, None where there is none."""
        try:
            shared = cuda_device(self._device)
            with shared.lock, torch.cuda.device(self._device):
                return self._capture(shared, inputs)
        except (RuntimeError, TypeError) as error:
            # TypeError: torch before 2.1 lacks some of these arguments
            if is_lost(error):
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            if is_out_of_memory(error):
                self._wait(reason)
            else:
                self._give_up(reason)
            return None

    def _capture(self, shared: CudaDevice, inputs: Sequence[Tensor]) -> _Captured | None:
        places = tuple(tensor.clone() for tensor in inputs)
        expected: Sequence[Tensor] = ()
        stream, current = shared.capture_stream, torch.cuda.current_stream(self._device)
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                expected = self._work(*places)
        current.wait_stream(stream)
        expected = [tensor.clone() for tensor in expected]
        graph = torch.cuda.CUDAGraph()
        # what is collected during a capture could break it
        gc.collect()
        torch.cuda.synchronize(self._device)
        with torch.cuda.stream(stream):
            try:
                # other threads of the process may allocate meanwhile
                graph.capture_begin(pool=shared.pool, capture_error_mode='thread_local')
                outputs = tuple(self._work(*places))
                graph.capture_end()
            except BaseException:
                shared.abandon_capture(graph)
                raise
        with shared.ordered():
            graph.replay()
            for number, (one, other) in enumerate(zip(outputs, expected, strict=True)):
                if not same(one, other):
                    self._give_up(f'output {number} of a replay is not that of a plain call')
                    return None
        return _Captured(graph, places, outputs)

    def _wait(self, reason: str) -> None:
        """Go on without graphs, and try again when memory may have become free."""
        self._graphs.clear()
        self._retry_at = time.monotonic() + RETRY
        torch.cuda.empty_cache()
        logging.getLogger(__name__).warning(
            'CUDA graphs are not used for %g s, since the GPU is out of memory (%s)', RETRY,
            reason)

    def _give_up(self, reason: str) -> None:
        self._on = False
        self._graphs.clear()
        logging.getLogger(__name__).warning(
            'CUDA graphs are not used here, which only costs speed (%s); set graphs to false to '
            'silence this warning', reason)


def same(one: Tensor, other: Tensor) -> bool:
    """Return whether two outputs are equal up to rounding, with NaN at the same places."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    # ratio of the machine epsilons of a lower precision and float32
    loose = TOLERANCE * torch.finfo(one.dtype).eps / torch.finfo(torch.float32).eps \
        if one.dtype != torch.float32 else TOLERANCE
    return torch.allclose(one, other, rtol=min(loose, 0.1), atol=min(loose, 0.1), equal_nan=True)
