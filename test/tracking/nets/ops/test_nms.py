# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
import torch

from mot_ros.tracking.nets.ops import nms as module
from mot_ros.tracking.nets.ops.nms import nms


def greedy(boxes, scores, labels, threshold):
    """Suppress one box after the other: the slow and obvious way. Of equals the first wins."""
    def area(box):
        return max(box[2] - box[0], np.float32(0)) * max(box[3] - box[1], np.float32(0))

    kept = []
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        for better in kept:
            a, b = boxes[better], boxes[row]
            shared = area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
            union = area(a) + area(b) - shared
            if labels[row] == labels[better] and shared > np.float32(threshold) * union:
                break
        else:
            kept.append(row)
    return kept


def run(boxes, scores, labels, threshold):
    return nms(
        torch.from_numpy(boxes), torch.from_numpy(scores), torch.from_numpy(labels),
        threshold).tolist()


def scene(count, seed, labels=3, clusters=20):
    """Return boxes in heaps around a few places, so that long chains of overlap arise."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(0, 600, (clusters, 2))[rng.integers(clusters, size=count)]
    centre += rng.normal(0, 12, (count, 2))
    size = rng.uniform(20, 80, (count, 2))
    boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1).astype(np.float32)
    # two decimals give many equal scores
    scores = rng.uniform(0, 1, count).round(2).astype(np.float32)
    return boxes, scores, rng.integers(labels, size=count)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_equals_greedy_suppression_with_ties_and_inverted_boxes(data):
    count = data.draw(st.integers(0, 24))
    # a coarse grid: equal boxes, exact thresholds, empty and inverted boxes all turn up
    boxes = data.draw(hnp.arrays(np.float32, (count, 4), elements=st.integers(0, 8)))
    scores = data.draw(hnp.arrays(np.float32, count, elements=st.sampled_from([0.25, 0.5, 1])))
    labels = data.draw(hnp.arrays(np.int64, count, elements=st.integers(0, 1)))
    threshold = data.draw(st.sampled_from([0.0, 0.25, 0.5, 0.6, 1.0]))
    assert run(boxes, scores, labels, threshold) == greedy(boxes, scores, labels, threshold)


@pytest.mark.parametrize('seed', range(4))
def test_equals_greedy_suppression_over_several_blocks(seed):
    boxes, scores, labels = scene(1300, seed)
    assert len(boxes) > 2 * module.BLOCK
    kept = run(boxes, scores, labels, 0.5)
    assert kept == greedy(boxes, scores, labels, 0.5)
    assert 50 < len(kept) < 1200


def test_the_block_size_changes_nothing(monkeypatch):
    boxes, scores, labels = scene(400, 7)
    whole = run(boxes, scores, labels, 0.4)
    monkeypatch.setattr(module, 'BLOCK', 13)
    assert run(boxes, scores, labels, 0.4) == whole


def test_a_long_chain_keeps_every_second_box():
    # each overlaps only its neighbours: the fate of the last hangs on all the others
    left = np.arange(400, dtype=np.float32)
    boxes = np.stack([left, 0 * left, left + 1.75, 0 * left + 1], axis=1)
    scores = np.linspace(1, 0, 400, dtype=np.float32)
    assert run(boxes, scores, np.zeros(400, np.int64), 0.25) == list(range(0, 400, 2))


def test_classes_do_not_suppress_each_other():
    boxes = np.array([[0, 0, 10, 10]] * 3, np.float32)
    scores = np.array([0.5, 0.9, 0.9], np.float32)
    assert run(boxes, scores, np.array([0, 1, 1]), 0.5) == [1, 0]


def test_nothing_in_nothing_out():
    kept = nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64), 0.5)
    assert kept.shape == (0,) and kept.dtype == torch.int64


def voted_by_hand(boxes, scores, labels, kept, threshold):
    means = []
    for row in kept:
        total, weights = np.zeros(4), 0.0
        for other in range(len(boxes)):
            a, b = boxes[row].astype(float), boxes[other].astype(float)
            width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
            height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
            union = ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
                     - width * height)
            overlap = width * height / union
            speaks = other == row or (
                overlap > threshold and labels[other] == labels[row]
                and scores[other] >= module.VOTER_FLOOR)
            if speaks:
                total += overlap * scores[other] * b
                weights += overlap * scores[other]
        means.append(total / weights)
    return np.array(means)


@pytest.mark.parametrize('seed', range(4))
def test_voting_is_the_weighted_mean_of_what_a_box_stands_for(seed):
    boxes, scores, labels = scene(200, seed)
    kept = run(boxes, scores, labels, 0.5)
    means = module.vote(
        *(torch.from_numpy(column) for column in (boxes, scores, labels)),
        torch.tensor(kept), 0.5)
    np.testing.assert_allclose(
        means.numpy(), voted_by_hand(boxes, scores, labels, kept, 0.5), atol=1e-2)
    assert not np.allclose(means.numpy(), boxes[kept], atol=1)


def test_a_box_alone_or_of_no_area_votes_for_itself():
    boxes = torch.tensor([[0., 0, 10, 20], [50, 50, 50, 60], [90, 0, 99, 9]])
    scores, labels = torch.tensor([0.9, 0.8, 0.0]), torch.zeros(3, dtype=torch.int64)
    means = module.vote(boxes, scores, labels, torch.arange(2), 0.5)
    torch.testing.assert_close(means, boxes[:2])
