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
"""The last blocks at strides 4, 8, 16 and 32; of block 12 the expansion before its stride."""
CHANNELS = (BLOCKS[2].out, BLOCKS[5].out, BLOCKS[12].hidden, BLOCKS[14].out)


GREY = 64
"""Side in pixels of the grey image on which channel means are measured."""


class ConvNormActivation(nn.Conv2d):
    """
    Convolution with TensorFlow's SAME padding, followed by the activation.

    The output has ceil(size / stride) cells. BatchNorm is folded into weight and bias at import:
    its statistics are fixed in detection training too, and the affine map that remains is as
    trainable.
    """

    def __init__(
            self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1,
            groups: int = 1, activation: str = '') -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, groups=groups)
        self.activation = activation

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Convolve (B, inputs, H, W) into (B, outputs, ceil(H / stride), ceil(W / stride))."""
        bias = cast(Tensor, self.bias)
        # see lower; torch's own convolution needs weight and bias of one dtype
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

        With stride 2 and an even size, SAME pads one cell less before the features than after
        them. Zeros before the kernel have the same effect with symmetric padding, without a padded
        copy of the features.
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
        Convert the weight to a lower precision, see nets/ops/precision.py.

        With the `mean` (inputs,) of each input channel, the bias compensates the rounding of the
        weight. The bias stays float32 on a CPU, as oneDNN accepts it: rounding it would shift
        whole maps.
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
    """Weight channels by their global average (squeeze-and-excite)."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.reduce = ConvNormActivation(channels, inner, activation='relu')
        self.widen = ConvNormActivation(inner, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Scale (B, channels, H, W)."""
        # in place without gradients: memory traffic dominates the time here
        scale = torch.mul if torch.is_grad_enabled() else Tensor.mul_
        scaled: Tensor = scale(features, self.gate(features).to(features.dtype))
        return scaled

    def gate(self, features: Tensor) -> Tensor:
        """Return the channels' factors, (B, channels, 1, 1) float32."""
        mean = features.mean((2, 3), keepdim=True, dtype=torch.float32)
        return F.hardsigmoid(self.widen(self.reduce(mean)))

    def lower(self, dtype: torch.dtype) -> None:
        """Keep float32, since one number here scales a whole map."""


class InvertedResidual(nn.Module):
    """Expand, filter per channel, squeeze-and-excite, project; with a residual if shapes agree."""

    def __init__(self, inputs: int, block: Block) -> None:
        super().__init__()
        # the first block needs no expansion
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
        """Return the output and the expanded features."""
        wide = self.expand(features)
        output = self.project(self.squeeze(self.depthwise(wide)))
        if self.residual:
            output = output + features if torch.is_grad_enabled() else output.add_(features)
        return output, wide


class MobileNetV3(nn.Module):
    """Stem and blocks, for networks that add heads."""

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
                # the last map of stride 16 is the expansion inside the block that halves it
                found.append(wide if BLOCKS[index].stride == 2 else features)
        return found

    def lower(self, dtype: torch.dtype) -> None:
        """
        Convert all weights but those of gates to a lower precision, see nets/ops/precision.py.

        Channel means are measured on a grey image: images differ from it by much less than
        channels from each other, and it is always available.
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
