# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""OnnxSlmEmbedder: re-ID embedding by SLM in onnxruntime."""

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
    """Interface of a network for SlmEmbedder: size of crops, batch size, call."""

    graph: OnnxGraph
    crop: tuple[int, int]
    batch: int

    def __call__(self, crops: Tensor) -> Tensor:
        """Return the embeddings (B, 128) of crops (B, 3, H, W)."""
        embeddings, = self.graph(crops)
        return embeddings


class OnnxSlmEmbedder(SlmEmbedder):
    """
    Embed boxes as SlmEmbedder does, equal up to rounding.

    Exports the network first if the cache of graphs lacks it. Raises the errors of SlmEmbedder,
    and ConfigError if onnxruntime or a package for the export is missing.
    """

    def __init__(
            self, name: str, device: str, compute: Compute = Compute()) -> None:  # noqa: B008
        self._backend = OnnxBackend(device, compute.precision)
        # onnxruntime cannot be captured in a CUDA graph, and crops are float32
        super().__init__(name, str(self._backend.device), Compute(graphs=False))

    def _ready(self, network: AnySlm, compute: Compute) -> AnySlm:
        variant = variant_of(network.state_dict())
        graph = self._backend.graph(
            f'slm-{variant}', digest(network), {}, partial(write_onnx, network, variant),
            most=network.batch)
        self.provider = graph.provider
        """onnxruntime's provider of the network: TensorRT, CUDA or CPU."""
        return cast(AnySlm, OnnxSlm(graph, network.crop, network.batch))
