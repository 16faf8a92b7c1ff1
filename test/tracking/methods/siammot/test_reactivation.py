# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Detections that would start tracks wake missing ones: reach, size, class, bookkeeping."""

import dataclasses

import numpy as np
import pytest

from mot_ros.tracking.methods.siammot.reactivation import reactivate
from mot_ros.tracking.methods.siammot.solver import Rules, solve, SolverResult, TrackCandidates
from mot_ros.tracking.types import Detections

RULES = Rules(alpha=0.6, beta=0.9, resume=0.7)


def person(x, height=100.0):
    return [x, 0.0, x + 0.4 * height, height]


def scene(tracks, found, *, scores=None, labels=None):
    """Return claims, by default not believed, and detections, all fit to start tracks."""
    count = len(tracks)
    claims = TrackCandidates(
        np.array(tracks, np.float32).reshape(-1, 4),
        np.array(scores if scores is not None else [0.1] * count, np.float32),
        np.zeros(count, np.int64), np.zeros(count, np.bool_), np.ones(count, np.bool_))
    boxes = np.array(found, np.float32).reshape(-1, 4)
    return claims, Detections(
        boxes, np.full(len(boxes), 0.95, np.float32),
        np.array(labels if labels is not None else [0] * len(boxes), np.int64))


def run(tracks, found, reach=1.0, **how):
    claims, detections = scene(tracks, found, **how)
    verdict = solve(claims, detections, RULES)
    return claims, detections, verdict, *reactivate(
        claims, claims.boxes, detections, verdict, reach)


def test_a_track_that_was_not_found_goes_on_in_the_detection_beside_it():
    _, detections, before, claims, verdict = run([person(0)], [person(60)])
    assert before.active.tolist() == [] and before.started.tolist() == [0]
    assert verdict.active.tolist() == [0] and verdict.matched.tolist() == [0]
    assert verdict.started.tolist() == verdict.inactive.tolist() == []
    np.testing.assert_array_equal(claims.boxes, detections.boxes)
    assert claims.scores[0] == np.float32(0.95)


@pytest.mark.parametrize(('x', 'height', 'wakes'), [
    (99, 100, True), (101, 100, False), (-99, 100, True), (70, 149, True), (70, 151, False),
    (60, 68, True), (60, 66, False)])
def test_how_far_and_how_much_larger(x, height, wakes):
    """Distances are of centres, in heights of where the track was expected."""
    track = person(0)
    centre = np.array([20 + x, 50])
    half = np.array([0.2, 0.5]) * height
    found = np.concatenate([centre - half, centre + half])
    assert len(run([track], [found])[4].active) == wakes


def test_what_was_found_stays_and_reach_nothing_changes_nothing():
    claims, detections, before, *_ = run([person(0)], [person(60)], scores=[0.9])
    same, verdict = reactivate(claims, claims.boxes, detections, before, 1.0)
    assert verdict.active.tolist() == [0] and verdict.started.tolist() == [0]
    np.testing.assert_array_equal(same.boxes, claims.boxes)
    _, _, before, _, verdict = run([person(0)], [person(60)], reach=0.0)
    assert verdict is before


def test_the_nearest_pairing_of_all_is_taken():
    *_, claims, verdict = run([person(0), person(60)], [person(40), person(130)])
    # each alone would take the first
    assert verdict.active.tolist() == [0, 1] and verdict.matched.tolist() == [0, 1]
    np.testing.assert_array_equal(claims.boxes[:, 0], [40, 130])


def test_rows_stay_in_order_among_those_that_were_found():
    *_, verdict = run(
        [person(0), person(300), person(600)], [person(60), person(670)], scores=[.1, .9, .1])
    assert verdict.active.tolist() == [0, 1, 2]
    assert verdict.matched.tolist() == [0, -1, 1]


def test_classes_do_not_mix_unless_they_may():
    claims, detections = scene([person(0)], [person(60)], labels=[1])
    verdict = SolverResult(*(np.array(rows, np.int64) for rows in ([], [0], [0], [])))
    assert len(reactivate(claims, claims.boxes, detections, verdict, 1.0)[1].active) == 0
    changed, after = reactivate(
        claims, claims.boxes, detections, verdict, 1.0, class_aware=False)
    assert after.active.tolist() == [0] and changed.labels.tolist() == [1]
    assert claims.labels.tolist() == [0]


def test_each_wakes_one_at_the_most():
    *_, verdict = run([person(0), person(5)], [person(70)])
    assert len(verdict.active) == 1 and len(verdict.inactive) == 1
    assert verdict.started.tolist() == []


def test_it_counts_where_a_track_was_expected_and_not_what_it_claims():
    claims, detections = scene([person(500)], [person(60)])
    verdict = solve(claims, detections, RULES)
    expected = np.array([person(0)], np.float32)
    assert reactivate(claims, claims.boxes, detections, verdict, 1.0)[1] is not verdict
    assert len(reactivate(claims, claims.boxes, detections, verdict, 1.0)[1].active) == 0
    assert reactivate(claims, expected, detections, verdict, 1.0)[1].active.tolist() == [0]


def test_one_outside_the_image_may_come_back():
    claims, detections = scene([person(0)], [person(60)])
    claims = dataclasses.replace(claims, here=np.zeros(1, np.bool_))
    verdict = solve(claims, detections, RULES)
    assert reactivate(claims, claims.boxes, detections, verdict, 1.0)[1].active.tolist() == [0]
