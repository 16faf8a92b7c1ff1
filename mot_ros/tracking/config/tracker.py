# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Everything that a tracker is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mot_ros.tracking.config import other_trackers
from mot_ros.tracking.config.appearance import AppearanceSettings, CameraMotionSettings
from mot_ros.tracking.config.botsort import BotSortSettings
from mot_ros.tracking.config.bytetrack import ByteTrackSettings
from mot_ros.tracking.config.compute import Compute, PRECISIONS
from mot_ros.tracking.config.deepsort import DeepSortSettings
from mot_ros.tracking.config.detector import DetectorSettings, RegionSettings
from mot_ros.tracking.config.presets import PRESETS
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.config.reasons import LOADED
from mot_ros.tracking.config.schema import group, Setting, setting, SettingsRoot, Value
from mot_ros.tracking.config.sequence import SequenceSettings
from mot_ros.tracking.config.siammot import SiamMotSettings, TracktorSettings
from mot_ros.tracking.config.smiletrack import SmileTrackSettings
from mot_ros.tracking.config.smot import SmotSettings
from mot_ros.tracking.config.sort import SortSettings
from mot_ros.tracking.errors import ConfigError

IMAGE_METHODS = ('siammot', 'tracktor', 'smot')
"""Methods that find their tracks in the image themselves, and do nothing without one."""
BOX_METHODS = ('bytetrack', 'sort', 'smiletrack', 'deepsort', 'botsort')
"""Methods that can do with the boxes of a detector."""
METHODS = (*BOX_METHODS, *IMAGE_METHODS)
APPEARANCE_METHODS = ('smiletrack', 'deepsort', 'botsort')
"""Those of them that look at the image too, unless appearance.type is none."""


@dataclass(frozen=True)
class Settings(SettingsRoot):
    """Everything that a tracker is made from."""

    presets: ClassVar[Mapping[str, Mapping[str, Value]]] = PRESETS

    preset: str = setting(
        'accurate', 'starting point of all other settings', choices=tuple(PRESETS),
        fixed='it would change many settings at once; set those instead')
    method: str = setting('bytetrack', 'tracking method', choices=METHODS)
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
    bytetrack: ByteTrackSettings = group(ByteTrackSettings)
    sort: SortSettings = group(SortSettings)
    appearance: AppearanceSettings = group(AppearanceSettings)
    camera_motion: CameraMotionSettings = group(CameraMotionSettings)
    smiletrack: SmileTrackSettings = group(SmileTrackSettings)
    deepsort: DeepSortSettings = group(DeepSortSettings)
    botsort: BotSortSettings = group(BotSortSettings)
    siammot: SiamMotSettings = group(SiamMotSettings)
    tracktor: TracktorSettings = group(TracktorSettings)
    smot: SmotSettings = group(SmotSettings)

    @property
    def compute(self) -> Compute:
        """How networks run."""
        return Compute(self.precision, self.graphs)

    @property
    def detector_type(self) -> str:
        """The kind of detector, where `auto` means that of the method."""
        if self.detector.type != 'auto':
            return self.detector.type
        return 'rcnn' if self.method in ('siammot', 'tracktor') else 'ssd'

    @classmethod
    def advice(cls, name: str, values: Mapping[str, Any], known: Mapping[str, Setting]) -> str:
        """Return what to write in place of a setting of another tracker, converted."""
        return other_trackers.advice(
            name, values[name], str(values.get('method', known['method'].default)), known)

    def check(self) -> None:
        """Raise ConfigError if thresholds are out of order."""
        self.siammot.check()
        self.smot.check()
        ordered: list[tuple[str, ByteTrackSettings | BotSortSettings | SmileTrackSettings]] = [
            ('bytetrack', self.bytetrack), ('botsort', self.botsort)]
        if self.smiletrack.split == 'fixed':
            ordered.append(('smiletrack', self.smiletrack))
        for name, own in ordered:
            if not own.track_low_thresh <= own.track_high_thresh <= own.new_track_thresh:
                raise ConfigError(
                    f'{name}.track_low_thresh, track_high_thresh and new_track_thresh are '
                    f'{own.track_low_thresh}, {own.track_high_thresh} and {own.new_track_thresh}; '
                    'they must not decrease in this order')
