# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""TrackAP against cases done by hand, and against an obvious slow version."""

from itertools import pairwise

import numpy as np
import pytest

from mot_ros.data.datasets.mot import MotRows
from mot_ros.evaluation.scores.scoring import combine, figures, measure
from mot_ros.evaluation.scores.track_ap import (
    THRESHOLDS,
    track_ap,
    track_figures,
    track_matches,
    TrackSet,
)

EMPTY = MotRows(np.zeros(0), np.zeros(0), np.zeros((0, 4)), np.zeros(0))


def rows(*boxes: tuple[int, int, float, float, float, float, float]) -> MotRows:
    """Return rows of frame, id, x1, y1, x2, y2, score."""
    table = np.array(boxes, np.float64).reshape(-1, 7)
    return MotRows(table[:, 0], table[:, 1], table[:, 2:6], table[:, 6])


TWO = rows((1, 1, 0, 0, 10, 10, 1), (31, 1, 0, 0, 10, 10, 1), (1, 2, 50, 0, 60, 10, 1))


def test_a_perfect_tracker() -> None:
    assert track_ap([TrackSet(TWO, TWO)]) == pytest.approx(
        {'TAP': 1, 'TAP50': 1, 'TAP75': 1}, abs=1e-6)


def test_half_of_a_track_is_half_of_its_volume() -> None:
    # person 1 is found in one of two frames: overlap .5; person 2 not at all
    one = rows((1, 7, 0, 0, 10, 10, 0.9))
    # one of two at .5: precision 1 up to a recall of .5, which are 51 of the 101 levels
    assert track_ap([TrackSet(TWO, one)]) == pytest.approx(
        {'TAP': 51 / 101 / 10, 'TAP50': 51 / 101, 'TAP75': 0}, abs=1e-6)


def test_better_scores_come_first_and_are_means() -> None:
    # the false track has a box with the best score of all, but a mean of .5
    false = rows((1, 3, 200, 0, 210, 10, 1.0), (31, 3, 200, 0, 210, 10, 0.0))
    good = rows((1, 4, 0, 0, 10, 10, 0.6), (31, 4, 0, 0, 10, 10, 0.6))
    best = MotRows(*(np.concatenate([getattr(false, name), getattr(good, name)])
                     for name in ('frames', 'ids', 'boxes', 'values')))
    assert track_ap([TrackSet(TWO, best)])['TAP75'] == pytest.approx(51 / 101, abs=1e-6)
    worst = MotRows(best.frames, best.ids, best.boxes, np.where(best.ids == 4, 0.4, best.values))
    # the right one comes second: precision 1 / 2
    assert track_ap([TrackSet(TWO, worst)])['TAP75'] == pytest.approx(51 / 101 / 2, abs=1e-6)


def test_what_is_not_known_does_not_count() -> None:
    false = rows((1, 3, 200, 0, 210, 10, 0.9))
    right = TrackSet(TWO, TWO)
    # the false track scores best, were it to count
    low = TrackSet(TWO, MotRows(TWO.frames, TWO.ids, TWO.boxes, TWO.values * 0.5))
    for other, expected in (
            (TrackSet(EMPTY, false), 1), (TrackSet(EMPTY, false, negative=True), 2 / 3),
            (TrackSet(EMPTY, EMPTY, negative=True), 1)):
        assert track_ap([other, low])['TAP'] == pytest.approx(expected, abs=1e-6)
    both = MotRows(*(np.concatenate([getattr(low.tracks, name), getattr(false, name)])
                     for name in ('frames', 'ids', 'boxes', 'values')))
    assert track_ap([TrackSet(TWO, both)])['TAP'] == pytest.approx(2 / 3, abs=1e-6)
    assert track_ap([TrackSet(TWO, both, exhaustive=False)])['TAP'] == pytest.approx(1, abs=1e-6)
    assert track_ap([right, TrackSet(TWO, EMPTY)])['TAP'] == pytest.approx(51 / 101, abs=1e-6)
    # nothing to find, so no figure
    assert track_ap([TrackSet(EMPTY, false, negative=True)]) == {}
    assert track_ap([TrackSet(EMPTY, EMPTY)]) == {}
    assert track_ap([]) == {}


def slow(sequences: list[TrackSet]) -> dict[str, float]:
    """Do what the paper says, one step after the other."""
    per_threshold = []
    for threshold in THRESHOLDS:
        hits, people = [], 0
        for sequence in sequences:
            truths = sorted(set(sequence.truth.ids.tolist()))
            people += len(truths)
            if not truths and not sequence.negative:
                continue
            ids = sorted(set(sequence.tracks.ids.tolist()))
            scores = {one: np.mean([
                value for value, other in zip(
                    sequence.tracks.values, sequence.tracks.ids, strict=True) if other == one])
                for one in ids}
            free = list(truths)
            for one in sorted(ids, key=lambda one: -scores[one]):
                near = [(volume_overlap(sequence, truth, one), truth) for truth in free]
                good = [pair for pair in near if pair[0] >= threshold]
                if good:
                    free.remove(max(good)[1])
                    hits.append((scores[one], True))
                elif sequence.exhaustive:
                    hits.append((scores[one], False))
        hits.sort(key=lambda hit: -hit[0])
        right = np.cumsum([hit for _, hit in hits])
        precision = right / np.arange(1, len(hits) + 1)
        recall = right / people
        per_threshold.append(np.mean([
            max(precision[recall >= level], default=0) for level in np.linspace(0, 1, 101)]))
    return {'TAP': float(np.mean(per_threshold)), 'TAP50': per_threshold[0],
            'TAP75': per_threshold[5]}


def volume_overlap(sequence: TrackSet, truth: int, track: int) -> float:
    shared = either = 0.0
    for frame in range(1, 10):
        a = sequence.truth.boxes[(sequence.truth.frames == frame) & (sequence.truth.ids == truth)]
        b = sequence.tracks.boxes[
            (sequence.tracks.frames == frame) & (sequence.tracks.ids == track)]
        areas = [float(np.prod(box[0, 2:] - box[0, :2])) if len(box) else 0.0 for box in (a, b)]
        both = 0.0
        if len(a) and len(b):
            both = float(np.prod(np.maximum(
                np.minimum(a[0, 2:], b[0, 2:]) - np.maximum(a[0, :2], b[0, :2]), 0)))
        shared += both
        either += sum(areas) - both
    return shared / either


def made_up(generator: np.random.Generator) -> TrackSet:
    truth, tracks = [], []
    negative = generator.random() < 0.2
    for person in range(int(generator.integers(1, 7))):
        noise = generator.uniform(0, 1.5)
        for frame in range(1, 10):
            x, y = 15.0 * person + frame, generator.uniform(0, 2)
            if generator.random() < 0.8 and not negative:
                truth.append((frame, person, x, y, x + 10, y + 20, 1))
            if generator.random() < 0.9:
                dx, dy = generator.normal(0, noise, 2)
                # scores with few digits, so that some are the same; ids from 0
                tracks.append((frame, person + (frame > 7 and noise > 1) * 20, x + dx, y + dy,
                               x + dx + 10, y + dy + 20, round(generator.random(), 1)))
    return TrackSet(rows(*truth), rows(*tracks), bool(generator.random() < 0.7), negative)


@pytest.mark.parametrize('seed', range(8))
def test_as_an_obvious_version(seed: int) -> None:
    generator = np.random.default_rng(seed)
    sequences = [made_up(generator) for _ in range(4)]
    expected = slow(sequences)
    assert track_ap(sequences) == pytest.approx(expected, abs=1e-6)
    assert 0 < expected['TAP'] < 1
    # falls with the threshold
    assert all(after <= before for before, after in pairwise(
        [expected[name] for name in ('TAP50', 'TAP75')]))


def test_all_sequences_at_once_and_not_their_mean() -> None:
    generator = np.random.default_rng(3)
    sequences = [one for one in (made_up(generator) for _ in range(6)) if not one.negative]
    raws = [measure(one.truth, one.tracks, 0, whole=one) for one in sequences]
    for raw, one in zip(raws, sequences, strict=True):
        found = figures(raw)
        assert {name: found[name] for name in track_ap([one])} == track_ap([one])
    whole = figures(combine(raws))
    assert whole['TAP'] == track_ap(sequences)['TAP']
    assert whole['TAP'] == track_figures([track_matches(one) for one in sequences])['TAP']
    assert whole['TAP'] != pytest.approx(np.mean([figures(raw)['TAP'] for raw in raws]), abs=1e-3)
    # and none where nobody asked
    plain = measure(sequences[0].truth, sequences[0].tracks, 0)
    assert not {'TAP', 'TAP50', 'TAP75'} & figures(plain).keys()
    assert not {'TAP', 'TAP50', 'TAP75'} & figures(combine([plain, plain])).keys()
