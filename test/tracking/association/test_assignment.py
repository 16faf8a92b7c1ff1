# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import itertools
import time

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from mot_ros.tracking.association import assignment
from mot_ros.tracking.association.assignment import assign, match, Matches, overlapping, Pairs
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.types import Detections, Tracks


def _pairs(matrix):
    rows, cols = np.nonzero(np.asarray(matrix) > 0)
    return Pairs(rows, cols, np.asarray(matrix, np.float64)[rows, cols])


def _best_total(matrix, minimum):
    """Try every matching of a small matrix."""
    n, m = matrix.shape
    best = 0.0
    for k in range(1, min(n, m) + 1):
        for rows in itertools.combinations(range(n), k):
            for cols in itertools.permutations(range(m), k):
                values = matrix[rows, cols]
                if (values >= minimum).all() and (values > 0).all():
                    best = max(best, float((values - minimum).sum()))
    return best


@st.composite
def _matrices(draw, most=4):
    n, m = draw(st.integers(0, most)), draw(st.integers(0, most))
    # few distinct values make many ties
    cells = st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.7, 0.9])
    flat = draw(st.lists(cells, min_size=n * m, max_size=n * m))
    return np.array(flat, np.float64).reshape(n, m)


def _take(way, patch):
    """Go the way of small or of large problems whatever the size."""
    for limit in ('DENSE_IOU', 'DENSE_ASSIGNMENT'):
        patch.setattr(assignment, limit, 10 ** 9 if way == 'dense' else -1)


@pytest.fixture(params=['dense', 'parts'])
def way(request, monkeypatch):
    _take(request.param, monkeypatch)
    return request.param


def _check_is_matching(found: Matches, shape):
    assert sorted([*found.rows, *found.free_rows]) == list(range(shape[0]))
    assert sorted([*found.cols, *found.free_cols]) == list(range(shape[1]))


@settings(max_examples=150, deadline=None)
@given(matrix=_matrices(), minimum=st.sampled_from([0.0, 0.1, 0.3, 0.6]))
def test_equals_brute_force_both_ways(matrix, minimum):
    expected = _best_total(matrix, minimum)
    found = []
    for way in ('dense', 'parts'):
        with pytest.MonkeyPatch.context() as patch:
            _take(way, patch)
            result = assign(_pairs(matrix), matrix.shape, minimum)
        _check_is_matching(result, matrix.shape)
        values = matrix[result.rows, result.cols]
        assert (values >= minimum).all()
        assert (values - minimum).sum() == pytest.approx(expected, abs=1e-6)
        found.append(list(zip(result.rows, result.cols, strict=True)))
    # the tie-break decides between equals, so both ways find the same matching
    assert sorted(found[0]) == sorted(found[1])


def test_ties_go_to_the_older_track_the_better_detection_and_keep_the_order(way):
    one_detection = assign(_pairs([[0.5], [0.5], [0.5]]), (3, 1), 0.1)
    assert one_detection.rows.tolist() == [0]
    one_track = assign(_pairs([[0.5, 0.5, 0.5]]), (1, 3), 0.1)
    assert one_track.cols.tolist() == [0]
    equal = assign(_pairs(np.full((3, 3), 0.5)), (3, 3), 0.1)
    assert equal.cols[np.argsort(equal.rows)].tolist() == [0, 1, 2]


def test_a_value_equal_to_the_minimum_matches_and_one_below_does_not(way):
    assert len(assign(_pairs([[0.3]]), (1, 1), 0.3).rows) == 1
    assert len(assign(_pairs([[0.3]]), (1, 1), 0.3001).rows) == 0


def test_the_optimum_is_not_the_greedy_choice(way):
    # greedy takes 0.9 and leaves row 1 alone
    found = assign(_pairs([[0.9, 0.8], [0.8, 0.0]]), (2, 2), 0.1)
    assert found.cols[np.argsort(found.rows)].tolist() == [1, 0]


def test_pairs_without_rivals_match_beside_pairs_that_compete(way):
    # rows 1 and 3 have a detection of their own, 0 and 2 want the same one, 4 has none
    found = assign(_pairs([
        [0.4, 0, 0], [0, 0.9, 0], [0.8, 0, 0], [0, 0, 0.2], [0, 0, 0]]), (5, 3), 0.1)
    assert list(zip(found.rows.tolist(), found.cols.tolist(), strict=True)) == [
        (1, 1), (2, 0), (3, 2)]
    assert found.free_rows.tolist() == [0, 4]
    assert found.free_cols.tolist() == []


def _scene(n, seed, spread=1.0):
    rng = np.random.default_rng(seed)
    side = 60 * np.sqrt(n) * spread
    centre = rng.uniform(0, side, (n, 2))
    half = rng.uniform(10, 60, (n, 2))
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


@pytest.mark.parametrize('n, m, spread', [
    (0, 5, 1), (5, 0, 1), (1, 1, 1), (30, 50, 1), (400, 380, 1), (1000, 900, 1), (300, 300, .1)])
def test_large_and_small_ways_find_the_same(n, m, spread, monkeypatch):
    a, b = _scene(max(n, 1), 1, spread)[:n], _scene(max(m, 1), 2, spread)[:m]
    results = []
    for way in ('dense', 'parts'):
        _take(way, monkeypatch)
        pairs = overlapping(a, b)
        results.append((pairs, assign(pairs, (n, m), 0.2)))
    (dense_pairs, dense), (sparse_pairs, sparse) = results
    assert dense_pairs.rows.tolist() == sparse_pairs.rows.tolist()
    assert dense_pairs.cols.tolist() == sparse_pairs.cols.tolist()
    np.testing.assert_allclose(dense_pairs.values, sparse_pairs.values, atol=1e-6)
    _check_is_matching(dense, (n, m))
    assert dense.rows.tolist() == sparse.rows.tolist()
    assert dense.cols.tolist() == sparse.cols.tolist()


def test_overlapping_pairs_are_those_of_the_full_matrix(way):
    a, b = _scene(80, 3), _scene(70, 4)
    matrix = iou(a, b)
    pairs = overlapping(a, b)
    assert list(zip(pairs.rows, pairs.cols, strict=True)) == list(zip(
        *np.nonzero(matrix), strict=True))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10 ** 6))
def test_the_order_of_detections_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    a, b = _scene(15, seed), _scene(12, seed + 1)
    order = rng.permutation(12)
    straight = assign(overlapping(a, b), (15, 12), 0.1)
    shuffled = assign(overlapping(a, b[order]), (15, 12), 0.1)
    assert (sorted(zip(straight.rows, straight.cols, strict=True))
            == sorted(zip(shuffled.rows, order[shuffled.cols], strict=True)))


def _tracks(boxes, labels):
    n = len(boxes)
    zeros = np.zeros(n, np.float32)
    return Tracks(
        np.array(boxes, np.float32), zeros, np.array(labels), np.arange(n), zeros.astype(np.uint8),
        zeros, zeros, np.zeros((n, 2), np.float32), zeros, np.full(n, -1))


def test_matching_respects_class_and_score():
    tracks = _tracks([[0, 0, 10, 10]], [1])
    detections = Detections([[0, 0, 10, 10], [0, 0, 10, 9]], [0.5, 0.9], [2, 1])
    assert match(tracks, detections, 0.2).cols.tolist() == [1]
    assert match(tracks, detections, 0.2, class_aware=False).cols.tolist() == [0]
    weighed = match(tracks, detections, 0.2, class_aware=False, fuse_score=True)
    assert weighed.cols.tolist() == [1]
    assert match(tracks, detections, 0.85, fuse_score=True).rows.tolist() == []
    nothing = match(tracks, Detections.empty(), 0.2)
    assert nothing.free_rows.tolist() == [0]


def test_matching_of_some_tracks_and_detections_speaks_of_the_whole():
    boxes = [[x, 0, x + 10, 10] for x in (0, 100, 200, 300)]
    tracks = _tracks(boxes, [0, 1, 0, 0])
    detections = Detections(boxes[::-1], [0.9, 0.8, 0.7, 0.6], [0, 0, 1, 0])
    some = match(tracks, detections, 0.5, rows=np.array([1, 3]), cols=np.array([1, 2]))
    assert (some.rows.tolist(), some.cols.tolist()) == ([1], [2])
    assert (some.free_rows.tolist(), some.free_cols.tolist()) == ([3], [1])
    weighed = match(tracks, detections, 0.75, cols=np.array([1, 3]), fuse_score=True)
    assert (weighed.rows.tolist(), weighed.cols.tolist()) == ([2], [1])
    none = match(tracks, detections, 0.5, rows=np.array([2]), cols=np.zeros(0, np.int64))
    assert (none.free_rows.tolist(), none.free_cols.tolist()) == ([2], [])


@pytest.mark.parametrize('count, limit', [(1000, 0.1), (3000, 1.0)])
@pytest.mark.parametrize('spread', [0.0, 3.0, 300.0])
def test_time_is_bounded_on_any_arrangement(count, limit, spread):
    rng = np.random.default_rng(0)
    boxes = (np.tile([100.0, 100, 200, 300], (count, 1))
             + rng.normal(0, 1, (count, 2))[:, [0, 1, 0, 1]] * spread).astype(np.float32)
    best = np.inf
    for _ in range(3):
        begin = time.process_time()
        found = assign(overlapping(boxes, boxes), (count, count), 0.2)
        best = min(best, time.process_time() - begin)
    # several tests may run beside each other on the same cores
    assert best < 3 * limit
    assert len(found.rows) > 0.9 * count
    assert len(np.unique(found.cols)) == len(found.cols)


def test_a_greedy_choice_keeps_the_minimum_and_takes_the_best_first(monkeypatch):
    monkeypatch.setattr('mot_ros.tracking.association.assignment.MOST_PAIRS', 0)
    pairs = Pairs(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 2]),
                  np.array([0.6, 0.5, 0.9, 0.1, 0.1], np.float32))
    found = assign(pairs, (3, 3), 0.2)
    assert list(zip(found.rows.tolist(), found.cols.tolist(), strict=True)) == [(0, 1), (1, 0)]
    assert found.free_rows.tolist() == found.free_cols.tolist() == [2]


def test_dense_and_swept_overlaps_are_the_same_to_the_last_bit(monkeypatch):
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 300, (400, 2))
    boxes = np.c_[corners, corners + rng.uniform(20, 150, (400, 2))].astype(np.float32)
    dense = overlapping(boxes, boxes[::-1])
    monkeypatch.setattr('mot_ros.tracking.association.assignment.DENSE_SHARE', 1.0)
    swept = overlapping(boxes, boxes[::-1])
    for name in ('rows', 'cols', 'values'):
        assert np.array_equal(getattr(dense, name), getattr(swept, name))
