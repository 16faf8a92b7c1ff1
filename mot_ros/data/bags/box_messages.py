# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a vision_msgs/Detection2DArray says, as columns; needs no ROS."""

from __future__ import annotations

from dataclasses import dataclass
import re
from typing import Any
import zlib

import numpy as np

from mot_ros.data.datasets.mot import Doubles, Ints
from mot_ros.tracking.errors import SourceError


@dataclass(frozen=True, eq=False)
class BoxColumns:
    """
    The boxes of one message.

    `names` (N,) are the ids as they came and `ids` (N,) their numbers; `boxes` (N, 4) float64
    xyxy pixels; `scores` (N,) and `labels` (N,) of the first hypothesis: the label is -1 where
    its class is not a number, and the score NaN where there is no hypothesis.
    """

    names: list[str]
    ids: Ints
    boxes: Doubles
    scores: Doubles
    labels: Ints


def columns_of(message: Any) -> BoxColumns:
    """
    Read a message of vision_msgs 4, or of the older ones, in which names differ.

    Raises SourceError for one that a bag defines otherwise.
    """
    try:
        return _columns_of(message)
    except (AttributeError, TypeError, ValueError) as error:
        raise SourceError(
            f'a message of boxes has not the fields of vision_msgs ({error}); a bag must define '
            'them as ROS does') from error


def _columns_of(message: Any) -> BoxColumns:
    count = len(message.detections)
    boxes, scores = np.zeros((count, 4)), np.full(count, np.nan)
    labels, names = np.zeros(count, np.int64), []
    for row, detection in enumerate(message.detections):
        bbox = detection.bbox
        centre = getattr(bbox.center, 'position', bbox.center)
        boxes[row] = (centre.x - bbox.size_x / 2, centre.y - bbox.size_y / 2,
                      centre.x + bbox.size_x / 2, centre.y + bbox.size_y / 2)
        names.append(str(getattr(detection, 'id', getattr(detection, 'tracking_id', ''))))
        if len(detection.results):
            first = detection.results[0]
            hypothesis = getattr(first, 'hypothesis', first)
            scores[row] = hypothesis.score
            label = str(getattr(hypothesis, 'class_id', getattr(hypothesis, 'id', '')))
            labels[row] = int(label) if re.fullmatch('[0-9]{1,18}', label) else -1
    ids = np.array([id_number(name) for name in names], np.int64)
    return BoxColumns(names, ids, boxes, scores, labels)


def id_number(name: str) -> int:
    """Return the number at the end of an id, or one made from all of it if there is none."""
    number = re.search(r'[0-9]{1,18}$', name)
    return int(number.group()) if number else zlib.crc32(name.encode())
