# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Convolution with LeakyReLU, and its form for inference on a CPU."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import cast

import torch
from torch import nn, Tensor
from torch.nn import functional as F

SLOPE = 0.1
"""Slope of LeakyReLU below zero."""

MOST_SIZES = 4
"""Input sizes for which packed kernels are kept, 15 MB each."""

Attributes = tuple[str, list[float], str]
"""Name, numbers and algorithm of an activation, as oneDNN's convolution takes them."""


class Conv(nn.Conv2d):
    """
    Convolution that keeps the size of its input, or halves it, with LeakyReLU after it.

    BatchNorm is folded into weight and bias.
    """

    def __init__(
            self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *,
            activated: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2)
        self.activated = activated

    @property
    def dtype(self) -> torch.dtype:
        """The numbers that this computes with."""
        return self.weight.dtype

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Convolve (B, inputs, H, W) into (B, outputs, H / stride, W / stride)."""
        output = super().forward(input)
        if not self.activated:
            return output
        # in place, where no gradient needs the convolution's output
        return F.leaky_relu(output, SLOPE, not torch.is_grad_enabled())

    def keep_outputs(self, channels: list[int]) -> None:
        """Compute only these channels from now on, in this order."""
        bias = cast(Tensor, self.bias)
        self.weight = nn.Parameter(self.weight.detach()[channels])
        self.bias = nn.Parameter(bias.detach()[channels])
        self.out_channels = len(channels)


class PackedLeakyConv(nn.Module):
    """
    A Conv for inference on a CPU: kernel in oneDNN's own layout, activation fused.

    Saves the reordering of the kernel in every call and one pass over the output. The layout hangs
    on the size of the input, so one kernel is kept for each of the last MOST_SIZES sizes.
    """

    def __init__(self, conv: Conv) -> None:
        super().__init__()
        self.conv = conv
        self._layout = list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups
        self._activation: Attributes = (
            ('leaky_relu', [SLOPE], '') if conv.activated else ('none', [], ''))
        # not a buffer: oneDNN's layout cannot be copied or saved
        self._kernels: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()

    @property
    def dtype(self) -> torch.dtype:
        """The numbers that this computes with."""
        return self.conv.dtype

    def forward(self, features: Tensor) -> Tensor:
        """Compute what the Conv does; where gradients are needed, by the Conv itself."""
        if torch.is_grad_enabled():
            return self.conv(features)  # type: ignore[no-any-return]
        shape = tuple(features.shape)
        kernel = self._kernels.get(shape)
        if kernel is None:
            kernel = self._packed(shape)
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            features, kernel, self.conv.bias, *self._layout, *self._activation)
        return result

    def _packed(self, shape: tuple[int, ...]) -> Tensor:
        """Return the kernel in the layout for inputs of this shape, and keep it."""
        reorder: Callable[..., Tensor] = torch._C._nn.mkldnn_reorder_conv2d_weight
        kernel = reorder(self.conv.weight.detach().to_mkldnn(), *self._layout, list(shape))
        self._kernels[shape] = kernel
        if len(self._kernels) > MOST_SIZES:
            self._kernels.popitem(last=False)
        return kernel


def pack(network: nn.Module) -> bool:
    """
    Replace every Conv of a network on the CPU by its PackedLeakyConv; return whether it was done.

    The operators are those that torch's own compiler calls, but no public interface: the network
    stays as it is where this build of torch lacks them or they differ from the plain result.
    """
    dtype = next(network.parameters()).dtype
    if not _faithful(dtype):
        return False
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, Conv):
                setattr(module, name, PackedLeakyConv(child))
    return True


def _faithful(dtype: torch.dtype) -> bool:
    """Return whether a PackedLeakyConv gives the plain result on a small example."""
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        conv = Conv(3, 8, stride=2)
        for tensor in conv.parameters():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.5)
        images = torch.rand(1, 3, 8, 12, generator=generator)
        wanted = conv(images)
        try:
            found = PackedLeakyConv(conv.to(dtype))(images.to(dtype)).float()
        except (RuntimeError, AttributeError, NotImplementedError, TypeError):
            return False
        return bool(torch.allclose(
            found, wanted, atol=1e-5 if dtype == torch.float32 else 0.05))
