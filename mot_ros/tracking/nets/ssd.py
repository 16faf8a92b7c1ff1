# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""SSD-MobileNetV3-Large as the TensorFlow detection zoo trained it on COCO (2020-01-14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, NamedTuple

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.anchors import anchor_shapes

BACKGROUND_AND_CLASSES = 91
"""Columns of the class scores: 0 is the background, k is category id k of COCO."""


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
TAIL = 480
TAPPED = 12
"""The block whose widened features, before its stride, feed the first predictor."""
EXTRAS = ((256, 512), (128, 256), (128, 256), (64, 128))
"""Inner and outer channels of the levels after the backbone, each half the size of the last."""


class Conv(nn.Conv2d):
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
        output = F.conv2d(
            input, self.kernel_for(input.shape[-2:]), self.bias, self.stride, self.padding,
            groups=self.groups)
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


class SqueezeExcite(nn.Module):
    """Weigh channels by what the whole image holds of them."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.reduce = Conv(channels, inner, activation='relu')
        self.widen = Conv(inner, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Scale (B, channels, H, W)."""
        gate = self.widen(self.reduce(features.mean((2, 3), keepdim=True)))
        # in place where nothing will ask for the features again: memory is what takes time here
        scale = torch.mul if torch.is_grad_enabled() else Tensor.mul_
        scaled: Tensor = scale(features, F.hardsigmoid(gate))
        return scaled


class InvertedResidual(nn.Module):
    """Widen, filter each channel, weigh channels, narrow; added to the input where it fits."""

    def __init__(self, inputs: int, block: Block) -> None:
        super().__init__()
        # the first block is as wide as its input, so there is nothing to widen
        self.expand = (
            Conv(inputs, block.hidden, activation=block.activation)
            if block.hidden != inputs else nn.Identity())
        self.depthwise = Conv(
            block.hidden, block.hidden, block.kernel, block.stride, block.hidden,
            block.activation)
        self.squeeze = (
            SqueezeExcite(block.hidden, block.squeeze) if block.squeeze else nn.Identity())
        self.project = Conv(block.hidden, block.out)
        self.residual = block.stride == 1 and inputs == block.out

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output and the widened features inside."""
        wide = self.expand(features)
        output = self.project(self.squeeze(self.depthwise(wide)))
        if self.residual:
            output = output + features if torch.is_grad_enabled() else output.add_(features)
        return output, wide


class Predictor(nn.Sequential):
    """A depthwise and a pointwise convolution that end in `outputs` numbers per cell."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = Conv(inputs, inputs, 3, groups=inputs, activation='relu6')
        self.pointwise = Conv(inputs, outputs)


class SsdMobileNetV3(nn.Module):
    """
    Images to class logits and box deltas of every anchor, at any input size.

    Images are (B, 3, H, W) float32 RGB, (x - 127.5) / 127.5. Scores are independent sigmoids
    of the logits, not a softmax: a class can be left out without changing the others.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shapes = anchor_shapes()
        self.columns = BACKGROUND_AND_CLASSES
        self.stem = Conv(3, STEM, 3, 2, activation='hardswish')
        widths = (STEM, *(block.out for block in BLOCKS))
        self.blocks = nn.ModuleList(
            InvertedResidual(width, block)
            for width, block in zip(widths[:-1], BLOCKS, strict=True))
        self.tail = Conv(widths[-1], TAIL, activation='hardswish')
        extras, width = [], TAIL
        for inner, outer in EXTRAS:
            extras.append(nn.Sequential(
                Conv(width, inner, activation='relu6'),
                Conv(inner, inner, 3, 2, inner, 'relu6'),
                Conv(inner, outer, activation='relu6')))
            width = outer
        self.extras = nn.ModuleList(extras)
        levels = (BLOCKS[TAPPED].hidden, TAIL, *(outer for _, outer in EXTRAS))
        counts = [len(shapes) for shapes in self.shapes]
        self.class_heads = nn.ModuleList(
            Predictor(width, count * self.columns)
            for width, count in zip(levels, counts, strict=True))
        self.box_heads = nn.ModuleList(
            Predictor(width, count * 4) for width, count in zip(levels, counts, strict=True))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, A, columns) and deltas (B, A, 4) of (B, 3, H, W) images."""
        features = self.stem(images)
        for index, block in enumerate(self.blocks):
            features, wide = block(features)
            if index == TAPPED:
                levels = [wide]
        levels.append(self.tail(features))
        for extra in self.extras:
            levels.append(extra(levels[-1]))
        return (
            _per_anchor(self.class_heads, levels, self.columns),
            _per_anchor(self.box_heads, levels, 4))

    def cells(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Return (rows, columns) of every level for an input of (width, height)."""
        width, height = size
        strides = [16 << level for level in range(len(self.shapes))]
        # halving with rounding up, again and again, is dividing once with rounding up
        return [(-(-height // stride), -(-width // stride)) for stride in strides]

    def keep_columns(self, columns: Sequence[int]) -> None:
        """
        Compute only these columns of the logits from now on, in this order.

        Exact, since each score is a sigmoid of its own; one class out of 91 saves a fifth of
        the work.
        """
        for head, shapes in zip(self.class_heads, self.shapes, strict=True):
            cast(Predictor, head).pointwise.keep_outputs([
                anchor * self.columns + column
                for anchor in range(len(shapes)) for column in columns])
        self.columns = len(columns)


def _per_anchor(heads: nn.ModuleList, levels: Sequence[Tensor], width: int) -> Tensor:
    """Run one head per level and lay its numbers out as (B, A, width)."""
    return torch.cat([
        head(level).permute(0, 2, 3, 1).reshape(level.shape[0], -1, width)
        for head, level in zip(heads, levels, strict=True)], dim=1)
