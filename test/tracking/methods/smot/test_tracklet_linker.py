# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.tracking.methods.smot.tracklet_linker import distance_gate, TrackletLinker


def look(*values):
    vectors = np.array(values, np.float32).reshape(len(values), -1)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length == 0, 1, length)


A, B = (1, 0, 0), (0, 1, 0)
NEARLY_A = (0.9, 0.436, 0)


def linker(*values):
    made = TrackletLinker(3)
    made.add(look(*values))
    return made


def pairs(made, rows, features, distance=0.97, allowed=None):
    rows = np.array(rows)
    allowed = np.ones((len(rows), len(features)), bool) if allowed is None else np.array(allowed)
    found = made.link(rows, features, allowed, distance)
    return list(zip(found.rows.tolist(), found.cols.tolist(), strict=True))


def test_a_new_track_links_to_the_ended_one_of_similar_embedding():
    assert pairs(linker(A, B), [0, 1], look(NEARLY_A)) == [(0, 0)]
    assert pairs(linker(B, A), [0, 1], look(NEARLY_A, B)) == [(0, 1), (1, 0)]


def test_only_the_tracks_asked_for_take_part_and_rows_are_those_of_the_pool():
    assert pairs(linker(A, B, A), [1, 2], look(A)) == [(2, 0)]
    assert pairs(linker(A, B, A), [1], look(A)) == []


@pytest.mark.parametrize('distance, linked', [(0.4472, True), (0.4473, True), (0.446, False)])
def test_the_distance_is_that_of_vectors_of_unit_length(distance, linked):
    # cos .9: sqrt(2 - 2 * .9) = .44721
    vector = (0.9, (1 - 0.81) ** 0.5, 0)
    assert bool(pairs(linker(A), [0], look(vector), distance + 2e-5)) == linked


def test_the_matching_is_the_nearest_in_all_not_the_first():
    first, second = (0.95, 0.312, 0), (0.8, 0.6, 0)
    # the first new one is nearest to track 0, but track 1 has nobody else
    found = pairs(linker(A, (0.97, 0.243, 0)), [0, 1], look(first, second))
    assert sorted(found) == [(0, 0), (1, 1)]


def test_a_track_is_linked_by_its_mean_embedding():
    made = linker(A)
    made.update_embeddings(np.array([0]), look(B))
    assert pairs(made, [0], look((1, 1, 0)), 0.01) == [(0, 0)]
    assert pairs(made, [0], look(A), 0.7) == []


def test_what_says_nothing_is_like_no_other():
    assert pairs(linker((0, 0, 0)), [0], look((0, 0, 0)), 2.0) == []
    assert pairs(linker(A), [0], look((0, 0, 0)), 2.0) == []
    made = linker((0, 0, 0))
    made.update_embeddings(np.array([0]), look(A))
    assert pairs(made, [0], look(A)) == [(0, 0)]


def test_pairs_that_are_not_allowed_are_not_linked():
    assert pairs(linker(A, A), [0, 1], look(A), allowed=[[False], [True]]) == [(1, 0)]


def test_forgetting_keeps_the_order_and_frees_the_memory():
    made = linker(A, B, A)
    before = made.nbytes
    made.keep(np.array([False, True, True]))
    assert len(made) == 2 and made.nbytes * 3 == before * 2
    assert pairs(made, [0, 1], look(B)) == [(0, 0)]


def test_nothing_to_link_is_no_trouble():
    assert pairs(linker(A), [0], np.zeros((0, 3), np.float32)) == []
    assert pairs(linker(A), np.zeros(0, int), look(A)) == []


def test_reach_grows_with_time_and_size():
    ended = np.array([[0, 0, 40, 100], [0, 0, 40, 100], [0, 0, 20, 50]], np.float32)
    new = np.array([[100, 0, 140, 100], [300, 0, 340, 100]], np.float32)
    unseen = np.array([0.5, 2.0, 1.0])
    # 2 heights per second: 100, 400 and 100 px
    assert distance_gate(ended, unseen, new, 2.0).tolist() == [
        [True, False], [True, True], [False, False]]
    assert distance_gate(ended, unseen, new, 0.0).all()
