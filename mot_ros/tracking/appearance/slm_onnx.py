# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""OnnxSlmEmbedder: appearance by SLM, whose network runs in onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import cast

from torch import Tensor

from mot_ros.tracking.appearance.slm import SlmEmbedder
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.nets.slm.variants import AnySlm, variant_of
from mot_ros.tracking.onnx_backend.backend import digest, OnnxBackend
from mot_ros.tracking.onnx_backend.module import OnnxGraph
from mot_ros.tracking.onnx_backend.slm_export import write_onnx


@dataclass(frozen=True)
class OnnxSlm:
    """What an embedder asks of a network: the size of crops, how many at once, and to run."""

    graph: OnnxGraph
    crop: tuple[int, int]
    batch: int

    def __call__(self, crops: Tensor) -> Tensor:
        """Embed crops (B, 3, H, W), (B, 128)."""
        embeddings, = self.graph(crops)
        return embeddings


class OnnxSlmEmbedder(SlmEmbedder):
    """
    Embeds boxes as SlmEmbedder does, with numbers that differ by rounding.

    Where the network is not among the exported ones, it is written there first. Raises what
    SlmEmbedder does, and ConfigError where onnxruntime or a package to export is missing.
    """

    def __init__(
            self, name: str, device: str, compute: Compute = Compute()) -> None:  # noqa: B008
        self._backend = OnnxBackend(device, compute.precision)
        # no graph of CUDA can be recorded across onnxruntime, and crops come in float32
        super().__init__(name, str(self._backend.device), Compute(graphs=False))

    def _ready(self, network: AnySlm, compute: Compute) -> AnySlm:
        variant = variant_of(network.state_dict())
        graph = self._backend.graph(
            f'slm-{variant}', digest(network), {}, partial(write_onnx, network, variant),
            most=network.batch)
        self.provider = graph.provider
        """What runs the network: TensorRT, CUDA or CPU."""
        return cast(AnySlm, OnnxSlm(graph, network.crop, network.batch))
