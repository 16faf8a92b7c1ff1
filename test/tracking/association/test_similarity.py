# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.tracking.association.assignment import assign
from mot_ros.tracking.association.similarity import (
    article_similarity,
    code_similarity,
    distance_gate,
    positive_pairs,
    published_gate,
    split_by_scores,
)
from mot_ros.tracking.boxes import iou


def array(*numbers):
    return np.array(numbers, np.float32)


@pytest.mark.parametrize(('scores', 'high', 'low'), [
    ([], [], []),
    ([0.05], [], []),
    ([0.3], [0], []),
    ([0.1], [0], []),
    # ceil(2 / 2) = 1: the better one is the bound
    ([0.4, 0.9], [1], [0]),
    ([0.9, 0.9], [0, 1], []),
    # ceil(3 / 2) = 2: (0.9 + 0.7) / 2
    ([0.2, 0.7, 0.9], [2], [0, 1]),
    ([0.8, 0.2, 0.8], [0, 2], [1]),
    ([0.9, 0.8, 0.7, 0.1, 0.05], [0], [1, 2, 3]),
    # ceil(5 / 2) = 3: (0.9 + 0.9 + 0.6) / 3
    ([0.9, 0.5, 0.6, 0.9, 0.2], [0, 3], [1, 2, 4]),
    ([0.3] * 7, [0, 1, 2, 3, 4, 5, 6], []),
])
def test_split_at_the_mean_of_the_better_half(scores, high, low):
    confident, doubtful = split_by_scores(array(*scores), 0.1)
    assert (confident.tolist(), doubtful.tolist()) == (high, low)


def test_split_is_complete_and_never_without_a_confident_one():
    rng = np.random.default_rng(0)
    for count in range(1, 40):
        scores = rng.choice(array(0.05, 0.1, 1 / 3, 0.6, 0.61), count)
        high, low = split_by_scores(scores, 0.1)
        assert sorted([*high, *low]) == np.flatnonzero(scores >= np.float32(0.1)).tolist()
        if len(high) + len(low):
            assert scores[high].max() == scores.max()
            assert not len(low) or scores[low].max() < scores[high].min()


def test_golden_gate_of_the_published_code():
    cosines = 1 - array(0.05, 0.2, 0.3, 0.1)
    gate = published_gate(cosines, np.array([1, 5, 0.5, 9]), 0.98)
    np.testing.assert_allclose(gate, [0.069, 0.296, 0.304, 0.278], atol=1e-6)
    # beyond chi2 nothing passes, at it still does
    assert published_gate(array(1, 1), np.array([9.4877, 9.4878]), 0.98).tolist() == [
        pytest.approx(0.02 * 9.4877), np.inf]
    worth = code_similarity(
        array(0.9, 0.8, 0.7, 0.6), cosines, np.array([1, 5, 0.5, 9.5]), 0.98, 0.3)
    np.testing.assert_allclose(worth, [0.9, 0.8, 0, 0])
    assert worth.dtype == np.float32


def test_gate_of_the_published_code_at_its_boundary():
    """A pair exactly at 0.3 passes."""
    worth = code_similarity(
        np.full(2, 0.5, np.float32), array(0.5, 0.5), np.array([0.0, 0.0]), 0.6, 0.3)
    assert worth.tolist() == [0.5, 0.5]


def test_article_mixes_iou_and_appearance_and_gates_by_appearance():
    worth = article_similarity(
        array(0.9, 0.9, 0.0, 0.2), array(0.7, 0.6999, 0.8, 1.0), 0.5, 0.7)
    np.testing.assert_allclose(worth, [0.8, 0.0, 0.4, 0.6], atol=1e-6)
    assert worth.dtype == np.float32


def test_two_crossing_people_are_distinguished_by_appearance():
    """By overlap alone ids change where people pass each other; by looks they do not."""
    tracks = np.array([[100, 100, 140, 200], [112, 100, 152, 200]], np.float32)
    seen = np.array([[110, 100, 150, 200], [101, 100, 141, 200]], np.float32)
    cosines = np.array([[0.95, 0.2], [0.3, 0.9]], np.float32)
    overlap = iou(tracks, seen)
    by_overlap = assign(positive_pairs(overlap), (2, 2), 0.2)
    assert by_overlap.cols.tolist() == [1, 0]
    by_looks = assign(positive_pairs(article_similarity(overlap, cosines, 0.5, 0.7)), (2, 2), 0.2)
    assert by_looks.cols.tolist() == [0, 1]
    close = np.full((2, 2), 0.5)
    by_gate = assign(
        positive_pairs(code_similarity(overlap, cosines, close, 0.98, 0.3)), (2, 2), 0.2)
    assert by_gate.cols.tolist() == [0, 1]


def test_worthless_pairs_are_no_pairs():
    pairs = positive_pairs(np.array([[0, 0.5, 0], [0.25, 0, 1]], np.float32))
    assert pairs.rows.tolist() == [0, 1, 1]
    assert pairs.cols.tolist() == [1, 0, 2]
    assert pairs.values.tolist() == [0.5, 0.25, 1]
    assert len(positive_pairs(np.zeros((0, 3), np.float32)).rows) == 0


def test_the_distance_gate_is_in_heights_and_grows_with_the_time_unseen():
    tracks = np.array([[100, 100, 140, 200], [100, 100, 140, 200], [0, 0, 10, 20]], np.float32)
    seen = np.array([[199, 100, 239, 200], [100, 210, 140, 310], [300, 100, 340, 200]], np.float32)
    near = distance_gate(tracks, np.array([0.0, 1.0, 0.0]), seen, 1.0, 1.0)
    assert near.tolist() == [[True, False, False], [True, True, True], [False, False, False]]
    assert distance_gate(tracks[:0], np.zeros(0), seen, 1.0, 1.0).shape == (0, 3)
