# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.data.datasets.mot import MotRows
from mot_ros.evaluation.detection_matches import bin_of, match, MISSED, pooled, recall_interval
from mot_ros.evaluation.scores.metrics import average_precision


def rows(frames, boxes, values, ids=None):
    return MotRows(
        np.array(frames), np.array(ids if ids is not None else [-1] * len(frames)),
        np.array(boxes, float).reshape(-1, 4), np.array(values, float))


@pytest.fixture
def crowd():
    """Return truth and detections at random, some of them near each other."""
    random = np.random.default_rng(3)
    corners = random.uniform(0, 200, (60, 2))
    boxes = np.concatenate([corners, corners + random.uniform(20, 60, (60, 2))], axis=1)
    frames = random.integers(1, 9, 60)
    truth = rows(frames, boxes, random.random(60) > .2, np.arange(60) % 12)
    moved = np.concatenate([boxes + random.normal(0, 4, boxes.shape), boxes + 90])
    return truth, rows(np.tile(frames, 2), moved, random.random(120))


@pytest.mark.parametrize('iou', [.5, .75])
def test_average_precision_is_that_of_the_metrics(crowd, iou):
    truth, found = crowd
    matches = match(truth, found, 240, iou)
    assert matches.average_precision() == pytest.approx(average_precision(truth, found, iou))
    assert (matches.found > MISSED).sum() == matches.right.sum()


def test_by_hand():
    people = [[0, 0, 10, 40], [50, 0, 60, 90], [0, 0, 10, 40]]
    truth = rows([1, 1, 2], people, [1, 1, 0], [1, 2, 3])
    found = rows([1, 1, 2, 2], [
        [0, 0, 10, 39], [20, 0, 30, 50], [0, 0, 10, 40], [90, 0, 99, 40]], [.9, .8, .7, .6])
    matches = match(truth, found, {1: 100, 2: 200}.__getitem__)
    # what lies on truth that is not considered counts neither way
    assert matches.scores.tolist() == [.9, .8, .6]
    assert matches.right.tolist() == [True, False, False]
    assert matches.found.tolist() == [.9, MISSED]
    assert matches.people_heights.tolist() == [.4, .9]
    assert matches.recall(.5) == .5 and matches.recall(.95) == 0
    assert matches.precision(.85) == 1 and matches.precision(.7) == .5
    assert matches.score_at(.85) == .9
    assert matches.score_at(1.1) == float('inf')
    assert matches.recall(.5, matches.people_of(2)) == 1
    assert matches.recall(.5, matches.people_of(4)) == 0


def test_equal_scores_come_together():
    people = [[0, 0, 10, 40]]
    truth = rows([1, 2, 3], people * 3, [1, 1, 1])
    found = rows([1, 2, 3, 3, 3], people * 3 + [[50, 0, 60, 40], [70, 0, 80, 40]],
                 [.9, .9, .5, .5, .5])
    assert match(truth, found, 100).score_at(.7) == .9
    assert match(truth, found, 100).score_at(.6) == .5


def test_scenes_are_joined_with_people_apart(crowd):
    one = match(*crowd, 240)
    both = pooled([one, one])
    assert len(both.found) == 2 * len(one.found)
    assert len(np.unique(both.ids)) == 2 * len(np.unique(one.ids))
    assert both.recall(.5) == pytest.approx(one.recall(.5))


def test_bins_have_their_lower_edge():
    assert bin_of(np.array([0, .119, .12, .449, .45, .7, 1.2])).tolist() == [0, 0, 1, 2, 3, 4, 4]


def test_interval_is_over_people():
    hits = np.array([True] * 50 + [False] * 50)
    low, high = recall_interval(np.repeat([1, 2], 50), hits)
    assert (low, high) == (0, 1)
    low, high = recall_interval(np.full(100, -1), hits)
    assert .4 < low < .5 < high < .6
    assert recall_interval(np.arange(100), np.ones(100, bool)) == (1, 1)
    assert np.isnan(recall_interval(np.array([], int), np.array([], bool))).all()


def test_nothing_found_and_nobody_there():
    nothing = rows([], [], [])
    matches = match(nothing, nothing, 100)
    assert matches.average_precision() == 0
    assert np.isnan(matches.recall(.5)) and np.isnan(matches.precision(.5))
