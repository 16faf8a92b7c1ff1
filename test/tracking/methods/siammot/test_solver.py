# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SiamMOT's solver: its table of decisions, golden timelines, and a slow reference beside it."""

import dataclasses

from hypothesis import given, settings, strategies
import numpy as np
import pytest

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.methods.siammot.lifecycle import apply_result, MissPolicy
from mot_ros.tracking.methods.siammot.solver import Rules, solve, TrackCandidates
from mot_ros.tracking.motion.last_observation import LastObservation
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Detections, Frame, TrackState
from test.tracking.scenes import BLANK, detections, person, SIZE

CODE = Rules(alpha=0.4, beta=0.6, resume=0.4)
APART = dataclasses.replace(CODE, joint=False)
HERE = person(300)
NEXT_TO_IT = person(310)
FAR = person(700)
C, L = TrackState.CONFIRMED, TrackState.LOST


def claims(boxes, scores, dormant=False, here=True, labels=0):
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    count = len(boxes)
    return TrackCandidates(
        boxes, np.broadcast_to(np.float32(scores), count).copy(),
        np.broadcast_to(np.int64(labels), count).copy(),
        np.broadcast_to(np.bool_(dormant), count).copy(),
        np.broadcast_to(np.bool_(here), count).copy())


def verdict(mine, found=None, rules=CODE):
    result = solve(mine, Detections.empty() if found is None else found, rules)
    return [part.tolist() for part in (
        result.active, result.inactive, result.started, result.matched)]


NOBODY = claims([], [])


class Life:
    """One tracker's pool, fed with what a network would say, frame by frame."""

    def __init__(self, tau=1, seconds=0.0, rules=CODE):
        self.tracks = TrackPool(LastObservation())
        self.rules, self.patience, self.frame = rules, MissPolicy(tau, seconds), 0

    def step(self, score=None, found=None, box=HERE, rate=30.0):
        """Claim one score for all tracks there are, and return states by id."""
        predicted = self.tracks.propagate(Frame(BLANK, self.frame / rate, SIZE))
        self.frame += 1
        mine = claims(
            [box] * len(predicted), 0.0 if score is None else score,
            predicted.states == int(L), score is not None)
        seen = Detections.empty() if found is None else detections([box], found)
        apply_result(self.tracks, mine, seen, solve(mine, seen, self.rules), self.patience)
        now = self.tracks.snapshot()
        return dict(zip(now.ids.tolist(), now.states.tolist(), strict=True))


# The golden timelines of the specification; its scores are in (1, 2), its ids begin at 0.


def test_golden_timeline_of_tau_1():
    life = Life(tau=1)
    assert life.step(found=0.9) == {1: C}
    assert life.step(0.8, found=0.95) == {1: C}, 'the detection at its place is suppressed'
    assert life.tracks.snapshot().scores.tolist() == pytest.approx([0.8])
    assert life.step(0.3) == {}


def test_golden_timeline_of_tau_3():
    life = Life(tau=3)
    assert life.step(found=0.9) == {1: C}
    assert life.step(0.8, found=0.95) == {1: C}
    assert life.step(0.3) == {1: L}
    assert life.step(0.2) == {1: L}
    assert life.step(0.5) == {1: C}
    assert life.tracks.snapshot().scores.tolist() == pytest.approx([0.5])
    assert life.step(0.3) == {1: L}
    assert life.step(0.3) == {1: L}
    assert life.step(0.3) == {}


@pytest.mark.parametrize('tau, seconds, rate', [
    (30, 0.0, 30.0), (30, 0.0, 7.0), (7, 1.0, 30.0), (7, 30 / 7, 7.0)])
def test_tau_of_30_is_29_retries(tau, seconds, rate):
    life = Life(tau, seconds)
    life.step(found=0.9, rate=rate)
    assert life.step(0.1, rate=rate) == {1: L}
    for retry in range(28):
        assert life.step(0.1, rate=rate) == {1: L}, retry
    woken = Life(tau, seconds)
    for score in [None, *[0.1] * 29]:
        woken.step(score, found=0.9 if score is None else None, rate=rate)
    assert woken.step(0.4, rate=rate) == {1: C}, 'the last retry may still find it'
    assert life.step(0.1, rate=rate) == {}


def test_no_patience_is_too_short_for_one_who_is_there():
    life = Life(tau=1, seconds=1e-9)
    life.step(found=0.9)
    assert life.step(0.9) == {1: C}
    assert life.step(0.1) == {}


def test_time_passes_on_frames_with_nothing_in_them():
    life = Life(tau=3)
    life.step(found=0.9)
    # neither a detection nor a claim of a track that is in the image (defect 4)
    assert [life.step() for _ in range(3)] == [{1: L}, {1: L}, {}]
    assert life.step(found=0.9) == {2: C}, 'ids are never given twice'


def test_a_resumed_track_begins_a_new_count():
    life = Life(tau=2)
    life.step(found=0.9)
    for _ in range(3):
        assert life.step(0.1) == {1: L}
        assert life.step(0.9) == {1: C}


def test_velocity_and_age_are_those_of_the_pool():
    life = Life(tau=3)
    life.step(found=0.9)
    life.step(0.9, box=NEXT_TO_IT)
    now = life.tracks.snapshot()
    assert now.velocities[0] == pytest.approx([300, 0], rel=1e-4)
    assert now.ages[0] == pytest.approx(1 / 30)


# The table of decisions.


@pytest.mark.parametrize('mine, found, expected', [
    # (active, inactive, started, matched)
    (NOBODY, Detections.empty(), ([], [], [], [])),
    (NOBODY, detections([HERE], 0.6), ([], [], [0], [])),
    (NOBODY, detections([HERE], 0.59), ([], [], [], [])),
    (claims([HERE], 0.4), None, ([0], [], [], [-1])),
    (claims([HERE], 0.39), None, ([], [0], [], [])),
    (claims([HERE], 0.4, dormant=True), None, ([0], [], [], [-1])),
    # a track comes before a better detection, also one that does not go on
    (claims([HERE], 0.5), detections([NEXT_TO_IT], 0.99), ([0], [], [], [0])),
    (claims([HERE], 0.1), detections([NEXT_TO_IT], 0.99), ([], [0], [], [])),
    (claims([HERE], 0.1, dormant=True), detections([NEXT_TO_IT], 0.99), ([], [0], [], [])),
    (claims([HERE], 0.5), detections([FAR], 0.99), ([0], [], [0], [-1])),
    # active before dormant, whatever the scores
    (claims([HERE, NEXT_TO_IT], [0.95, 0.5], [True, False]), None, ([1], [0], [], [-1])),
    (claims([HERE, NEXT_TO_IT], [0.95, 0.1], [True, False]), None, ([], [0, 1], [], [])),
    # among active ones the better, among equals the older
    (claims([HERE, NEXT_TO_IT], [0.5, 0.6]), None, ([1], [0], [], [-1])),
    (claims([HERE, NEXT_TO_IT], 0.5), None, ([0], [1], [], [-1])),
    # what is not in the image suppresses nothing
    (claims([HERE], 0.9, here=False), detections([HERE], 0.9), ([], [0], [0], [])),
])
def test_decisions_of_the_published_code(mine, found, expected):
    assert verdict(mine, found) == [list(part) for part in expected]


@pytest.mark.parametrize('mine, found, expected', [
    (claims([HERE], 0.5), detections([NEXT_TO_IT], 0.99), ([0], [], [], [0])),
    # here a track that does not go on leaves its place to the detection, or the dormant track
    (claims([HERE], 0.1), detections([NEXT_TO_IT], 0.99), ([], [0], [0], [])),
    (claims([HERE, NEXT_TO_IT], [0.95, 0.1], [True, False]), None, ([0], [1], [], [-1])),
    (claims([HERE, NEXT_TO_IT], [0.95, 0.5], [True, False]), None, ([1], [0], [], [-1])),
    # detections suppress each other before tracks suppress them
    (claims([person(288)], 0.9), detections([person(300), person(312)], [0.9, 0.8]),
     ([0], [], [], [0])),
])
def test_decisions_of_the_paper(mine, found, expected):
    assert verdict(mine, found, APART) == [list(part) for part in expected]


def test_tracktor_has_another_bound_for_tracks_than_for_detections():
    rules = dataclasses.replace(APART, overlap=0.3, track_overlap=0.6)
    near = person(314)
    assert 0.3 < iou(np.array([HERE]), np.array([near]))[0, 0] < 0.6
    assert verdict(claims([HERE, near], 0.9), rules=rules)[0] == [0, 1]
    assert verdict(claims([HERE], 0.9), detections([near]), rules)[2] == []
    assert verdict(NOBODY, detections([HERE, near], [0.9, 0.8]), rules)[2] == [0]


@pytest.mark.parametrize('rules', [CODE, APART])
def test_classes_may_be_kept_apart(rules):
    rider, cycle = claims([HERE], 0.9, labels=0), detections([NEXT_TO_IT], 0.9, labels=1)
    assert verdict(rider, cycle, rules)[2] == [], 'as published (defect 2)'
    aware = dataclasses.replace(rules, class_aware=True)
    assert verdict(rider, cycle, aware)[2] == [0]
    assert verdict(claims([HERE, NEXT_TO_IT], 0.9, labels=[0, 1]), rules=aware)[0] == [0, 1]
    assert verdict(claims([HERE, NEXT_TO_IT], 0.9, labels=[1, 1]), rules=aware)[0] == [0]


def test_the_overlap_of_inclusive_pixels_is_that_between_edges():
    inclusive = np.array([[0, 0, 9, 9], [0, 5, 9, 14]], np.float32)
    edges = inclusive + np.array([0, 0, 1, 1], np.float32)
    # the published IoU: 10 x 5 of 10 x 15 pixels
    assert iou(edges[:1], edges[1:])[0, 0] == pytest.approx(50 / 150)
    exactly = dataclasses.replace(CODE, overlap=float(iou(edges[:1], edges[1:])[0, 0]))
    assert verdict(claims(edges, 0.9), rules=exactly)[0] == [0, 1], 'more than, not as much as'
    assert verdict(
        claims(edges, 0.9), rules=dataclasses.replace(exactly, overlap=0.33))[0] == [0]


def test_a_waking_track_needs_its_own_threshold():
    rules = dataclasses.replace(CODE, resume=0.7)
    assert verdict(claims([HERE, FAR], 0.5, [False, True]), rules=rules)[:2] == [[0], [1]]
    assert verdict(claims([HERE, FAR], 0.7, [False, True]), rules=rules)[:2] == [[0, 1], []]


def test_what_a_track_suppressed_is_its_source():
    mine = claims([HERE, FAR, person(500)], 0.9)
    found = detections([FAR, person(303), person(306)], [0.9, 0.8, 0.7])
    assert verdict(mine, found)[3] == [1, 0, -1]
    tracks = TrackPool(LastObservation())
    tracks.propagate(Frame(BLANK, 0.0, SIZE))
    apply_result(tracks, NOBODY, found, solve(NOBODY, found, CODE), MissPolicy(1))
    assert tracks.snapshot().sources.tolist() == [0, 1], 'those that started them'
    expected = tracks.propagate(Frame(BLANK, 0.1, SIZE))
    mine = claims(expected.boxes, 0.9)
    turned = found[np.array([1, 0])]
    apply_result(tracks, mine, turned, solve(mine, turned, CODE), MissPolicy(1))
    assert tracks.snapshot().sources.tolist() == [1, 0]


# The reference: the published solver, written as it is described, with its offsets.


def reference(mine, found, rules):
    rows = [(mine.scores[i] + (1 if mine.dormant[i] else 2), i) for i in range(len(mine.boxes))
            if mine.here[i]]
    count = len(mine.boxes)
    rows += [(score, count + i) for i, score in enumerate(found.scores)]
    boxes = np.concatenate([mine.boxes, found.boxes])
    labels = np.concatenate([mine.labels, found.labels])
    kept = []
    for _, row in sorted(rows, key=lambda pair: (-pair[0], pair[1])):
        if all(iou(boxes[[row]], boxes[[other]])[0, 0] <= rules.overlap
               or (rules.class_aware and labels[row] != labels[other]) for other in kept):
            kept.append(row)
    active = [i for i in range(count) if i in kept and mine.scores[i] >= (
        rules.resume if mine.dormant[i] else rules.alpha)]
    started = [i for i in range(len(found)) if count + i in kept
               and found.scores[i] >= rules.beta]
    return active, [i for i in range(count) if i not in active], started


@settings(max_examples=60, deadline=None)
@given(seed=strategies.integers(0, 2**32), aware=strategies.booleans())
def test_the_solver_equals_its_description(seed, aware):
    rng = np.random.default_rng(seed)
    many, more = rng.integers(0, 12, 2)
    centres = rng.integers(0, 20, (many + more, 2)) * 10
    # sixteenths are exact, in whichever precision the offsets are added
    scores = rng.integers(0, 16, many + more) / 16
    boxes = [person(300 + x, 200 + y) for x, y in centres]
    labels = rng.integers(0, 2, many + more)
    mine = claims(boxes[:many], scores[:many], rng.random(many) < 0.4, rng.random(many) < 0.8,
                  labels[:many])
    found = detections(boxes[many:], scores[many:], labels[many:])
    rules = dataclasses.replace(CODE, resume=0.5, class_aware=aware)
    assert verdict(mine, found, rules)[:3] == [list(part) for part in reference(
        mine, found, rules)]


@settings(max_examples=60, deadline=None)
@given(seed=strategies.integers(0, 2**32), joint=strategies.booleans())
def test_what_goes_on_or_starts_lies_apart(seed, joint):
    rng = np.random.default_rng(seed)
    many, more = rng.integers(0, 12, 2)
    boxes = [person(x, y) for x, y in rng.uniform([250, 250], [450, 350], (many + more, 2))]
    mine = claims(boxes[:many], rng.random(many), rng.random(many) < 0.4, rng.random(many) < 0.8)
    found = detections(boxes[many:], rng.random(more))
    result = solve(mine, found, dataclasses.replace(CODE, joint=joint))
    assert sorted([*result.active, *result.inactive]) == list(range(many))
    alive = np.concatenate([mine.boxes[result.active], found.boxes[result.started]])
    overlap = iou(alive, alive) - np.eye(len(alive), dtype=np.float32)
    assert (overlap <= 0.5).all()
    assert mine.here[result.active].all()
    shown = result.matched[result.matched >= 0]
    assert len(set(shown.tolist())) == len(shown), 'no detection is the source of two tracks'
