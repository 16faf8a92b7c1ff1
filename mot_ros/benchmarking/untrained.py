# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Write files of random weights: their detections mean nothing, their times are realistic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors.torch import save_file
import torch
from torch import nn

from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.tracking.nets.slm.variants import make_slm
from mot_ros.tracking.nets.ssd.gluon import GluonSsd


def write_siammot(folder: Path, body: str = 'dla34') -> Path:
    """Write a SiamMOT of the published size, the same every time; ConfigError for no body."""
    return _written(folder / f'{body}.safetensors', Architecture(body).make)


def write_slm(folder: Path, variant: str = 'code') -> Path:
    """Write an SLM of a variant; ConfigError if there is none."""
    return _written(folder / f'slm-{variant}.safetensors', lambda: make_slm(variant))


def write_gluon_ssd(folder: Path, body: str = 'resnet34_v1b') -> Path:
    """Write an SSD of GluonCV for people; ConfigError for a body that there is not."""
    return _written(
        folder / f'ssd-{body}.safetensors', lambda: GluonSsd(body, 1),
        {'body': body, 'classes': '1'})


def _written(
        file: Path, make: Callable[[], nn.Module], metadata: Mapping[str, str] | None = None
        ) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make()
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, file, dict(metadata or {}))
    return file
