# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""MobileNetV3-Large with the reduced tail of TensorFlow's detection zoo (arXiv 1905.02244)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, NamedTuple

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.ops.precision import rounded, suiting


class Block(NamedTuple):
    """One row of the backbone's table: an inverted residual (arXiv 1905.02244, table 1)."""

    kernel: int
    stride: int
    hidden: int
    out: int
    squeeze: int
    """Channels inside squeeze-and-excite, 0 for none."""
    activation: str


BLOCKS = (
    Block(3, 1, 16, 16, 0, 'relu'),
    Block(3, 2, 64, 24, 0, 'relu'),
    Block(3, 1, 72, 24, 0, 'relu'),
    Block(5, 2, 72, 40, 24, 'relu'),
    Block(5, 1, 120, 40, 32, 'relu'),
    Block(5, 1, 120, 40, 32, 'relu'),
    Block(3, 2, 240, 80, 0, 'hardswish'),
    Block(3, 1, 200, 80, 0, 'hardswish'),
    Block(3, 1, 184, 80, 0, 'hardswish'),
    Block(3, 1, 184, 80, 0, 'hardswish'),
    Block(3, 1, 480, 112, 120, 'hardswish'),
    Block(3, 1, 672, 112, 168, 'hardswish'),
    # from here on half as wide as in the paper: the zoo's reduced tail for detection
    Block(5, 2, 672, 80, 168, 'hardswish'),
    Block(5, 1, 480, 80, 120, 'hardswish'),
    Block(5, 1, 480, 80, 120, 'hardswish'),
)
STEM = 16
TAPPED = (2, 5, 12, 14)
"""The last blocks at strides 4, 8, 16 and 32; of block 12 what it widens before its stride."""
CHANNELS = (BLOCKS[2].out, BLOCKS[5].out, BLOCKS[12].hidden, BLOCKS[14].out)


GREY = 64
"""Side in pixels of the image on which usual features are measured."""


class ConvNormActivation(nn.Conv2d):
    """
    Convolution with TensorFlow's SAME padding, and the activation after it.

    The output has ceil(size / stride) cells. BatchNorm is folded into weight and bias when
    weights are imported: its statistics stay fixed in detection training too, and one affine
    map, as trainable as before, is all that is left of it.
    """

    def __init__(
            self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1,
            groups: int = 1, activation: str = '') -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, groups=groups)
        self.activation = activation

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Convolve (B, inputs, H, W) into (B, outputs, ceil(H / stride), ceil(W / stride))."""
        bias = cast(Tensor, self.bias)
        # see lower; torch's own convolution takes no bias of other numbers than the weight's
        apart = bias.dtype != self.weight.dtype
        output = F.conv2d(
            input, self.kernel_for(input.shape[-2:]), None if apart else bias, self.stride,
            self.padding, groups=self.groups)
        if apart:
            output = (output + bias[:, None, None]).to(input.dtype)
        return self.activated(output)

    def activated(self, output: Tensor) -> Tensor:
        """Apply the activation, in place where no gradient needs the convolution's output."""
        inplace = not torch.is_grad_enabled()
        if self.activation == 'relu':
            return F.relu(output, inplace)
        if self.activation == 'relu6':
            return F.relu6(output, inplace)
        if self.activation == 'hardswish':
            return F.hardswish(output, inplace)
        return output

    def kernel_for(self, cells: Sequence[int]) -> Tensor:
        """
        Return the kernel for features of (rows, columns).

        With stride 2 and an even size, SAME wants one cell less of padding before the features
        than after them. Zeros before the kernel do the same to symmetric padding, and spare a
        padded copy of the features.
        """
        if self.stride == (1, 1):
            return self.weight
        rows, columns = cells
        return F.pad(self.weight, (1 - columns % 2, 0, 1 - rows % 2, 0))

    def keep_outputs(self, channels: Sequence[int]) -> None:
        """Compute only these output channels from now on, in this order."""
        index = torch.tensor(channels, device=self.weight.device)
        weight, bias = self.weight, cast(Tensor, self.bias)
        self.weight = nn.Parameter(weight.detach()[index], weight.requires_grad)
        self.bias = nn.Parameter(bias.detach()[index], bias.requires_grad)
        self.out_channels = len(channels)

    def lower(self, dtype: torch.dtype, mean: Tensor | None = None) -> None:
        """
        Bring the weight to lower numbers, see nets/precision.py.

        With the usual `mean` (inputs,) of each channel that comes in, the bias makes up for what
        rounding the weight does to it. The bias is float32 on a CPU, where oneDNN takes it so:
        rounded it moves whole maps.
        """
        weight, bias = self.weight.detach(), cast(Tensor, self.bias)
        depthwise = self.groups == self.in_channels > 1
        lowered = (rounded if depthwise else Tensor.to)(weight, dtype)
        if mean is not None and not depthwise:
            bias.data = bias.detach() + (weight - lowered).sum((2, 3)) @ mean
        self.weight.data = lowered
        if bias.device.type != 'cpu':
            bias.data = bias.detach().to(dtype)


class SqueezeExcite(nn.Module):
    """Weigh channels by what the whole image holds of them."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.reduce = ConvNormActivation(channels, inner, activation='relu')
        self.widen = ConvNormActivation(inner, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Scale (B, channels, H, W)."""
        # in place where nothing will ask for the features again: memory is what takes time here
        scale = torch.mul if torch.is_grad_enabled() else Tensor.mul_
        scaled: Tensor = scale(features, self.gate(features).to(features.dtype))
        return scaled

    def gate(self, features: Tensor) -> Tensor:
        """Return what channels are to be multiplied by, (B, channels, 1, 1) float32."""
        mean = features.mean((2, 3), keepdim=True, dtype=torch.float32)
        return F.hardsigmoid(self.widen(self.reduce(mean)))

    def lower(self, dtype: torch.dtype) -> None:
        """Stay in float32: one number here is one for a whole map."""


class InvertedResidual(nn.Module):
    """Widen, filter each channel, weigh channels, narrow; added to the input where it fits."""

    def __init__(self, inputs: int, block: Block) -> None:
        super().__init__()
        # the first block is as wide as its input, so there is nothing to widen
        self.expand = (
            ConvNormActivation(inputs, block.hidden, activation=block.activation)
            if block.hidden != inputs else nn.Identity())
        self.depthwise = ConvNormActivation(
            block.hidden, block.hidden, block.kernel, block.stride, block.hidden,
            block.activation)
        self.squeeze = (
            SqueezeExcite(block.hidden, block.squeeze) if block.squeeze else nn.Identity())
        self.project: nn.Module = ConvNormActivation(block.hidden, block.out)
        self.residual = block.stride == 1 and inputs == block.out

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output and the widened features inside."""
        wide = self.expand(features)
        output = self.project(self.squeeze(self.depthwise(wide)))
        if self.residual:
            output = output + features if torch.is_grad_enabled() else output.add_(features)
        return output, wide


class MobileNetV3(nn.Module):
    """Stem and blocks, for networks that add their own tensors beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNormActivation(3, STEM, 3, 2, activation='hardswish')
        widths = (STEM, *(block.out for block in BLOCKS))
        self.blocks = nn.ModuleList(
            InvertedResidual(width, block)
            for width, block in zip(widths[:-1], BLOCKS, strict=True))

    def levels(self, images: Tensor) -> list[Tensor]:
        """
        Return features at strides 4, 8, 16 and 32 of images (B, 3, H, W), sizes rounded up.

        Images are float32 RGB, (x - 127.5) / 127.5.
        """
        features = self.stem(suiting(images, self.stem))
        found: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            features, wide = block(features)
            if index in TAPPED:
                # the last map of stride 16 that the blocks have is inside the one that halves it
                found.append(wide if BLOCKS[index].stride == 2 else features)
        return found

    def lower(self, dtype: torch.dtype) -> None:
        """
        Bring all weights to lower numbers, those of gates apart, see nets/precision.py.

        What channels usually hold is measured on a grey image: other pictures differ from it by
        much less than channels do from each other, and anybody has it.
        """
        means: dict[nn.Module, Tensor] = {}

        def note(conv: nn.Module, inputs: tuple[Tensor]) -> None:
            means[conv] = inputs[0].mean((0, 2, 3))

        convs = [conv for conv in self.modules() if isinstance(conv, ConvNormActivation)]
        hooks = [conv.register_forward_pre_hook(note) for conv in convs]
        with torch.inference_mode():
            self(torch.zeros(1, 3, GREY, GREY, device=self.stem.weight.device))
        for hook in hooks:
            hook.remove()
        gates = {
            conv for module in self.modules() if isinstance(module, SqueezeExcite)
            for conv in module.children()}
        for conv in convs:
            if conv not in gates:
                conv.lower(dtype, means[conv])
