# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Check the boxes of messages that come from elsewhere: the one door for all nodes."""

from __future__ import annotations

from collections import Counter
import dataclasses
import math

import numpy as np
from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray

from mot_ros.data.bags.box_messages import BoxColumns, columns_of
from mot_ros.data.limits import FARTHEST

MOST_BOXES = 3000
"""Most boxes of a message that are drawn or written as text."""
LONGEST_ID = 256
"""Most characters of an id or a class id."""
FINEST = 1e-6
"""Size, as a share of the largest coordinate, from which float32 keeps edges apart."""
UprightBox = tuple[float, float, float, float]


def usable_boxes(
        message: Detection2DArray, most: int, limit: str = '', *, scored: bool = True
        ) -> tuple[list[Detection2D], list[UprightBox], Counter[str]]:
    """
    Return the usable detections of a message in their order, their boxes, and what was left out.

    Boxes are xyxy in pixels, upright around rotated ones. Of more than `most` those with the
    best scores are kept; `limit` names the setting. What was left out is counted by reason.
    Unless `scored`, a detection needs neither hypothesis nor score.
    """
    detections = message.detections
    rows = range(len(detections))
    if len(detections) > most:
        scores = np.array([_score_of(detection) for detection in detections])
        rows = np.argsort(-scores, kind='stable').tolist()
    kept: list[tuple[int, UprightBox]] = []
    left_out: Counter[str] = Counter()
    for place, row in enumerate(rows):
        if len(kept) == most:
            left_out[f'more than {limit}{most}'] += len(detections) - place
            break
        box = upright(detections[row].bbox)
        reason = _fault_of(detections[row], box, scored=scored)
        if reason:
            left_out[reason] += 1
        else:
            kept.append((row, box))
    kept.sort()
    return [detections[row] for row, _ in kept], [box for _, box in kept], left_out


def columns_of_usable(message: Detection2DArray) -> tuple[BoxColumns, Counter[str]]:
    """Return the usable boxes of a message of tracks as columns, and what was left out."""
    detections, boxes, left_out = usable_boxes(message, MOST_BOXES, scored=False)
    columns = columns_of(Detection2DArray(detections=detections))
    upright_boxes = np.array(boxes, np.float64).reshape(-1, 4)
    return dataclasses.replace(columns, boxes=upright_boxes), left_out


def upright(bbox: BoundingBox2D) -> UprightBox:
    """Return the smallest upright box xyxy around one that may be rotated."""
    x, y = bbox.center.position.x, bbox.center.position.y
    width, height = bbox.size_x, bbox.size_y
    # the cosine of infinity raises; NaN is left to the check of the box
    if bbox.center.theta and math.isfinite(bbox.center.theta):
        c, s = abs(math.cos(bbox.center.theta)), abs(math.sin(bbox.center.theta))
        width, height = width * c + height * s, width * s + height * c
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _score_of(detection: Detection2D) -> float:
    """Return the score of a detection; -1 where it has no usable one."""
    score = detection.results[0].hypothesis.score if detection.results else -1.0
    return score if 0 <= score <= 1 else -1.0


def _fault_of(detection: Detection2D, box: UprightBox, *, scored: bool) -> str:
    """Return why a detection cannot be used, or nothing."""
    if scored and not detection.results:
        return 'no hypothesis'
    bbox = detection.bbox
    if not all(map(math.isfinite, (*box, bbox.center.theta))) or max(map(abs, box)) > FARTHEST:
        return 'position not finite'
    if bbox.size_x <= 0 or bbox.size_y <= 0:
        return 'size not positive'
    # what is larger has two different edges in float32 too
    if min(bbox.size_x, bbox.size_y) < FINEST * max(map(abs, box)):
        x1, y1, x2, y2 = np.array(box, np.float32)
        if not (x1 < x2 and y1 < y2):
            return 'size not positive'
    if scored and not 0 <= detection.results[0].hypothesis.score <= 1:
        return 'score not in [0, 1]'
    if len(detection.id) > LONGEST_ID or (detection.results and len(
            detection.results[0].hypothesis.class_id) > LONGEST_ID):
        return f'id of more than {LONGEST_ID} characters'
    return ''
