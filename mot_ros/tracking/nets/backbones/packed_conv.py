# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Convolutions packed for oneDNN on a CPU: half the time of eager torch, equal results."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import nn, Tensor

from mot_ros.tracking.nets.backbones.mobilenet_v3 import (
    ConvNormActivation,
    InvertedResidual,
    SqueezeExcite,
)

_ACTIVATIONS: dict[str, tuple[str, list[float]]] = {
    '': ('none', []),
    'relu': ('relu', []),
    'relu6': ('hardtanh', [0.0, 6.0]),
    'hardswish': ('hardswish', []),
}


class PackedConv(nn.Module):
    """
    Convolution for inference with features of one size.

    The kernel is kept in oneDNN's layout, instead of being reordered in every call, and the
    activation is fused. Other sizes, and calls that need gradients, use the plain convolution.
    """

    def __init__(self, conv: ConvNormActivation, cells: tuple[int, int]) -> None:
        super().__init__()
        self.conv = conv
        self._cells = cells
        self._layout = list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups
        # not a buffer: oneDNN's layout cannot be copied or saved
        reorder: Callable[..., Tensor] = torch._C._nn.mkldnn_reorder_conv2d_weight
        self._kernel = reorder(
            conv.kernel_for(cells).detach().to_mkldnn(), *self._layout,
            [1, conv.in_channels, *cells])

    def forward(self, features: Tensor) -> Tensor:
        """Compute what the plain convolution does."""
        if tuple(features.shape[-2:]) != self._cells or torch.is_grad_enabled():
            return self.conv(features)  # type: ignore[no-any-return]
        return self.applied(features, self._kernel)

    def applied(self, features: Tensor, kernel: Tensor) -> Tensor:
        """Convolve with any kernel of this shape, packed or not."""
        name, numbers = _ACTIVATIONS[self.conv.activation]
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            features, kernel, self.conv.bias, *self._layout, name, numbers, '')
        return result


class Gated(nn.Module):
    """
    Squeeze-and-excite and the 1 x 1 convolution after it, in lower precision.

    Scaling the kernel's channels instead of the features' is equivalent for a single image, saves
    a pass over the features, and does not round the gate.
    """

    def __init__(self, squeeze: SqueezeExcite, project: PackedConv) -> None:
        super().__init__()
        self.squeeze = squeeze
        self.project = project

    def forward(self, features: Tensor) -> Tensor:
        """Compute what the two modules do."""
        if len(features) > 1 or torch.is_grad_enabled():
            return self.project(self.squeeze(features))  # type: ignore[no-any-return]
        kernel = self.project.conv.weight * self.squeeze.gate(features)
        return self.project.applied(features, kernel.to(features.dtype))


def pack(network: nn.Module, size: tuple[int, int]) -> bool:
    """
    Replace every ConvNormActivation of a network on the CPU by a PackedConv; return success.

    `size` is the (width, height) of the images to come. The operators are those that torch's own
    compiler emits, not a public interface: if this build of torch lacks them, or they fail on a
    small example, the network stays unchanged.
    """
    dtype = next(network.parameters()).dtype
    if not _faithful(dtype):
        return False
    replace_convs(network, size, PackedConv)
    for block in list(network.modules()):
        if (dtype != torch.float32 and isinstance(block, InvertedResidual)
                and isinstance(block.squeeze, SqueezeExcite)):
            block.project = Gated(block.squeeze, cast(PackedConv, block.project))
            block.squeeze = nn.Identity()
    return True


def replace_convs(
        network: nn.Module, size: tuple[int, int],
        make: Callable[[ConvNormActivation, tuple[int, int]], nn.Module]) -> None:
    """Replace every convolution by `make(conv, (rows, columns) of its input)`."""
    cells: dict[nn.Module, tuple[int, int]] = {}

    def note(module: nn.Module, inputs: tuple[Tensor]) -> None:
        rows, columns = inputs[0].shape[-2:]
        cells[module] = rows, columns

    hooks = [
        module.register_forward_pre_hook(note)
        for module in network.modules() if isinstance(module, ConvNormActivation)]
    with torch.inference_mode():
        network(torch.zeros(1, 3, size[1], size[0]))
    for hook in hooks:
        hook.remove()
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ConvNormActivation):
                setattr(parent, name, make(child, cells[child]))


def _faithful(dtype: torch.dtype) -> bool:
    """Compare a few packed convolutions with plain ones, in the network's precision."""
    # the last bits of the mantissa of a result of about 30 may differ
    close = 1e-4 if dtype == torch.float32 else 0.25
    for activation in _ACTIVATIONS:
        conv = ConvNormActivation(8, 8, 3, 2, groups=8, activation=activation)
        conv.lower(dtype)
        features = torch.linspace(-9, 9, 8 * 12 * 10, dtype=dtype).reshape(1, 8, 12, 10)
        try:
            with torch.inference_mode():
                plain, packed = conv(features), PackedConv(conv, (12, 10))(features)
        except (AttributeError, RuntimeError):
            return False
        if not torch.allclose(plain, packed, atol=close):
            return False
    return True
