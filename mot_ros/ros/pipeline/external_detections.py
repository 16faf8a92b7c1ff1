# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Convert detections of another node from vision_msgs, and map their class ids to labels."""

from __future__ import annotations

from collections import Counter
import math

import numpy as np
from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray

from mot_ros.tracking.types import Detections

MOST_CLASSES = 10000
"""Most class ids that are stored; bounds the memory if a sender invents a new one each time."""


class ClassIds:
    """Maps class ids (numbers or names) to labels in order of arrival, and back."""

    def __init__(self) -> None:
        self._labels: dict[str, int] = {}
        self._names: list[str] = []

    def label_of(self, class_id: str) -> int | None:
        """Return the label of a class id, a new one for a new id; None where they are too many."""
        label = self._labels.get(class_id)
        if label is None and len(self._names) < MOST_CLASSES:
            label = self._labels[class_id] = len(self._names)
            self._names.append(class_id)
        return label

    def name_of(self, label: int) -> str:
        """Return the class id that a label stands for."""
        return self._names[label]


def to_our_detections(
        message: Detection2DArray, class_ids: ClassIds) -> tuple[Detections, Counter[str]]:
    """
    Return the boxes of a message in its order, and how many were left out, by reason.

    Score and class are those of the first hypothesis, as vision_msgs means the best one. A
    rotated box becomes the smallest upright one around it.
    """
    boxes: list[tuple[float, float, float, float]] = []
    scores: list[float] = []
    labels: list[int] = []
    left_out: Counter[str] = Counter()
    for detection in message.detections:
        box = upright(detection.bbox)
        reason = _fault_of(detection, box)
        label = None if reason else class_ids.label_of(detection.results[0].hypothesis.class_id)
        if label is None:
            left_out[reason or f'more than {MOST_CLASSES} class ids'] += 1
            continue
        boxes.append(box)
        scores.append(detection.results[0].hypothesis.score)
        labels.append(label)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32),
        np.array(labels, np.int64)), left_out


def upright(bbox: BoundingBox2D) -> tuple[float, float, float, float]:
    """Return the smallest upright box xyxy around one that may be rotated."""
    x, y = bbox.center.position.x, bbox.center.position.y
    width, height = bbox.size_x, bbox.size_y
    # tan(theta) of infinity raises; NaN goes on to where boxes are checked
    if bbox.center.theta and math.isfinite(bbox.center.theta):
        c, s = abs(math.cos(bbox.center.theta)), abs(math.sin(bbox.center.theta))
        width, height = width * c + height * s, width * s + height * c
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _fault_of(detection: Detection2D, box: tuple[float, float, float, float]) -> str:
    """Return why a detection cannot be used, or nothing."""
    if not detection.results:
        return 'no hypothesis'
    bbox = detection.bbox
    if not all(map(math.isfinite, (*box, bbox.center.theta))) or max(map(abs, box)) > 1e9:
        return 'position not finite'
    if bbox.size_x <= 0 or bbox.size_y <= 0:
        return 'size not positive'
    x1, y1, x2, y2 = np.array(box, np.float32)
    if not (x1 < x2 and y1 < y2):
        return 'size not positive'
    if not 0 <= detection.results[0].hypothesis.score <= 1:
        return 'score not in [0, 1]'
    return ''
