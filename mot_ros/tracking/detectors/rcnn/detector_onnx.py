# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""OnnxRcnnDetector: SiamMOT's Faster R-CNN and its motion model, run in onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector
from mot_ros.tracking.detectors.rcnn.preprocess import images, network_size
from mot_ros.tracking.detectors.rcnn.roi_heads import inference_fp32, RoiHeads
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.imm import Imm
from mot_ros.tracking.nets.siammot.network import SiamMotNetwork
from mot_ros.tracking.onnx_backend.backend import OnnxBackend
from mot_ros.tracking.onnx_backend.siammot import OnnxSiamMot
from mot_ros.tracking.types import Frame


class OnnxRcnnDetector(RcnnDetector):
    """
    Sees what RcnnDetector sees, with numbers that differ by rounding.

    Each size of image has graphs of its own. What is not among the exported ones is written
    there when it is first needed, which takes the first frames of a size some seconds. Raises
    what RcnnDetector does, and ConfigError where onnxruntime or a package to export is missing.
    """

    def __init__(
            self, settings: RcnnSettings, device: str = 'auto',
            classes: Sequence[str] = (), compute: Compute = Compute()) -> None:  # noqa: B008
        backend = OnnxBackend(device, compute.precision)
        # the network in torch stays on the CPU, to be exported
        super().__init__(settings, 'cpu', classes, fixed=False)
        self.device = backend.device
        self._onnx = OnnxSiamMot(self._network, Selection(
            settings.per_level, settings.proposals, settings.proposal_overlap, settings.amodal),
            backend)

    @property
    def provider(self) -> str:
        """What runs the network: TensorRT, CUDA or CPU; empty before the first image."""
        return self._onnx.provider

    @property
    def motion(self) -> Emm | Imm | None:
        """The motion model beside the detector, None if the file has none."""
        return self._onnx.motion

    def see(self, frame: Frame, *, find: bool = True) -> RoiHeads:
        """Compute the features of a frame, once for all questions; FrameError without image."""
        settings, body = self._settings, self._onnx.body
        size = network_size(frame.size, settings.short_side, settings.long_side)
        with inference_fp32(self.device):
            features = self._onnx.features(
                images([frame], size, body.mean, body.std, self.device))
        return RoiHeads(
            cast(SiamMotNetwork, self._onnx), features, size, frame.size, self._classes,
            self._wanted,
            settings)
