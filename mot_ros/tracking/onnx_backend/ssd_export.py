# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Export the SSD to ONNX, with decoded boxes and scores or with raw outputs.

Raw outputs are for callers that decode only the few boxes that they need.
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
    """ConvNormActivation with its kernel padded once for features of one size."""

    def __init__(self, conv: ConvNormActivation, cells: tuple[int, int]) -> None:
        super().__init__()
        self.conv = conv
        self.register_buffer('kernel', conv.kernel_for(cells).detach().clone())

    def forward(self, features: Tensor) -> Tensor:
        """Compute what the plain convolution does."""
        conv = self.conv
        return conv.activated(F.conv2d(
            features, self.get_buffer('kernel'), conv.bias, conv.stride, conv.padding,
            groups=conv.groups))


class DecodedSsd(nn.Module):
    """Network with its anchors: boxes xyxy in pixels of its input, and sigmoid scores."""

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
    Export the network for images of `size` (width, height), in batches of any size.

    `names` are those of its columns. The metadata contain what OnnxDetector reads: `layout`,
    `resize`, `pixels`, `names`. The network is modified (its convolutions are replaced) and must
    not be used afterwards. Raises ConfigError if packages for the export are missing.
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
    Export the network as in torch, for images of `size` (width, height) in any number.

    Outputs are logits and deltas of every anchor. The network is modified and must not be used
    afterwards. Raises ConfigError, see check_packages.
    """
    check_packages()
    network = network.eval().requires_grad_(False)
    replace_convs(network, size, FixedConv)
    width, height = size
    save(
        network, [torch.zeros(2, 3, height, width)], path, ['images'], ['logits', 'deltas'],
        [{0: torch.export.Dim('batch', min=1)}], {'network': 'ssd', 'pixels': 'signed'})
