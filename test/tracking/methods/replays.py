# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What stands in for a GPU where there is none: graphs that use their memory again, downloads."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Replayed:
    """
    Stands in for CudaGraph: in every call inputs and outputs are in the same memory, as in graphs.

    Whoever keeps an output over the next call finds other numbers in it.
    """

    def __init__(self, work, device, on=True):
        self._work, self._memory = work, {}

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        with torch.inference_mode():
            key = tuple((tensor.shape, tensor.dtype, tensor.stride()) for tensor in inputs)
            if key not in self._memory:
                places = [tensor.clone() for tensor in inputs]
                self._memory[key] = places, [out.clone() for out in self._work(*places)]
            places, results = self._memory[key]
            for place, tensor in zip(places, inputs, strict=True):
                place.copy_(tensor)
            for result, now in zip(results, self._work(*places), strict=True):
                result.copy_(now)
            return tuple(results)

    @property
    def recorded(self) -> int:
        """How many shapes have come."""
        return len(self._memory)


class _Downloads(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func in (Tensor.cpu, Tensor.item, Tensor.tolist)
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def downloads() -> Iterator[_Downloads]:
    """Count how often numbers are asked for, each of which would be a wait for a GPU."""
    with _Downloads() as counted:
        yield counted
