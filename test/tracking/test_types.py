# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.types import Detections, Frame


def _detections(count=3):
    corner = np.arange(count, dtype=np.float32)[:, None] * 10
    return Detections(
        np.concatenate([corner, corner, corner + 5, corner + 8], axis=1),
        np.linspace(0.1, 0.9, count), np.arange(count))


def test_one_index_selects_all_columns():
    detections = _detections()
    part = detections[np.array([2, 0])]
    assert part.boxes[:, 0].tolist() == [20, 0]
    assert part.labels.tolist() == [2, 0]
    assert len(detections[detections.scores > 0.4]) == 2
    assert len(detections[:0]) == 0


def test_concatenation_keeps_the_order():
    joined = Detections.concatenate(_detections(2), Detections.empty(), _detections(1))
    assert joined.labels.tolist() == [0, 1, 0]


def test_columns_get_their_types():
    detections = Detections([[0, 0, 1, 1]], [1], [7])
    assert detections.boxes.dtype == np.float32
    assert detections.labels.dtype == np.int64


@pytest.mark.parametrize('boxes, scores, labels, complaint', [
    ([[0, 0, np.nan, 1]], [0.5], [0], 'finite'),
    ([[0, 0, 1, np.inf]], [0.5], [0], 'finite'),
    ([[0, 0, 1, 1], [5, 5, 4, 9]], [0.5, 0.5], [0, 0], 'box 1 .*x1 < x2'),
    ([[0, 0, 1, 0]], [0.5], [0], 'y1 < y2'),
    ([[0, 0, 1, 1]], [1.5], [0], 'score 0 is 1.5'),
    ([[0, 0, 1, 1]], [-0.1], [0], r'\[0, 1\]'),
    ([[0, 0, 1, 1]], [np.nan], [0], r'\[0, 1\]'),
    ([[0, 0, 1]], [0.5], [0], r'\(N, 4\)'),
    ([[0, 0, 1, 1]], [0.5, 0.5], [0], 'one score and one label'),
    ([[0, 0, 1, 1]], [0.5], [[0]], 'one score and one label'),
])
def test_bad_detections_are_refused_at_the_door(boxes, scores, labels, complaint):
    with pytest.raises(FrameError, match=complaint):
        Detections(np.array(boxes, np.float32), scores, labels)


def test_a_frame_has_its_size():
    assert Frame.of(np.zeros((4, 6, 3), np.uint8), 1.5).size == (6, 4)


@pytest.mark.parametrize('image, stamp, size, complaint', [
    (None, 0.0, (0, 5), '0x5'),
    (None, float('nan'), (5, 5), 'stamp is nan'),
    (np.zeros((4, 6), np.uint8), 0.0, (6, 4), r'\(4, 6\), expected \(4, 6, 3\)'),
    (np.zeros((4, 6, 3), np.uint8), 0.0, (4, 6), 'expected'),
])
def test_bad_frames_are_refused(image, stamp, size, complaint):
    with pytest.raises(FrameError, match=complaint):
        Frame(image, stamp, size)
