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

"""SLM as an ONNX file: crops in, embeddings out."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from mot_ros.tracking.nets.onnx_export import check_packages, save
from mot_ros.tracking.nets.packed import replace_convs
from mot_ros.tracking.nets.slms import AnySlm
from mot_ros.tracking.nets.ssd_export import FixedConv


def write_onnx(network: AnySlm, variant: str, path: Path) -> None:
    """
    Write a network of this variant for any number of crops, as it takes them in torch.

    The network is used up. Raises ConfigError where the packages that torch needs for it are
    missing.
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
