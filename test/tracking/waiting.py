# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Shows without a GPU that a computation would not make one wait, nor be waited for.

Whatever has to know a number in order to go on, or brings one to the device or from it, stalls
the host until the device is done. These operators do so on a GPU; here they raise.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten

ALWAYS = {
    aten._local_scalar_dense: 'a number is read on the host (item, bool, int, tolist)',
    aten.nonzero: 'the shape of the result hangs on numbers',
    aten.masked_select: 'the shape of the result hangs on numbers',
    aten._unique2: 'the shape of the result hangs on numbers',
    aten.unique_dim: 'the shape of the result hangs on numbers',
    aten.unique_consecutive: 'the shape of the result hangs on numbers',
    aten.bincount: 'the shape of the result hangs on numbers',
    aten.equal: 'the host waits for the answer',
    aten.allclose: 'the host waits for the answer',
    aten.is_nonzero: 'the host waits for the answer',
    aten.lift_fresh: 'numbers of Python are brought to the device (torch.tensor, new_tensor)',
}


ASKED = {
    Tensor.item, Tensor.tolist, Tensor.numpy, Tensor.cpu, Tensor.cuda, Tensor.__bool__,
    Tensor.__int__, Tensor.__float__, Tensor.__index__}
"""What no operator stands for where tensors are in host memory already."""


class WaitError(AssertionError):
    """Raised where a GPU would be waited for."""


class _NoWaiting(TorchDispatchMode):
    def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        reason = ALWAYS.get(func.overloadpacket)
        if reason is None:
            reason = _sometimes(func, args, kwargs)
        if reason is not None:
            raise WaitError(f'{func}: {reason}')
        # without gradients operators that are made of others come whole
        with self:
            parts = func.decompose(*args, **kwargs)
        return func(*args, **kwargs) if parts is NotImplemented else parts


class _NothingAsked(TorchFunctionMode):
    def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in ASKED:
            raise WaitError(f'{func}: the numbers are brought to the host')
        return func(*args, **(kwargs or {}))


def _sometimes(func: Any, args: Any, kwargs: Any) -> str | None:
    packet = func.overloadpacket
    if packet in (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_):
        masks = [index for index in args[1] if isinstance(index, Tensor)]
        if any(index.dtype in (torch.bool, torch.uint8) for index in masks):
            return 'a mask is turned into indices'
        if any(index.device != args[0].device for index in masks):
            return 'indices are brought to the device'
    if packet is aten.repeat_interleave and kwargs.get('output_size') is None and isinstance(
            args[min(1, len(args) - 1)], Tensor):
        return 'the shape of the result hangs on numbers; say its output_size'
    if packet is aten.where and len(args) == 3 and any(
            not isinstance(value, Tensor) or value.dim() == 0 < args[0].dim()
            for value in args[1:]):
        return 'a number of Python is brought to the device; masked_fill takes it along'
    if packet is aten._to_copy and kwargs.get('device') not in (None, args[0].device):
        return 'a tensor is brought to another device'
    if packet is aten.pin_memory:
        return 'the host copies'
    return None


@contextlib.contextmanager
def no_waiting() -> Iterator[None]:
    """Raise WaitError for whatever would make the host wait for a GPU."""
    with _NothingAsked(), _NoWaiting():
        yield
