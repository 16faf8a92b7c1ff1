# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Convert detections of another node from vision_msgs, and map their class ids to labels."""

from __future__ import annotations

from collections import Counter

import numpy as np
from vision_msgs.msg import Detection2DArray

from mot_ros.ros.usable_boxes import MOST_BOXES, usable_boxes
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
        message: Detection2DArray, class_ids: ClassIds, most: int = MOST_BOXES
        ) -> tuple[Detections, Counter[str]]:
    """
    Return the boxes of a message in its order, and how many were left out, by reason.

    Score and class are those of the first hypothesis, as vision_msgs means the best one. A
    rotated box becomes the smallest upright one around it. Of more than `most` the best are
    kept.
    """
    detections, boxes, left_out = usable_boxes(message, most, 'detector.max_detections: ')
    rows: list[int] = []
    labels: list[int] = []
    for row, detection in enumerate(detections):
        label = class_ids.label_of(detection.results[0].hypothesis.class_id)
        if label is None:
            left_out[f'more than {MOST_CLASSES} class ids'] += 1
            continue
        rows.append(row)
        labels.append(label)
    scores = [detections[row].results[0].hypothesis.score for row in rows]
    return Detections(
        np.array([boxes[row] for row in rows], np.float32).reshape(-1, 4),
        np.array(scores, np.float32), np.array(labels, np.int64)), left_out
