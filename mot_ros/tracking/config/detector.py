# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What finds objects in images, and where in them."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.config.detectors import DETECTORS, explanation
from mot_ros.tracking.config.reasons import LOADED
from mot_ros.tracking.config.schema import setting


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
class DetectorSettings:
    """The detector that feeds the trackers that need one."""

    type: str = setting(
        'auto', explanation(), choices=('auto', *DETECTORS), fixed=LOADED)
    weights: str = setting(
        'auto', "name in the weights manifest, or path of a .safetensors file; 'auto': those in "
        'the package for the type of the detector; for type onnx the path of an .onnx file, '
        'which is a graph and never runs code',
        fixed=LOADED)
    width: int = setting(
        1024, 'width that the image is resized to; small people need a large input; an ONNX '
        'file of one size keeps to that', 'px', minimum=64, maximum=4096)
    height: int = setting(
        768, 'height that the image is resized to, likewise', 'px', minimum=64, maximum=4096)
    short_side: int = setting(
        0, 'NanoDet: what the short side of an image of 4:3 is resized to, in steps of 32; other '
        'images keep their proportions, those of 16:9 cost the same; 0 leaves it to the '
        'detector', 'px', minimum=0, maximum=2048)
    second_scale: float = setting(
        0.6, 'NanoDet: look at the image once more at this part of that size and join both: for '
        'people who fill the image; 0: look once', minimum=0.0, maximum=1.0)
    layout: str = setting(
        'auto', "ONNX: what the outputs mean; 'auto' tells it from metadata and shapes",
        choices=('auto', 'yolov5', 'yolov8', 'yolov10', 'yolox', 'ssd', 'ssd_pixels', 'nanodet',
                 'detr', 'tensorflow'), fixed=LOADED)
    names: str = setting(
        '', "ONNX, PRB, GluonCV's SSDs: file of class names (text, YAML or JSON) or 'coco'; empty "
        'takes those in the file of weights', fixed=LOADED)
    resize: str = setting(
        'auto', 'SSD, ONNX: fit the image on grey, in the middle (letterbox) or at the top left '
        '(corner), or stretch it', choices=('auto', 'letterbox', 'corner', 'stretch'),
        fixed=LOADED)
    pixels: str = setting(
        'auto', 'ONNX: input in [0, 1] (unit), in [-1, 1] (signed), normalised as for ImageNet, '
        'or 0 to 255 (byte), all RGB; imagenet_bgr and byte_bgr are BGR',
        choices=('auto', 'unit', 'signed', 'imagenet', 'imagenet_bgr', 'byte', 'byte_bgr'),
        fixed=LOADED)
    score_floor: float = setting(
        0.1, 'detections with a lower score of the network, before `calibration`, are left out',
        minimum=0.01, maximum=1.0)
    calibration: str = setting(
        'auto', "map from scores to the probability of being right: 'auto': that of the weights, "
        "where they have one; 'none': scores as the network gives them; or a .json file of "
        '`mot_ros calibrate`; siammot, tracktor and smot take scores as they are', fixed=LOADED)
    nms_iou: float = setting(
        0.5, 'of two boxes of a class that overlap more than this the weaker goes',
        minimum=0.0, maximum=1.0)
    box_voting: bool = setting(
        True, 'replace each box by the mean of those that it stands for, weighed by score and '
        'overlap: fewer badly placed boxes')
    max_detections: int = setting(
        300, 'most detections kept per image', minimum=1, maximum=3000)
    classes: tuple[str, ...] = setting(
        ('person',), 'names of the classes to track; an empty list means all')
    class_scores: str = setting(
        '', "least scores of single classes, such as 'car=0.6, dog=0.4', where one for all starts "
        'or keeps too many tracks of one of them; siammot, tracktor and smot refuse it',
        fixed=LOADED)
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
