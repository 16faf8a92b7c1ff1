# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Export SLM to ONNX: crops in, embeddings out."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from mot_ros.tracking.nets.backbones.packed_conv import replace_convs
from mot_ros.tracking.nets.slm.variants import AnySlm
from mot_ros.tracking.onnx_backend.export import check_packages, save
from mot_ros.tracking.onnx_backend.ssd_export import FixedConv


def write_onnx(network: AnySlm, variant: str, path: Path) -> None:
    """
    Export a network of this variant for any number of crops, with its input as in torch.

    The network is modified and must not be used afterwards. Raises ConfigError if packages for the
    export are missing.
    """
    check_packages()
    network.eval().requires_grad_(False).fold()
    width, height = network.crop
    replace_convs(network, network.crop, FixedConv)
    save(
        network, [torch.zeros(2, 3, height, width)], path, ['crops'], ['embeddings'],
        [{0: torch.export.Dim('crops', min=1)}], {
            'network': 'slm', 'variant': variant, 'crop': json.dumps(network.crop),
            'pixels': 'bgr255'})
