# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""FrozenBatchNorm: BatchNorm whose statistics and affine map never change, as maskrcnn has it."""

from __future__ import annotations

import copy

import torch
from torch import nn, Tensor
from torch.nn.utils.fusion import fuse_conv_bn_weights


class FrozenBatchNorm(nn.Module):
    """
    One affine map per channel: y = x s + (bias - running_mean s), s = weight / sqrt(running_var).

    Without the epsilon of an ordinary BatchNorm, whose weights therefore have to be brought in
    with it added to their variance. All four tensors are buffers: training leaves them alone.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer('weight', torch.ones(width))
        self.register_buffer('bias', torch.zeros(width))
        self.register_buffer('running_mean', torch.zeros(width))
        self.register_buffer('running_var', torch.ones(width))

    def forward(self, features: Tensor) -> Tensor:
        """Map features (B, width, H, W), the same shape."""
        scale, shift = self.affine()
        return features * scale[:, None, None] + shift[:, None, None]

    def affine(self) -> tuple[Tensor, Tensor]:
        """Return scale and shift, (width,) each."""
        scale = self.get_buffer('weight') / self.get_buffer('running_var').sqrt()
        return scale, self.get_buffer('bias') - self.get_buffer('running_mean') * scale


def fused(conv: nn.Conv2d, norm: FrozenBatchNorm) -> nn.Conv2d:
    """Return one convolution that does what `conv` and then `norm` do; both stay as they are."""
    both = copy.deepcopy(conv)
    both.weight, both.bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, norm.get_buffer('running_mean'),
        norm.get_buffer('running_var'), 0, norm.get_buffer('weight'), norm.get_buffer('bias'))
    return both


def fuse_norms(network: nn.Module) -> int:
    """
    Work every FrozenBatchNorm into the convolution before it, in place; return how many.

    For inference: the network computes the same, faster, but its tensors no longer have their
    names. A norm belongs to the convolution that its parent registers right before it.
    """
    count = 0
    for parent in list(network.modules()):
        last: tuple[str, nn.Module] = ('', parent)
        for name, child in list(parent.named_children()):
            if isinstance(child, FrozenBatchNorm) and isinstance(last[1], nn.Conv2d):
                setattr(parent, last[0], fused(last[1], child))
                setattr(parent, name, nn.Identity())
                count += 1
            last = name, child
    return count
