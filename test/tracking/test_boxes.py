# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.tracking import boxes

BOXES = np.array([[0, 0, 9, 9], [5, 5, 14, 14], [100, 50, 120, 90]], np.float32)


def _iou_by_hand(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0 else 0


def test_iou_equals_the_definition():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 50, (60, 2))
    many = np.concatenate([corner, corner + rng.uniform(0, 40, (60, 2))], 1).astype(np.float32)
    expected = [[_iou_by_hand(a, b) for b in many[30:]] for a in many[:30]]
    np.testing.assert_allclose(boxes.iou(many[:30], many[30:]), expected, atol=1e-6)
    np.testing.assert_allclose(
        boxes.iou_of_pairs(many[:30], many[30:]), np.diag(expected), atol=1e-6)


def test_iou_of_nothing_is_zero_and_never_nan():
    empty = np.array([[3, 3, 3, 3]], np.float32)
    assert boxes.iou(empty, empty).tolist() == [[0]]
    assert boxes.iou_of_pairs(empty, empty).tolist() == [0]
    assert boxes.iou(BOXES, np.zeros((0, 4), np.float32)).shape == (3, 0)


def test_conversion_there_and_back():
    there = boxes.xyxy_to_cxcywh(BOXES)
    assert there[2].tolist() == [110, 70, 20, 40]
    np.testing.assert_array_equal(boxes.cxcywh_to_xyxy(there), BOXES)


def test_clip_and_area():
    outside = np.array([[-5, -5, 3, 4], [200, 10, 300, 20]], np.float32)
    clipped = boxes.clip(outside, (100, 50))
    assert clipped.tolist() == [[0, 0, 3, 4], [100, 10, 100, 20]]
    assert boxes.area(clipped).tolist() == [12, 0]
    assert boxes.area(np.array([[5, 5, 4, 9]], np.float32)).tolist() == pytest.approx([0])
