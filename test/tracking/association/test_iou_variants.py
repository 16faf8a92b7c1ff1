# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What pairs are worth by boxes alone: numbers worked out by hand."""

import numpy as np
import pytest

from mot_ros.tracking.association.iou_variants import (
    buffered_iou,
    direction_consistency,
    expand,
    height_iou,
)
from mot_ros.tracking.boxes import iou


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def test_a_box_grows_by_a_part_of_its_size_to_each_side():
    assert expand(boxes([10, 20, 20, 60]), 0.5).tolist() == [[5, 0, 25, 80]]
    assert expand(boxes([10, 20, 20, 60]), 0.0).tolist() == [[10, 20, 20, 60]]


def test_expanded_boxes_overlap_across_a_gap():
    a, b = boxes([0, 0, 10, 10]), boxes([12, 0, 22, 10], [40, 0, 50, 10])
    assert len(buffered_iou(a, b, 0.0).rows) == 0
    pairs = buffered_iou(a, b, 0.2)
    assert (pairs.rows.tolist(), pairs.cols.tolist()) == ([0], [0])
    # -2 .. 12 and 10 .. 24: 2 x 14 of 2 x 14 x 14 - 2 x 14
    assert pairs.values.tolist() == pytest.approx([28 / 364])


def test_without_growth_it_is_the_overlap():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 100, (30, 2))
    some = np.concatenate([corner, corner + rng.uniform(5, 40, (30, 2))], axis=1)
    some = some.astype(np.float32)
    pairs = buffered_iou(some[:10], some[10:], 0.0)
    table = np.zeros((10, 20), np.float32)
    table[pairs.rows, pairs.cols] = pairs.values
    np.testing.assert_array_equal(table, iou(some[:10], some[10:]))


def test_heights_overlap_whatever_the_columns():
    a = boxes([0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 0])
    b = boxes([90, 0, 99, 10], [0, 5, 10, 20], [0, 10, 10, 20], [5, 0, 9, 0])
    assert height_iou(a, b).tolist() == [1, 0.25, 0, 0]


def test_straight_ahead_is_1_and_straight_behind_is_its_opposite():
    # from (0, 0) to the right; centres ahead, aside, behind, halfway, and where it comes from
    found = boxes([9, -1, 11, 1], [-1, 9, 1, 11], [-11, -1, -9, 1], [4, 4, 6, 6], [-1, -1, 1, 1])
    zero, right = np.zeros((5, 2)), np.tile([3.0, 0.0], (5, 1))
    assert direction_consistency(zero, right, found) == pytest.approx([1, 0, -1, 0.5, 0])
    assert direction_consistency(zero, zero, found).tolist() == [0] * 5
