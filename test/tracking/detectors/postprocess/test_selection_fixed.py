# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.postprocess import selection_fixed as fixed_selection
from mot_ros.tracking.detectors.postprocess.selection import (
    candidate_floor,
    finished,
    strongest,
    suppressed,
)
from mot_ros.tracking.detectors.postprocess.selection_fixed import read_table, to_table
from test.tracking.nets.ops.test_nms import scene
from test.tracking.waiting import no_waiting

SIZE = (600, 400)
LABELS = torch.tensor([3, 0, 70])


def one_by_one(scores, boxes, wanted):
    """Select as it is done where shapes may change."""
    anchor, column = torch.nonzero(scores >= candidate_floor(wanted), as_tuple=True)
    found = scores[anchor, column]
    best = strongest(found, wanted)
    kept = suppressed(
        boxes[anchor][best].clone(), found[best], LABELS[column][best], wanted)
    return finished(*kept, SIZE, wanted)


def at_once(scores, boxes, wanted):
    """Select images (B, A, C), (B, A, 4) in fixed shapes."""
    limits = torch.tensor([SIZE * 2] * len(scores), dtype=torch.float32)
    table = to_table(scores, boxes, LABELS, limits, wanted).numpy()
    assert table.dtype == np.float32
    return [read_table(rows) for rows in table]


def made(**values):
    return DetectorSettings(**{'score_floor': 0.2, 'nms_iou': 0.5, **values})


def crowd(count, seed):
    """Return scores (A, 3) and boxes (A, 4) of heaps, some of them outside of the image."""
    boxes, _, _ = scene(count, seed)
    rng = np.random.default_rng(seed)
    # two decimals give many equal scores
    scores = (rng.uniform(0, 1, (count, 3)) ** 3).round(2).astype(np.float32)
    return torch.from_numpy(scores), torch.from_numpy(boxes)


def inside(scores, boxes):
    """Bring all of a crowd into the image."""
    return scores, boxes / 2 + 40


def assert_same(found, expected):
    assert len(found) == len(expected)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 60), st.integers(0, 1000), st.booleans(), st.sampled_from([0.05, 0.2, 0.9]),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.sampled_from([1, 4, 300]))
def test_it_is_what_selection_does_step_by_step(count, seed, voting, floor, threshold, most):
    wanted = made(
        box_voting=voting, score_floor=floor, nms_iou=threshold, max_detections=most)
    scores, boxes = crowd(count, seed)
    found, = at_once(scores[None], boxes[None], wanted)
    if found is not None:
        assert_same(found, one_by_one(scores, boxes, wanted))


@pytest.mark.parametrize('anchor', [11, 30, 39])
def test_of_equal_scores_at_the_end_of_the_candidates_the_first_enter(anchor):
    # ten candidates may enter: nine are better, and of the tie the one of the lowest index votes
    boxes = torch.zeros(40, 4) + torch.tensor([10.0, 10, 30, 50])
    scores = torch.zeros(40, 3)
    scores[:9, 0] = 0.9
    scores[10, 0] = scores[anchor, 0] = 0.5
    boxes[anchor] += 4
    boxes[10] -= 2
    wanted = made(max_detections=1)
    found, = at_once(scores[None], boxes[None], wanted)
    assert_same(found, one_by_one(scores, boxes, wanted))
    assert found.boxes[0, 0] < 10


@pytest.mark.parametrize('voting', [True, False])
def test_scenes_of_the_usual_kind_are_settled(voting):
    wanted = made(box_voting=voting)
    scenes = [crowd(200, seed) for seed in range(5)]
    together = at_once(*(torch.stack(column) for column in zip(*scenes, strict=True)), wanted)
    for scores_and_boxes, found in zip(scenes, together, strict=True):
        expected = one_by_one(*scores_and_boxes, wanted)
        assert len(expected) > 20
        assert_same(found, expected)


@pytest.mark.parametrize('damage', [torch.nan, torch.inf, 1e38])
def test_unused_values_may_be_anything(damage):
    scores, boxes = crowd(40, 1)
    hidden = (scores < 0.1).all(dim=1)
    assert 0 < hidden.sum() < 40
    expected = one_by_one(scores, boxes, made())
    boxes[hidden] = damage
    found, = at_once(scores[None], boxes[None], made())
    assert_same(found, expected)


def test_scores_and_boxes_that_are_not_numbers_are_not_seen():
    scores, boxes = crowd(40, 2)
    scores[3], boxes[5] = torch.nan, torch.nan
    found, = at_once(scores[None], boxes[None], made(box_voting=False))
    assert_same(found, one_by_one(scores, boxes, made(box_voting=False)))
    assert len(found) > 5
    assert len(at_once(scores[None] * torch.nan, boxes[None], made())[0]) == 0


def row_of_boxes(count):
    """Return boxes of which each suppresses the next one, the best first: a chain."""
    x = torch.arange(count) * 10.0
    scores = torch.zeros(count, 3)
    scores[:, 0] = torch.linspace(0.9, 0.5, count)
    return scores, torch.stack([x, x * 0, x + 40, x * 0 + 40], dim=1)


def test_a_chain_that_is_too_long_does_not_converge():
    wanted = made(box_voting=False)
    short, long = row_of_boxes(12), row_of_boxes(40)
    found, = at_once(*(column[None] for column in short), wanted)
    assert len(found) == 6
    assert at_once(*(column[None] for column in long), wanted) == [None]


def test_too_many_candidates_do_not_converge(monkeypatch):
    scores, boxes = inside(*crowd(300, 3))
    wanted = made(max_detections=100)
    count = int((scores >= 0.1).sum())
    expected = one_by_one(scores, boxes, wanted)
    for most, settled in ((count // 3, False), (-(-count // 3), True)):
        monkeypatch.setattr(fixed_selection, 'MOST_CANDIDATES', most)
        found, = at_once(scores[None], boxes[None], wanted)
        assert (found is not None) == settled
    assert_same(found, expected)


def test_candidates_beyond_those_of_the_plain_selection_may_converge():
    scores, boxes = inside(*crowd(300, 4))
    wanted = made(max_detections=5)
    assert (scores >= 0.1).sum() > 50
    found, = at_once(scores[None], boxes[None], wanted)
    assert_same(found, one_by_one(scores, boxes, wanted))


def test_a_box_beside_the_image_takes_no_place_of_another():
    scores, boxes = row_of_boxes(9)
    boxes[:3] += torch.tensor([700.0, 0, 700, 0])
    few, many = made(max_detections=2, box_voting=False), made(box_voting=False)
    # more would come after it: that is not settled here
    assert at_once(scores[None], boxes[None], few) == [None]
    found, = at_once(scores[None], boxes[None], many)
    assert_same(found, one_by_one(scores, boxes, many))
    assert len(found) == 3


def test_one_image_of_a_batch_does_not_change_another():
    crowded, empty = crowd(50, 5), (torch.zeros(50, 3), torch.zeros(50, 4))
    wanted = made()
    found, nothing = at_once(
        *(torch.stack(column) for column in zip(crowded, empty, strict=True)), wanted)
    assert len(nothing) == 0
    assert_same(found, one_by_one(*crowded, wanted))


@pytest.mark.parametrize('voting', [True, False])
def test_nothing_synchronises(voting):
    scores, boxes = crowd(50, 6)
    limits = torch.tensor([SIZE * 2], dtype=torch.float32)
    with torch.inference_mode(), no_waiting():
        to_table(scores[None], boxes[None], LABELS, limits, made(box_voting=voting))
