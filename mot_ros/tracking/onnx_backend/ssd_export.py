# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The SSD as an ONNX file: images in, decoded boxes and scores out, metadata that say so.

Or with what the network itself gives, for those who decode only the few boxes that they need.
"""

from __future__ import annotations

from collections.abc import Sequence
import json
from pathlib import Path

import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.backbones.mobilenet_v3 import ConvNormActivation
from mot_ros.tracking.nets.backbones.packed_conv import replace_convs
from mot_ros.tracking.nets.ssd.anchors import decode, make_anchors
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.onnx_backend.export import check_packages, save


class FixedConv(nn.Module):
    """A Conv whose kernel is padded once, for features of one size, and not in every call."""

    def __init__(self, conv: ConvNormActivation, cells: tuple[int, int]) -> None:
        super().__init__()
        self.conv = conv
        self.register_buffer('kernel', conv.kernel_for(cells).detach().clone())

    def forward(self, features: Tensor) -> Tensor:
        """Do what the plain convolution does."""
        conv = self.conv
        return conv.activated(F.conv2d(
            features, self.get_buffer('kernel'), conv.bias, conv.stride, conv.padding,
            groups=conv.groups))


class DecodedSsd(nn.Module):
    """The network with its anchors: boxes xyxy in pixels of its input, and sigmoid scores."""

    def __init__(self, network: SsdMobileNetV3, size: tuple[int, int]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer(
            'anchors', make_anchors(network.shapes, network.cells(size), size))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes (B, A, 4) and scores (B, A, C) of (B, 3, H, W) images in [-1, 1]."""
        logits, deltas = self.network(images)
        return decode(deltas, self.get_buffer('anchors')), torch.sigmoid(logits)


def write_onnx(
        network: SsdMobileNetV3, size: tuple[int, int], names: Sequence[str],
        path: Path) -> None:
    """
    Write the network as an ONNX file for images of `size` (width, height), in batches of any size.

    `names` are those of its columns. The network is used up: its convolutions are replaced.
    The metadata hold what an ONNX detector has to know: `layout`, `resize`, `pixels`, `names`.
    Raises ConfigError where the packages that torch needs for it are missing.
    """
    check_packages()
    network = network.eval().requires_grad_(False)
    replace_convs(network, size, FixedConv)
    width, height = size
    save(
        DecodedSsd(network, size), [torch.zeros(2, 3, height, width)], path, ['images'],
        ['boxes', 'scores'], [{0: torch.export.Dim('batch', min=1)}], {
            'layout': 'ssd_pixels', 'resize': 'stretch', 'pixels': 'signed',
            'names': json.dumps(list(names))})


def write_raw(network: SsdMobileNetV3, size: tuple[int, int], path: Path) -> None:
    """
    Write the network as it is in torch, for images of `size` (width, height) in any number.

    The graph gives logits and deltas of every anchor. The network is used up. Raises ConfigError,
    see check_packages.
    """
    check_packages()
    network = network.eval().requires_grad_(False)
    replace_convs(network, size, FixedConv)
    width, height = size
    save(
        network, [torch.zeros(2, 3, height, width)], path, ['images'], ['logits', 'deltas'],
        [{0: torch.export.Dim('batch', min=1)}], {'network': 'ssd', 'pixels': 'signed'})
