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

METHODS = ('bytetrack', 'sort', 'smiletrack', 'deepsort', 'botsort')
LOOKING = ('smiletrack', 'deepsort', 'botsort')
"""Methods that look at the image themselves, unless appearance.type is none."""

LOADED = 'the detector is loaded with it'
SUBSCRIBED = 'it belongs to the subscription'
AT_START = 'it is read when the node starts'
EMBEDDER = 'what tells appearances is loaded with it'


@dataclass(frozen=True)
class RegionSettings:
    """The part of the image in which objects are looked for."""

    x: int = setting(
        0, 'left edge of the part of the image that is looked at; boxes stay in pixels of the '
        'whole image', 'px', minimum=0, maximum=100000)
    y: int = setting(0, 'its upper edge', 'px', minimum=0, maximum=100000)
    width: int = setting(
        0, 'its width; 0: up to the right border', 'px', minimum=0, maximum=100000)
    height: int = setting(
        0, 'its height; 0: down to the lower border', 'px', minimum=0, maximum=100000)


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

    type: str = setting(
        'ssd', 'kind of detector: our SSD in torch, an ONNX file through onnxruntime, or '
        'external: another node sends the boxes, to the topic `detections`',
        choices=('ssd', 'onnx', 'external'), fixed=LOADED)
    weights: str = setting(
        'ssd-mobilenetv3-coco', 'name in the weights manifest, or path of a .safetensors file; '
        'for type onnx the path of an .onnx file, which is a graph and never runs code',
        fixed=LOADED)
    width: int = setting(
        1024, 'width that the image is resized to; small people need a large input; an ONNX '
        'file of one size keeps to that', 'px', minimum=64, maximum=4096)
    height: int = setting(
        768, 'height that the image is resized to, likewise', 'px', minimum=64, maximum=4096)
    layout: str = setting(
        'auto', "ONNX: what the outputs mean; 'auto' tells it from metadata and shapes",
        choices=('auto', 'yolov5', 'yolov8', 'yolov10', 'yolox', 'ssd', 'ssd_pixels',
                 'tensorflow'), fixed=LOADED)
    names: str = setting(
        '', "ONNX: file of class names (text, YAML or JSON) or 'coco'; empty takes those in the "
        'ONNX file', fixed=LOADED)
    resize: str = setting(
        'auto', 'ONNX: fit the image on grey, in the middle (letterbox) or at the top left '
        '(corner), or stretch it', choices=('auto', 'letterbox', 'corner', 'stretch'),
        fixed=LOADED)
    pixels: str = setting(
        'auto', 'ONNX: input in [0, 1] (unit), in [-1, 1] (signed), normalised as for ImageNet, '
        'or 0 to 255 (byte), all RGB; byte_bgr is BGR',
        choices=('auto', 'unit', 'signed', 'imagenet', 'byte', 'byte_bgr'), fixed=LOADED)
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
    tile_columns: int = setting(
        1, 'parts side by side that the detector looks at one by one, each at its input size: '
        'for small objects in large images', minimum=1, maximum=16)
    tile_rows: int = setting(
        1, 'parts above each other; as many as side by side keep the proportions of an image '
        'that the detector stretches', minimum=1, maximum=16)
    tile_overlap: float = setting(
        0.2, 'how much of its side a part shares with the next one; objects larger than that '
        'need the full image', minimum=0.0, maximum=0.8)
    tile_full: bool = setting(
        True, 'beside the parts also look at the full image, for what is too large for them')


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
class AppearanceSettings:
    """What tracks look like, for the methods that compare it."""

    type: str = setting(
        'colour', 'how boxes are told apart by their looks: a histogram of their colours; SLM, '
        'a network that needs trained weights; or not at all, so that smiletrack, deepsort and '
        'botsort do without images', choices=('colour', 'slm', 'none'), fixed=EMBEDDER)
    weights: str = setting(
        '', 'type slm: name in the weights manifest, or path of a .safetensors, .pt or .pth '
        'file; there is no default', fixed=EMBEDDER)
    variant: str = setting(
        'article', 'type slm: attention as in the article, or as in the published code and its '
        'files', choices=('article', 'code'), fixed=EMBEDDER)
    momentum: float = setting(
        0.9, 'how much of the mean embedding of a track stays when it is seen again',
        minimum=0.0, maximum=0.999)


@dataclass(frozen=True)
class CameraMotionSettings:
    """How the motion of the camera is taken out of that of the tracks."""

    mode: str = setting(
        'auto', "for smiletrack and botsort; 'auto': where there are images and the camera is "
        "seen to move, which costs next to nothing where it stands; 'on': always; 'off': never",
        choices=('auto', 'on', 'off'))
    method: str = setting(
        'flow', 'corners that are followed (shift, turn, zoom), or correlation of the whole '
        'image (shift, turn; slower, and misled by what moves)', choices=('flow', 'ecc'))
    width: int = setting(
        480, 'the image is halved until it is no wider than this', 'px', minimum=64,
        maximum=4096)
    corners: int = setting(400, 'most corners followed', minimum=30, maximum=5000)
    mix_sizes: bool = setting(
        False, 'let a turn mix width and height, as the published BoT-SORT and SMILEtrack do')


@dataclass(frozen=True)
class SmileTrackSettings:
    """SMILEtrack (arXiv 2211.08824): overlap and looks together, in two passes."""

    split: str = setting(
        'fixed', "what parts sure from doubtful detections: 'fixed': the setting high; "
        "'adaptive': the mean score of the better half of them (the article)",
        choices=('fixed', 'adaptive'))
    high: float = setting(
        0.5, 'split fixed: a detection from this score on takes part in the first pass',
        minimum=0.0, maximum=1.0)
    low: float = setting(
        0.2, 'a detection from this score on that is not sure takes part in the second pass',
        minimum=0.0, maximum=1.0)
    birth: float = setting(
        0.7, 'an unmatched sure detection from this score on starts a track',
        minimum=0.0, maximum=1.0)
    worth: str = setting(
        'article', "what a pair is worth: 'article': overlap and looks, weighed by alpha, nothing "
        "below gate; 'code': overlap alone, nothing above veto", choices=('article', 'code'))
    alpha: float = setting(
        0.35, 'worth article: share of the overlap, the rest is that of the looks',
        minimum=0.0, maximum=1.0)
    gate: float = setting(
        0.55, 'worth article: a pair that looks less alike (cosine) is no match; 0: no gate',
        minimum=0.0, maximum=1.0)
    veto: float = setting(
        0.3, 'worth code: a pair with more than this is no match, of 1 - cosine weighed by '
        'veto_weight and squared Mahalanobis distance by the rest', minimum=0.0, maximum=1000.0)
    veto_weight: float = setting(
        0.98, 'worth code: weight of the looks in the veto', minimum=0.0, maximum=1.0)
    reach: float = setting(
        0.5, 'worth article: how far, in heights of its box, a track may be from where it is '
        'expected; 0: anywhere', minimum=0.0, maximum=100.0)
    reach_growth: float = setting(
        1.0, 'how much farther for every second out of sight, in parts of reach', '1/s',
        minimum=0.0, maximum=100.0)
    match: float = setting(
        0.3, 'least worth of a match in the first pass', minimum=0.0, maximum=1.0)
    match_iou: float = setting(
        0.2, 'without appearance: least IoU, times score, of a match in the first pass',
        minimum=0.0, maximum=1.0)
    second: str = setting(
        'iou', "what counts in the second pass: 'iou': overlap alone; 'single': worth, by the "
        "mean look of the track; 'multi': worth, by the best of its last looks (the article)",
        choices=('iou', 'single', 'multi'))
    second_match: float = setting(
        0.5, 'least IoU, or worth, of a match in the second pass', minimum=0.0, maximum=1.0)
    bank: int = setting(
        50, 'second multi: last looks of a track that are kept', 'frames', minimum=1,
        maximum=1000)
    tentative_iou: float = setting(
        0.3, 'least IoU, times score, of a match of a tentative track', minimum=0.0, maximum=1.0)
    embed_every: int = setting(
        1, 'all sure detections are looked at in one frame of so many; in the others only new '
        'ones and those that more than one track could be', 'frames', minimum=1, maximum=1000)
    lost_buffer: float = setting(
        2.0, 'how long a lost track is searched for', 's', minimum=0.0, maximum=3600.0)
    camera: bool = setting(True, 'take out the motion of the camera, see camera_motion')
    nominal_rate: float = setting(
        10.0, 'frame rate that the noise of the motion filter is stated for; a lower one trusts '
        'the motion more', 'Hz', minimum=0.1, maximum=1000.0)
    class_aware: bool = setting(True, 'match only boxes of the same class')


@dataclass(frozen=True)
class DeepSortSettings:
    """DeepSORT (arXiv 1703.07402): looks first, the most recently seen tracks first, then IoU."""

    min_score: float = setting(
        0.6, 'a detection below this score is not looked at', minimum=0.0, maximum=1.0)
    max_distance: float = setting(
        0.35, 'most that looks may differ in a match: 1 - cosine with the nearest of the last '
        'looks', minimum=0.0, maximum=2.0)
    match_iou: float = setting(
        0.3, 'least IoU of a match where looks found none', minimum=0.0, maximum=1.0)
    max_age: int = setting(
        30, 'a track dies after more processed frames than this without a match', 'frames',
        minimum=0, maximum=100000)
    n_init: int = setting(
        3, 'frames in a row in which a track must be seen to be confirmed', 'frames', minimum=1,
        maximum=1000)
    budget: int = setting(
        100, 'last looks of a track that are kept', 'frames', minimum=1, maximum=1000)
    nominal_rate: float = setting(
        10.0, 'frame rate that the noise of the motion filter is stated for', 'Hz',
        minimum=0.1, maximum=1000.0)
    class_aware: bool = setting(True, 'match only boxes of the same class')


@dataclass(frozen=True)
class BotSortSettings:
    """BoT-SORT (arXiv 2206.14651): ByteTrack, camera motion, the better of overlap and looks."""

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
        0.2, 'least IoU, times score, of a match in the first pass', minimum=0.0, maximum=1.0)
    low_iou: float = setting(
        0.5, 'least IoU of a match in the second pass', minimum=0.0, maximum=1.0)
    tentative_iou: float = setting(
        0.3, 'least IoU, times score, of a match of a tentative track', minimum=0.0, maximum=1.0)
    proximity: float = setting(
        0.1, 'looks count only for pairs with an IoU of at least this', minimum=0.0, maximum=1.0)
    appearance: float = setting(
        0.15, 'looks count only where half of 1 - cosine is at most this',
        minimum=0.0, maximum=1.0)
    lost_buffer: float = setting(
        2.0, 'how long a lost track is searched for', 's', minimum=0.0, maximum=3600.0)
    nominal_rate: float = setting(
        10.0, 'frame rate that the noise of the motion filter is stated for; a lower one trusts '
        'the motion more', 'Hz', minimum=0.1, maximum=1000.0)
    class_aware: bool = setting(True, 'match only boxes of the same class')


PAPER: Mapping[str, Value] = {
    'detector.box_voting': False,
    'bytetrack.high': 0.6, 'bytetrack.low': 0.1, 'bytetrack.birth': 0.7,
    'bytetrack.match_iou': 0.1, 'bytetrack.lost_buffer': 1.0,
    'bytetrack.motion': 'xyah', 'bytetrack.nominal_rate': 30.0,
    'camera_motion.mode': 'on', 'camera_motion.mix_sizes': True,
    'smiletrack.split': 'adaptive', 'smiletrack.low': 0.1, 'smiletrack.birth': 0.6,
    'smiletrack.alpha': 0.5, 'smiletrack.gate': 0.7, 'smiletrack.reach': 0.0,
    'smiletrack.match': 0.5, 'smiletrack.second': 'multi', 'smiletrack.lost_buffer': 1.0,
    'smiletrack.camera': False, 'smiletrack.nominal_rate': 30.0,
    'deepsort.min_score': 0.3, 'deepsort.max_distance': 0.2, 'deepsort.nominal_rate': 30.0,
    'botsort.high': 0.6, 'botsort.low': 0.1, 'botsort.proximity': 0.5,
    'botsort.appearance': 0.25, 'botsort.lost_buffer': 1.0, 'botsort.nominal_rate': 30.0,
}
"""What the presets `paper` and `code` have in common."""


@dataclass(frozen=True)
class Settings(SettingsRoot):
    """Everything that a tracker is made from."""

    presets: ClassVar[Mapping[str, Mapping[str, Value]]] = {
        'accurate': {},
        'fast': {
            'detector.width': 640, 'detector.height': 480,
            # a smaller input gives lower scores
            'bytetrack.birth': 0.6, 'smiletrack.birth': 0.6, 'botsort.birth': 0.6,
            'deepsort.min_score': 0.5,
        },
        'paper': PAPER,
        # of SMILEtrack the published code does otherwise than the article
        'code': {
            **PAPER,
            'smiletrack.split': 'fixed', 'smiletrack.worth': 'code',
            'smiletrack.match': 0.2, 'smiletrack.second': 'iou', 'smiletrack.camera': True,
        },
    }

    preset: str = setting(
        'accurate', 'starting point of all other settings', choices=tuple(presets),
        fixed='it would change many settings at once; set those instead')
    method: str = setting('bytetrack', 'tracking method', choices=METHODS)
    device: str = setting(
        'auto', "where networks run: 'auto' (the GPU if there is one), 'cpu', 'cuda', 'cuda:1'",
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
    bytetrack: ByteTrackSettings = group(ByteTrackSettings)
    sort: SortSettings = group(SortSettings)
    appearance: AppearanceSettings = group(AppearanceSettings)
    camera_motion: CameraMotionSettings = group(CameraMotionSettings)
    smiletrack: SmileTrackSettings = group(SmileTrackSettings)
    deepsort: DeepSortSettings = group(DeepSortSettings)
    botsort: BotSortSettings = group(BotSortSettings)

    def check(self) -> None:
        """Raise ConfigError if thresholds are out of order."""
        ordered: list[tuple[str, ByteTrackSettings | BotSortSettings | SmileTrackSettings]] = [
            ('bytetrack', self.bytetrack), ('botsort', self.botsort)]
        if self.smiletrack.split == 'fixed':
            ordered.append(('smiletrack', self.smiletrack))
        for name, own in ordered:
            if not own.low <= own.high <= own.birth:
                raise ConfigError(
                    f'{name}.low, high and birth are {own.low}, {own.high} and {own.birth}; '
                    'they must not decrease in this order')


@dataclass(frozen=True)
class ExternalSettings:
    """Detections that another node sends, with detector.type `external`."""

    width: int = setting(
        0, 'width of the images that external detections come from, to which tracks are cut; 0: '
        'that of the image or camera_info, where there is one', 'px', minimum=0, maximum=100000)
    height: int = setting(0, 'their height, likewise', 'px', minimum=0, maximum=100000)
    wait: float = setting(
        1.0, 'how long an image waits for its detections, and they for it, where the method '
        'needs both', 's', minimum=0.0, maximum=60.0)


@dataclass(frozen=True)
class NodeSettings(Settings):
    """What the ROS node needs beside the tracker's settings."""

    image_transport: str = setting(
        'raw', "how images come: 'raw', or 'compressed' (JPEG, PNG) on <image>/compressed",
        choices=('raw', 'compressed'), fixed=SUBSCRIBED)
    queue: str = setting(
        'latest', "'latest': the newest frame wins and nothing waits (live camera); 'all': every "
        'frame in order (replay)', choices=('latest', 'all'), fixed=SUBSCRIBED)
    queue_depth: int = setting(
        1000, "most frames that may wait with queue 'all'", 'frames', minimum=1, maximum=1000000,
        fixed=SUBSCRIBED)
    reliability: str = setting(
        'auto', "reliability asked of the camera: 'auto' is best effort with queue 'latest' and "
        "reliable with 'all'", choices=('auto', 'best_effort', 'reliable'), fixed=SUBSCRIBED)
    autostart: bool = setting(True, 'configure and activate by itself', fixed=AT_START)
    strict_parameters: bool = setting(
        True, 'refuse unknown parameters instead of warning of them', fixed=AT_START)
    id_prefix: str = setting('', 'put before every published id, such as the camera name')
    amodal: bool = setting(False, 'let published boxes reach over the border of the image')
    drop_warning: float = setting(
        0.5, 'share of the incoming frames, over 5 s, that may be skipped with queue '
        "'latest' before the diagnostics warn", minimum=0.0, maximum=1.0)
    external: ExternalSettings = group(ExternalSettings)

    def check(self) -> None:
        """Raise ConfigError if settings contradict each other."""
        super().check()
        if bool(self.external.width) != bool(self.external.height):
            raise ConfigError(
                f'external.width and height are {self.external.width} and '
                f'{self.external.height}; state both, or leave both at 0')
