# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings that trackers have whatever their method."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.appearance import AppearanceSettings, CameraMotionSettings
from mot_ros.tracking.config.compute import Compute, PRECISIONS
from mot_ros.tracking.config.detector import DetectorSettings, RegionSettings
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.config.reasons import LOADED
from mot_ros.tracking.config.schema import group, setting, SettingsRoot
from mot_ros.tracking.config.sequence import SequenceSettings


@dataclass(frozen=True)
class CommonSettings(SettingsRoot):
    """Settings that trackers have whatever their method; `method` gets its choices later."""

    method: str
    device: str = setting(
        'auto', "where networks run: 'auto' (the GPU if there is one), 'cpu', 'cuda', 'cuda:1'",
        fixed=LOADED)
    backend: str = setting(
        'torch', "what runs our own networks: PyTorch, or onnxruntime ('onnx'), for which they "
        'are exported once, see docs/speed.md', choices=('torch', 'onnx'), fixed=LOADED)
    precision: str = setting(
        'float32', 'numbers that networks compute with; float16 is for GPUs; boxes and scores are '
        'float32 whatever is chosen', choices=PRECISIONS, fixed=LOADED)
    graphs: bool = setting(
        True, 'on a GPU record the work of a frame once and replay it as a whole (CUDA graphs)',
        fixed=LOADED)
    detect_every: int = setting(
        1, 'the detector looks at one frame in so many; on the others tracks move on as their '
        'motion says', 'frames', minimum=1, maximum=1000)
    mask: str = setting(
        '', 'image file (PNG, JPEG), stretched over the camera image: detections whose centre '
        'lies where it is black are left out')
    sequence: SequenceSettings = group(SequenceSettings)
    roi: RegionSettings = group(RegionSettings)
    detector: DetectorSettings = group(DetectorSettings)
    rcnn: RcnnSettings = group(RcnnSettings)
    appearance: AppearanceSettings = group(AppearanceSettings)
    camera_motion: CameraMotionSettings = group(CameraMotionSettings)

    @property
    def compute(self) -> Compute:
        """How networks run."""
        return Compute(self.precision, self.graphs)
