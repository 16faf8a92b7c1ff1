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

"""Every setting of every method: the only home of defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.settings import group, setting, SettingsRoot, Value

METHODS = ('bytetrack', 'sort')


@dataclass(frozen=True)
class SequenceSettings:
    """When a stamp means a new frame, a repeated one, or a new beginning."""

    jump_back: float = setting(
        1.0, 'a stamp older than the last one by more than this is a bag loop: full reset',
        's', minimum=0.0)
    max_gap: float = setting(
        5.0, 'after a longer silence all tracks are dropped; ids go on', 's', minimum=0.0)
    zero_stamp: str = setting(
        'refuse', 'what to do with images without a stamp: refuse them, or use the time of '
        'receipt for motion and leave the header as it is', choices=('refuse', 'receive_time'))


@dataclass(frozen=True)
class DetectorSettings:
    """The detector that feeds the trackers that need one."""

    type: str = setting('ssd', 'kind of detector', choices=('ssd',))
    weights: str = setting(
        'ssd-mobilenetv3-coco', 'name in the weights manifest, or path of a .safetensors file')
    width: int = setting(
        1024, 'width that the image is resized to; small people need a large input', 'px',
        minimum=64, maximum=4096)
    height: int = setting(
        768, 'height that the image is resized to', 'px', minimum=64, maximum=4096)
    score_floor: float = setting(
        0.1, 'detections with a lower score are not looked at', minimum=0.01, maximum=1.0)
    nms_iou: float = setting(
        0.5, 'of two boxes of a class that overlap more than this the weaker goes',
        minimum=0.0, maximum=1.0)
    box_voting: bool = setting(
        True, 'replace each box by the mean of those that it stands for, weighed by score and '
        'overlap: fewer badly placed boxes')
    max_detections: int = setting(
        300, 'most detections kept per image', minimum=1, maximum=10000)
    classes: tuple[str, ...] = setting(
        ('person',), 'names of the classes to track; an empty list means all')


@dataclass(frozen=True)
class ByteTrackSettings:
    """ByteTrack (arXiv 2110.06864): every detection box is associated, in two passes."""

    high: float = setting(
        0.5, 'a detection from this score on takes part in the first pass',
        minimum=0.0, maximum=1.0)
    low: float = setting(
        0.2, 'a detection from this score on, below high, takes part in the second pass',
        minimum=0.0, maximum=1.0)
    birth: float = setting(
        0.7, 'an unmatched detection from this score on starts a track',
        minimum=0.0, maximum=1.0)
    match_iou: float = setting(
        0.2, 'least IoU, times score when fuse_score, of a match in the first pass',
        minimum=0.0, maximum=1.0)
    low_iou: float = setting(
        0.5, 'least IoU of a match in the second pass', minimum=0.0, maximum=1.0)
    tentative_iou: float = setting(
        0.3, 'least IoU, times score when fuse_score, of a match of a tentative track',
        minimum=0.0, maximum=1.0)
    fuse_score: bool = setting(
        True, 'weigh the overlap by the score of the detection in the first pass')
    lost_buffer: float = setting(
        2.0, 'how long a lost track is searched for', 's', minimum=0.0, maximum=3600.0)
    motion: str = setting(
        'xywh', 'what the motion filter sees of a box: centre, width and height, or centre, '
        'aspect ratio and height', choices=('xywh', 'xyah'))
    nominal_rate: float = setting(
        10.0, 'frame rate that the noise of the motion filter is stated for; a lower one trusts '
        'the motion more', 'Hz', minimum=0.1, maximum=1000.0)
    class_aware: bool = setting(True, 'match only boxes of the same class')


@dataclass(frozen=True)
class SortSettings:
    """SORT (arXiv 1602.00763): Kalman filter and IoU, nothing else."""

    min_score: float = setting(
        0.5, 'a detection below this score is not looked at', minimum=0.0, maximum=1.0)
    match_iou: float = setting(0.3, 'least IoU of a match', minimum=0.0, maximum=1.0)
    max_age: int = setting(
        1, 'a track dies after more processed frames than this without a match', 'frames',
        minimum=0, maximum=100000)
    min_hits: int = setting(
        3, 'matches in a row before a track is confirmed', 'frames', minimum=1, maximum=1000)
    nominal_rate: float = setting(
        30.0, 'frame rate that the noise of the motion filter is stated for', 'Hz',
        minimum=0.1, maximum=1000.0)
    class_aware: bool = setting(True, 'match only boxes of the same class')


@dataclass(frozen=True)
class Settings(SettingsRoot):
    """Everything that a tracker is made from."""

    presets: ClassVar[Mapping[str, Mapping[str, Value]]] = {
        'accurate': {},
        'fast': {
            'detector.width': 640, 'detector.height': 480,
            # a smaller input gives lower scores
            'bytetrack.birth': 0.6,
        },
        'paper': {
            'detector.box_voting': False,
            'bytetrack.high': 0.6, 'bytetrack.low': 0.1, 'bytetrack.birth': 0.7,
            'bytetrack.match_iou': 0.1, 'bytetrack.lost_buffer': 1.0,
            'bytetrack.motion': 'xyah', 'bytetrack.nominal_rate': 30.0,
        },
    }

    preset: str = setting(
        'accurate', 'starting point of all other settings', choices=tuple(presets))
    method: str = setting('bytetrack', 'tracking method', choices=METHODS)
    device: str = setting(
        'auto', "where networks run: 'auto' (the GPU if there is one), 'cpu', 'cuda', 'cuda:1'")
    sequence: SequenceSettings = group(SequenceSettings)
    detector: DetectorSettings = group(DetectorSettings)
    bytetrack: ByteTrackSettings = group(ByteTrackSettings)
    sort: SortSettings = group(SortSettings)

    def check(self) -> None:
        """Raise ConfigError if thresholds are out of order."""
        byte = self.bytetrack
        if not byte.low <= byte.high <= byte.birth:
            raise ConfigError(
                f'bytetrack.low, high and birth are {byte.low}, {byte.high} and {byte.birth}; '
                'they must not decrease in this order')


@dataclass(frozen=True)
class NodeSettings(Settings):
    """What the ROS node needs beside the tracker's settings."""

    queue: str = setting(
        'latest', "'latest': the newest frame wins and nothing waits (live camera); 'all': every "
        'frame in order (replay)', choices=('latest', 'all'))
    queue_depth: int = setting(
        1000, "most frames that may wait with queue 'all'", 'frames', minimum=1, maximum=1000000)
    reliability: str = setting(
        'auto', "reliability asked of the camera: 'auto' is best effort with queue 'latest' and "
        "reliable with 'all'", choices=('auto', 'best_effort', 'reliable'))
    autostart: bool = setting(True, 'configure and activate by itself')
    strict_parameters: bool = setting(
        True, 'refuse unknown parameters instead of warning of them')
    id_prefix: str = setting('', 'put before every published id, such as the camera name')
    amodal: bool = setting(False, 'let published boxes reach over the border of the image')
