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

"""OnnxSsdDetector: the default detector, whose network runs in onnxruntime."""

from __future__ import annotations

from functools import partial

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.detectors.ssd import Run, SsdDetector
from mot_ros.tracking.nets.ssd import SsdMobileNetV3
from mot_ros.tracking.nets.ssd_export import write_raw
from mot_ros.tracking.onnx_backend import digest, OnnxBackend

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
