# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.tracking.appearance.embedder import unit
from mot_ros.tracking.appearance.feature_bank import FeatureBank, MEMORIES
from mot_ros.tracking.motion.kalman_filter import KalmanConfig
from mot_ros.tracking.motion.state_models import MODELS
from mot_ros.tracking.tracks.track_pool import TrackPool
from mot_ros.tracking.types import Detections, Frame, TrackState

D, CAPACITY, MOMENTUM = 8, 5, 0.9


class SlowBank:
    """The same with a dictionary per track and lists."""

    def __init__(self):
        self.tracks = []

    def add(self, features):
        for feature in features:
            self.tracks.append({'mean': np.zeros(D), 'features': []})
            self.update([len(self.tracks) - 1], [feature])

    def keep(self, mask):
        self.tracks = [track for track, kept in zip(self.tracks, mask, strict=True) if kept]

    def update(self, rows, features):
        for row, feature in zip(rows, features, strict=True):
            track = self.tracks[row]
            if not np.any(feature):
                continue
            if track['features']:
                mean = MOMENTUM * track['mean'] + (1 - MOMENTUM) * feature
                length = np.sqrt(sum(mean ** 2))
                track['mean'] = mean / length if length else mean
            else:
                track['mean'] = np.array(feature, float)
            track['features'] = [*track['features'], feature][-CAPACITY:]

    def similarity(self, features, memory):
        table = np.zeros((len(self.tracks), len(features)))
        for row, track in enumerate(self.tracks):
            if not track['features']:
                continue
            stand_ins = {'mean': [track['mean']], 'latest': track['features'][-1:],
                         'bank': track['features']}[memory]
            for column, feature in enumerate(features):
                table[row, column] = max(float(np.dot(one, feature)) for one in stand_ins)
        return table


def features(rng, count, zeros=0.1):
    """Make unit vectors that point anywhere, some of them zero."""
    made = unit(rng.normal(0, 1, (count, D)).astype(np.float32))
    made[rng.random(count) < zeros] = 0
    return made


@pytest.mark.parametrize('seed', range(6))
def test_bank_equals_the_slow_one_whatever_comes_and_goes(seed):
    rng = np.random.default_rng(seed)
    fast, slow = FeatureBank(D, CAPACITY, MOMENTUM), SlowBank()
    for _ in range(120):
        born = features(rng, rng.integers(0, 4))
        fast.add(born)
        slow.add(born)
        rows = rng.permutation(len(fast))[:rng.integers(0, len(fast) + 1)]
        seen = features(rng, len(rows))
        fast.update(rows, seen)
        slow.update(rows, seen)
        probes = features(rng, rng.integers(0, 5))
        for memory in MEMORIES:
            table = fast.similarity(probes, memory)
            assert table.shape == (len(slow.tracks), len(probes)) and table.dtype == np.float32
            np.testing.assert_allclose(table, slow.similarity(probes, memory), atol=1e-5)
            some = rng.permutation(len(fast))[:3]
            np.testing.assert_allclose(
                fast.similarity(probes, memory, some), table[some], atol=1e-6)
        mask = rng.random(len(fast)) < rng.choice([0.0, 0.7, 0.95, 1.0], p=[.02, .3, .4, .28])
        fast.keep(mask)
        slow.keep(mask)
        assert len(fast) == len(slow.tracks)


def test_one_index_selects_everything():
    rng = np.random.default_rng(1)
    bank, probes = FeatureBank(D, CAPACITY, MOMENTUM), features(rng, 4)
    bank.add(features(rng, 6, zeros=0))
    for _ in range(7):
        bank.update(np.arange(6), features(rng, 6))
    for index in (np.array([4, 1, 3]), np.array([True, False, True]), slice(1, None),
                  np.zeros(0, np.int64)):
        before = {memory: bank.similarity(probes, memory) for memory in MEMORIES}
        counts = bank.counts
        bank.keep(index)
        assert bank.counts.tolist() == counts[index].tolist()
        for memory in MEMORIES:
            np.testing.assert_allclose(
                bank.similarity(probes, memory), before[memory][index], atol=1e-6)


def test_running_mean_is_that_of_the_published_code():
    """F / |f|, then 0.9 ema + 0.1 f, normalised again."""
    bank = FeatureBank(2, 50, 0.9)
    bank.add(np.array([[1, 0]], np.float32))
    bank.update(np.array([0]), np.array([[0, 1]], np.float32))
    np.testing.assert_allclose(bank.mean, [[0.9 / 0.82 ** 0.5, 0.1 / 0.82 ** 0.5]], rtol=1e-6)


def test_a_track_without_features_has_cosine_zero_until_it_gets_one():
    bank = FeatureBank(2, 3, 0.9)
    bank.add(np.zeros((2, 2), np.float32))
    probe = np.array([[-1, 0], [0, 0]], np.float32)
    for memory in MEMORIES:
        assert bank.similarity(probe, memory).tolist() == [[0, 0], [0, 0]]
    bank.update(np.array([1]), np.array([[1, 0]], np.float32))
    for memory in MEMORIES:
        assert bank.similarity(probe, memory).tolist() == [[0, 0], [-1, 0]]
    assert bank.counts.tolist() == [0, 1]


def test_opposite_embeddings_leave_no_nan():
    bank = FeatureBank(2, 3, 0.5)
    bank.add(np.array([[1, 0]], np.float32))
    bank.update(np.array([0]), np.array([[-1, 0]], np.float32))
    assert bank.mean.tolist() == [[0, 0]]


def test_the_bank_remembers_no_further_back_than_its_capacity():
    bank = FeatureBank(2, 3, 0.9)
    bank.add(np.array([[1, 0]], np.float32))
    first = np.array([[1, 0]], np.float32)
    for step in range(3):
        assert bank.similarity(first, 'bank')[0, 0] == 1, step
        bank.update(np.array([0]), np.array([[0, 1]], np.float32))
    assert bank.similarity(first, 'bank')[0, 0] == 0


def test_memory_stays_flat_while_tracks_come_and_go():
    """20,000 steps with 40 living tracks on average, after a crowd of 2,000."""
    rng = np.random.default_rng(0)
    bank = FeatureBank(D, CAPACITY, MOMENTUM)
    bank.add(features(rng, 2000))
    crowd = bank.nbytes
    bank.keep(slice(0, 40))
    sizes = []
    for _ in range(20000):
        bank.keep(rng.random(len(bank)) < 0.95)
        bank.add(features(rng, rng.poisson(2)))
        bank.update(np.arange(len(bank)), features(rng, len(bank)))
        sizes.append(bank.nbytes)
    assert max(sizes) < crowd / 8
    per_track = D * 4 * (CAPACITY + 1) + 16
    assert max(sizes) < 4 * 80 * per_track
    assert max(sizes[10000:]) <= max(sizes[:10000]) * 1.5


def test_the_bank_stays_in_step_with_a_pool_of_tracks():
    """Rows are those of the pool: what a track looks like goes with its id."""
    rng = np.random.default_rng(2)
    pool, bank = TrackPool(KalmanConfig(MODELS['xywh'], 10.0)), FeatureBank(D, CAPACITY, MOMENTUM)
    looks = features(rng, 2000, zeros=0)
    for number in range(200):
        tracks = pool.propagate(Frame(None, number / 10, (1000, 600)))
        np.testing.assert_allclose(bank.mean, looks[tracks.ids], atol=1e-5)
        count = 6
        corner = rng.uniform(0, 500, (count, 2))
        seen = Detections(np.concatenate([corner, corner + 50], axis=1), np.full(count, 0.9),
                          np.zeros(count))
        rows = rng.permutation(len(pool))[:3]
        pool.observe(rows, seen, np.arange(len(rows)))
        bank.update(rows, looks[tracks.ids[rows]])
        alive = rng.random(len(pool)) < 0.9
        pool.keep(alive)
        bank.keep(alive)
        born = np.arange(len(rows), count)[:rng.integers(0, 3)]
        ids = pool.next_id + np.arange(len(born))
        pool.add(seen, born, TrackState.CONFIRMED)
        bank.add(looks[ids])
        assert len(bank) == len(pool)
