# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The roofline: the least time in which a device can do the layers of a network.

Each convolution, and each matrix product inside a module, is one kernel, which reads its inputs
and weights from memory and writes its result once, and takes as long as its arithmetic or its
traffic, whichever takes longer. What a good engine works into those kernels (norms, activations,
sums, casts) is free, and so is what is no layer: pooling of boxes, suppression, decoding, the
host. It is a bound, not a goal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from mot_ros.benchmarking.peaks import Peaks, peaks
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.compute import PRECISIONS
from mot_ros.tracking.config.schema import build, flatten

BYTES = {'float32': 4, 'bfloat16': 2, 'float16': 2}


@dataclass(frozen=True)
class Layer:
    """One kernel: FLOP (2 per multiplication and addition), and numbers that it moves."""

    flop: int
    numbers: int


@dataclass(frozen=True)
class Roof:
    """The peaks of a device for networks whose numbers have `width` bytes."""

    peaks: Peaks
    width: int

    @staticmethod
    def of(device: torch.device, precision: str = PRECISIONS[0]) -> Roof:
        """Return that of a device and a precision."""
        return Roof(peaks(device, precision), BYTES[precision])

    def least_ms(self, layers: Sequence[Layer]) -> float:
        """Return the least time of layers one after the other."""
        return 1e3 * sum(
            max(layer.flop / self.peaks.flops, layer.numbers * self.width / self.peaks.bandwidth)
            for layer in layers)

    def row(self, layers: Sequence[Layer], ms: float) -> dict[str, Any]:
        """Return what is said of layers that took so long; None where there are none."""
        if not layers:
            return dict.fromkeys(('layers', 'gflop', 'mbyte', 'least_ms', 'roofline'))
        least = self.least_ms(layers)
        return {
            'layers': len(layers), 'gflop': sum(layer.flop for layer in layers) / 1e9,
            'mbyte': sum(layer.numbers for layer in layers) * self.width / 1e6,
            'least_ms': least, 'roofline': least / ms}


class _Counter(TorchDispatchMode):
    """Notes every layer that is run below it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[Layer] = []
        self.depth = 0
        """In how many modules we are."""
        self._packed = getattr(torch.ops.mkldnn, '_convolution_pointwise', None)

    def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (),
            kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        packet = func._overloadpacket
        known = packet in flop_registry
        if not known and packet is not self._packed:
            # without gradients a layer arrives as a whole; its parts are what torch can count
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        if known:
            flop = int(flop_registry[packet](*args, **kwargs, out_val=result))
            self._note(str(packet), flop, args, result)
        elif packet is self._packed:
            # every number of the result is a sum over one kernel
            flop = 2 * result.numel() * math.prod(args[1].shape[1:])
            self._note(str(packet), flop, args, result)
        return result

    def _note(self, name: str, flop: int, args: Sequence[Any], result: Tensor) -> None:
        # suppression and decoding are written with products too
        if flop and (self.depth or 'conv' in name):
            numbers = sum(part.numel() for part in (*args, result) if isinstance(part, Tensor))
            self.layers.append(Layer(flop, numbers))


def counted(settings: Settings) -> Settings:
    """Return settings under which all layers are seen, and nothing is padded: on the CPU."""
    return build(Settings, {
        **flatten(settings), 'device': 'cpu', 'precision': 'float32', 'backend': 'torch'})


def layers_of(work: Callable[[], object]) -> list[Layer]:
    """
    Do some work and return its layers in order.

    What a CUDA graph replays and what another runtime does is not seen: work on the CPU is,
    where moreover nothing is padded.
    """
    counter = _Counter()

    def enter(*_: object) -> None:
        counter.depth += 1

    def leave(*_: object) -> None:
        counter.depth -= 1

    hooks = [
        register_module_forward_pre_hook(enter),
        register_module_forward_hook(leave, always_call=True)]
    try:
        with counter:
            work()
    finally:
        for hook in hooks:
            hook.remove()
    return counter.layers
