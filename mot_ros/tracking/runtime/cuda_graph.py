# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
CudaGraph: fixed-shape work, captured once on a GPU and replayed as one CUDA graph.

Python launches a network of a hundred small kernels one by one, which takes longer than the
kernels. A graph needs one launch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import logging

import torch
from torch import Tensor

Work = Callable[..., Sequence[Tensor]]

WARM_UPS = 3
"""Plain calls before capture, in which libraries choose kernels and allocate workspaces."""
TOLERANCE = 1e-3
"""Tolerance between replay and plain call, relative and absolute, for float32."""
MOST_GRAPHS = 16
"""Number of graphs kept, each with its own memory; the least recently used one is dropped."""


@dataclass(frozen=True, eq=False)
class _Recorded:
    """A captured graph, its inputs and its outputs."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class CudaGraph:
    """
    Call a function of tensors on one device, as a CUDA graph if that is a GPU and `on` is true.

    `work` takes and returns tensors, whose shapes depend on those of its inputs alone; it never
    synchronises with the GPU, changes no input, and all other tensors that it reads keep their
    address. Per signature of shapes and types a graph is captured at the first use and compared
    with the plain call. If capture or comparison fails, the plain function is called from then on,
    with a warning. On the CPU it always is.

    Outputs are valid until the next call with the same signature.
    """

    def __init__(self, work: Work, device: torch.device, on: bool = True) -> None:
        self._work = work
        self._device = device
        self._on = on and device.type == 'cuda'
        self._graphs: OrderedDict[tuple[object, ...], _Recorded] = OrderedDict()

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Call the function without gradients."""
        with torch.inference_mode():
            return self._done(inputs)

    def _done(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if not self._on:
            return tuple(self._work(*inputs))
        key = tuple((tuple(tensor.shape), tensor.dtype, tensor.stride()) for tensor in inputs)
        recorded = self._graphs.get(key)
        if recorded is None:
            try:
                recorded = self._record(inputs)
            except (RuntimeError, TypeError) as error:
                # TypeError: torch before 2.1 lacks some of these arguments
                self._give_up((str(error).splitlines() or [type(error).__name__])[0])
                return tuple(self._work(*inputs))
            if recorded is None:
                return tuple(self._work(*inputs))
            self._graphs[key] = recorded
            if len(self._graphs) > MOST_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        for place, tensor in zip(recorded.inputs, inputs, strict=True):
            place.copy_(tensor)
        recorded.graph.replay()
        return recorded.outputs

    def _record(self, inputs: Sequence[Tensor]) -> _Recorded | None:
        """Return the captured work for such inputs, None if it differs from the plain call."""
        places = tuple(tensor.clone() for tensor in inputs)
        expected: Sequence[Tensor] = ()
        aside = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                expected = self._work(*places)
        torch.cuda.current_stream(self._device).wait_stream(aside)
        expected = [tensor.clone() for tensor in expected]
        graph = torch.cuda.CUDAGraph()
        # the stream selects the GPU; other threads of the process may allocate meanwhile
        with torch.cuda.graph(graph, stream=aside, capture_error_mode='thread_local'):
            outputs = tuple(self._work(*places))
        graph.replay()
        for number, (one, other) in enumerate(zip(outputs, expected, strict=True)):
            if not same(one, other):
                self._give_up(f'output {number} of a replay is not that of a plain call')
                return None
        return _Recorded(graph, places, outputs)

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
