# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Trails: where tracks come from, by hand and against a list of all that was seen."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from mot_ros.tracking.config import Settings
from mot_ros.tracking.motion.kalman_filter import KalmanConfig
from mot_ros.tracking.motion.state_models import MODELS
from mot_ros.tracking.motion.warp import Warp
from mot_ros.tracking.tracks.history import centres, HistoryTrackPool, LENGTH, ObservationHistory
from mot_ros.tracking.types import Frame, TrackState
from test.tracking.scenes import detections, person, SIZE

FIRST = np.array([0])


def box(x, y=100.0):
    return np.array([person(x, y)], np.float32)


def walk(stamps_and_places):
    trails = ObservationHistory()
    (stamp, x), *others = stamps_and_places
    trails.add(stamp, box(x))
    for stamp, x in others:
        trails.update(FIRST, stamp, box(x))
    return trails


def course(trails, span):
    origins, observed_directions = trails.observed_directions(FIRST, span)
    return origins[0].tolist(), observed_directions[0].tolist()


def test_a_course_begins_where_the_track_was_a_span_before_it_was_last_seen():
    trails = walk([(0.0, 10), (0.1, 12), (0.2, 15), (0.3, 19)])
    assert course(trails, 0.2) == ([12, 100], [7, 0])
    # between two observations the earlier one counts, and before all the first
    assert course(trails, 0.15) == ([12, 100], [7, 0])
    assert course(trails, 9.0) == ([10, 100], [9, 0])


def test_a_track_seen_once_went_nowhere():
    assert course(walk([(5.0, 10)]), 0.3) == ([10, 100], [0, 0])


def test_a_course_is_of_what_was_seen_and_not_of_the_time_since():
    # seen again after a gap: the last observation is the end, the one before the gap the origin
    assert course(walk([(0.0, 10), (0.1, 12), (3.0, 50)]), 0.3) == ([12, 100], [38, 0])


def test_stamps_since_1970_are_distinguished():
    epoch = 1.7e9
    trails = walk([(epoch + number / 30, 10 + number) for number in range(10)])
    assert course(trails, 0.1)[1] == [3, 0]


@given(st.lists(st.tuples(st.floats(0.01, 0.5), st.integers(-50, 50)), max_size=40),
       st.floats(0, 2))
def test_it_is_a_list_of_all_that_was_seen_lately(steps, span):
    stamp, seen = 0.0, [(0.0, 0)]
    for gap, x in steps:
        stamp += gap
        seen.append((stamp, x))
    lately = seen[-LENGTH:]
    before = [x for then, x in lately if then <= stamp - span + 1e-6]
    start = before[-1] if before else lately[0][1]
    assert course(walk(seen), span) == ([start, 100], [seen[-1][1] - start, 0])


def test_rows_go_with_their_tracks():
    trails = ObservationHistory()
    trails.add(0.0, np.concatenate([box(10), box(20), box(30)]))
    trails.update(np.array([0, 2]), 0.1, np.concatenate([box(11), box(33)]))
    trails.keep(np.array([False, True, True]))
    trails.add(0.1, box(40))
    assert len(trails) == 3
    origins, observed_directions = trails.observed_directions(np.array([2, 1, 0]), 0.1)
    assert origins[:, 0].tolist() == [40, 30, 20]
    assert observed_directions[:, 0].tolist() == [0, 3, 0]
    assert len(trails.observed_directions(np.zeros(0, np.int64), 0.1)[0]) == 0


def test_trails_move_along_with_the_image():
    trails = walk([(0.0, 10), (0.1, 20)])
    trails.warp(Warp(np.array([[2.0, 0, 5], [0, 2, 7]])))
    assert course(trails, 0.1) == ([25, 207], [20, 0])


def test_centres_of_boxes():
    assert centres(np.array([[0, 10, 4, 20]], np.float32)).tolist() == [[2, 15]]


@pytest.fixture
def pool():
    settings = Settings()
    return HistoryTrackPool(KalmanConfig(MODELS['xywh'], 10.0), settings, 1, camera=False)


def test_a_pool_keeps_the_trails_of_its_tracks(pool):
    seen = detections([person(100), person(300)])
    pool.propagate(Frame(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), 0.0, SIZE))
    pool.set_detections(None, seen)
    pool.add(seen, np.array([0, 1]), TrackState.CONFIRMED)
    pool.propagate(Frame(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), 0.1, SIZE))
    pool.observe(np.array([1]), detections([person(310)]), np.array([0]))
    pool.warp(Warp(np.array([[1.0, 0, 1], [0, 1, 2]])))
    assert pool.history.observed_directions(
        np.array([0, 1]), 0.1)[0].tolist() == [[101, 302], [301, 302]]
    assert pool.history.observed_directions(np.array([0, 1]), 0.1)[1].tolist() == [[0, 0], [10, 0]]
    pool.keep(np.array([False, True]))
    assert len(pool.history) == len(pool) == 1
    pool.reset()
    assert len(pool.history) == len(pool) == 0
