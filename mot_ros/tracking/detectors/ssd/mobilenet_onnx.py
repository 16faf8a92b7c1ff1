# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""OnnxSsdDetector: the default detector in onnxruntime."""

from __future__ import annotations

from functools import partial

from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.detectors.ssd.mobilenet import Run, SsdDetector
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.onnx_backend.backend import digest, OnnxBackend
from mot_ros.tracking.onnx_backend.ssd_export import write_raw

IMAGES = 8
"""Largest batch of images."""


class OnnxSsdDetector(SsdDetector):
    """
    Detect as SsdDetector does, equal up to rounding.

    Exports the network first if the cache of graphs lacks it. Raises the errors of SsdDetector,
    and ConfigError if onnxruntime or a package for the export is missing.
    """

    def __init__(
            self, settings: DetectorSettings, device: str = 'auto',
            compute: Compute = Compute(),  # noqa: B008
            fixed: bool | None = None) -> None:
        self._backend = OnnxBackend(device, compute.precision)
        # onnxruntime cannot be captured in a CUDA graph, and images are float32
        super().__init__(settings, str(self._backend.device), Compute(graphs=False), fixed)

    def _ready(self, network: SsdMobileNetV3, compute: Compute) -> Run:
        width, height = self._size
        graph = self._backend.graph(
            f'ssd-{width}x{height}', digest(network), {'size': self._size},
            partial(write_raw, network, self._size), most=IMAGES)
        self.provider = graph.provider
        """onnxruntime's provider of the network: TensorRT, CUDA or CPU."""
        return graph


def make(settings: Settings) -> OnnxSsdDetector:
    """Load the detector that the settings name."""
    return OnnxSsdDetector(settings.detector, settings.device, settings.compute)
