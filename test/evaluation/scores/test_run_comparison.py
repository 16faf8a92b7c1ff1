# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""How alike two runs are: against TrackEval, and differences that were planted."""

from __future__ import annotations

import numpy as np
import pytest

from mot_ros.data.datasets.mot import MotRows
from mot_ros.evaluation.scores.metrics import score
from mot_ros.evaluation.scores.run_comparison import compare, RunDifference


def rows(*frames):
    """Return boxes by {id: (x, y)} per frame, 40 x 80 pixels large."""
    flat = [(number, who, *place) for number, frame in enumerate(frames, 1)
            for who, place in frame.items()]
    table = np.array(flat, np.float64).reshape(-1, 4)
    corner = table[:, 2:]
    return MotRows(
        table[:, 0].astype(np.int64), table[:, 1].astype(np.int64),
        np.concatenate([corner, corner + np.array([40, 80])], axis=1), np.ones(len(table)))


def test_a_run_is_like_itself_under_other_ids():
    a = rows({1: (0, 0), 2: (100, 0)}, {1: (5, 0), 2: (105, 0)})
    b = rows({9: (0, 0), 4: (100, 0)}, {9: (5, 0), 4: (105, 0)})
    like = compare(a, b)
    assert (like.idf1, like.most_px, like.boxes, like.differences) == (1, 0, (4, 4), [])


def test_the_largest_difference_of_a_coordinate_is_told():
    a = rows({1: (0, 0)}, {1: (10, 0)})
    b = rows({1: (0, 0.25)}, {1: (9.25, 0)})
    assert compare(a, b).most_px == pytest.approx(0.75)


def test_ids_that_differ_are_told_with_their_frames():
    here, there = (0, 0), (300, 0)
    a = rows(*[{1: here, 2: there}] * 6)
    # the first person gets another id in frames 4 to 6, the second is not seen in frame 3
    b = rows(*[{1: here, 2: there}] * 2, {1: here}, *[{7: here, 2: there}] * 3)
    like = compare(a, b)
    assert like.differences == [
        RunDifference(0, 1, 4, 6, 7), RunDifference(0, 2, 3, 3, 0), RunDifference(1, 7, 4, 6, 1)]
    assert str(like.differences[0]) == 'A: id 1, frames 4 to 6: id 7 in the other run'
    assert str(like.differences[1]) == 'A: id 2, frame 3: nothing in the other run'
    assert like.idf1 == pytest.approx(2 * (3 + 5) / (12 + 11))


def test_idf1_is_that_of_trackeval():
    random = np.random.default_rng(3)
    frames = 30
    walks = random.uniform(0, 400, (8, 1, 2)) + np.cumsum(
        random.normal(0, 8, (8, frames, 2)), axis=1)
    a, b = [], []
    for number in range(frames):
        a.append({who + 1: tuple(walks[who, number]) for who in range(8)
                  if random.uniform() > 0.1})
        b.append({(who + 1 if number < 10 + who else who + 20): tuple(
            walks[who, number] + random.normal(0, 9, 2)) for who in range(8)
            if random.uniform() > 0.1})
    a, b = rows(*a), rows(*b)
    like = compare(a, b)
    assert 0.3 < like.idf1 < 0.8
    assert like.idf1 == pytest.approx(score(a, b).idf1, abs=1e-9)
    assert like.idf1 == pytest.approx(compare(b, a).idf1)


def test_nothing_is_like_nothing():
    none = rows()
    assert compare(none, none).idf1 == 1
    alone = compare(rows({1: (0, 0)}), none)
    assert alone.idf1 == 0 and alone.differences == [RunDifference(0, 1, 1, 1, 0)]
