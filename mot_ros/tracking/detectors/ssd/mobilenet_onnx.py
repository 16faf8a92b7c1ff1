# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""OnnxSsdDetector: the default detector, whose network runs in onnxruntime."""

from __future__ import annotations

from functools import partial

from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.detectors.ssd.mobilenet import Run, SsdDetector
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.onnx_backend.backend import digest, OnnxBackend
from mot_ros.tracking.onnx_backend.ssd_export import write_raw

IMAGES = 8
"""Images that go through the network together at most."""


class OnnxSsdDetector(SsdDetector):
    """
    Finds what SsdDetector finds, with numbers that differ by rounding.

    Where the network is not among the exported ones, it is written there first. Raises what
    SsdDetector does, and ConfigError where onnxruntime or a package to export is missing.
    """

    def __init__(
            self, settings: DetectorSettings, device: str = 'auto',
            compute: Compute = Compute(),  # noqa: B008
            fixed: bool | None = None) -> None:
        self._backend = OnnxBackend(device, compute.precision)
        # no graph of CUDA can be recorded across onnxruntime, and images come in float32
        super().__init__(settings, str(self._backend.device), Compute(graphs=False), fixed)

    def _ready(self, network: SsdMobileNetV3, compute: Compute) -> Run:
        width, height = self._size
        graph = self._backend.graph(
            f'ssd-{width}x{height}', digest(network), {'size': self._size},
            partial(write_raw, network, self._size), most=IMAGES)
        self.provider = graph.provider
        """What runs the network: TensorRT, CUDA or CPU."""
        return graph


def make(settings: Settings) -> OnnxSsdDetector:
    """Load the detector that the settings name."""
    return OnnxSsdDetector(settings.detector, settings.device, settings.compute)
