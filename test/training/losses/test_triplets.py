# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
import torch

from mot_ros.tracking.nets.rcnn.boxes_inclusive import iou
from mot_ros.training.losses.triplets import (
    ABSENT,
    HARD,
    NEGATIVE,
    POSITIVE,
    present,
    sample_triplets,
    TripletSampling,
)


def frame(objects, proposals_each, background, seed=0):
    """Return proposals, objectness, boxes and ids of a frame."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(objects, 2, generator=generator) * 1000
    sides = 30 + torch.rand(objects, 2, generator=generator) * 120
    boxes = torch.cat([corners, corners + sides], dim=1)
    near = boxes.repeat_interleave(proposals_each, 0)
    near = near + torch.randn(near.shape, generator=generator) * 3
    far = torch.rand(background, 2, generator=generator) * 1000 + 3000
    far = torch.cat([far, far + torch.rand(background, 2, generator=generator) * 40], dim=1)
    proposals = torch.cat([near, far, boxes])
    objectness = torch.rand(len(proposals), generator=generator)
    return proposals, objectness, boxes, torch.arange(objects) + 7


def drawn(objects=6, proposals_each=30, background=400, seed=0, **options):
    proposals, objectness, boxes, ids = frame(objects, proposals_each, background, seed)
    # in the other frame they come in another order, and the first has gone
    order = torch.arange(objects - 1, 0, -1)
    return (proposals, objectness, boxes, ids, sample_triplets(
        proposals, objectness, boxes, ids, boxes[order] + 10, ids[order],
        TripletSampling(**options), torch.Generator().manual_seed(seed)))


def of(triplets, kind):
    rows = triplets.kind == kind
    return triplets.template[rows], triplets.around[rows], triplets.target[rows]


def test_counts_of_the_published_code():
    *_, triplets = drawn(objects=12, proposals_each=60, background=2000)
    assert [(triplets.kind == kind).sum().item() for kind in (POSITIVE, HARD, NEGATIVE)] \
        == [64, 64, 128]


@pytest.mark.parametrize(('shares', 'counts'), [
    ({'negative_share': 0.0}, [64, 64, 0]), ({'hard_share': 0.0}, [64, 0, 192]),
    ({'negative_share': 0.25}, [64, 64, 64])])
def test_each_kind_can_be_left_out(shares, counts):
    *_, triplets = drawn(objects=12, proposals_each=60, background=2000, **shares)
    assert [(triplets.kind == kind).sum().item() for kind in (POSITIVE, HARD, NEGATIVE)] == counts


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(0, 40), st.integers(0, 300), st.integers(0, 99))
def test_rules(objects, proposals_each, background, seed):
    proposals, objectness, boxes, _, triplets = drawn(objects, proposals_each, background, seed)
    assert len(triplets.kind) == len(triplets.template) == len(triplets.target) <= 256
    known = torch.where(torch.arange(objects)[:, None] > 0, boxes + 10, torch.tensor(ABSENT))

    template, around, target = of(triplets, POSITIVE)
    assert len(template) <= 64
    assert torch.equal(template, around)
    overlap, which = iou(template, boxes).max(1)
    assert (overlap >= 0.65).all()
    assert torch.equal(target, known[which])

    template, around, target = of(triplets, HARD)
    assert len(template) <= 64
    source = (template[:, None] == boxes).all(-1).long().argmax(1)
    assert torch.equal(template, boxes[source])
    assert torch.equal(target, known[source])
    overlap, which = iou(around, boxes).max(1)
    assert (overlap >= 0.65).all() and (which != source).all()
    ratio = (template[:, 3] - template[:, 1] + 1) / (around[:, 3] - around[:, 1] + 1)
    assert ((ratio >= 0.5) & (ratio <= 2)).all()
    assert (torch.bincount(source, minlength=objects) <= objects - 1).all()

    template, around, target = of(triplets, NEGATIVE)
    assert torch.equal(template, around)
    assert (target == -1).all()
    assert (iou(template, boxes) < 0.35).all()
    assert (template[:, 2:] - template[:, :2] + 1 >= 5).all()
    for box in template:
        assert objectness[(proposals == box).all(1)].max() >= 0.3


def test_every_hard_pair_of_few():
    boxes = torch.tensor([[0.0, 0, 19, 39], [100, 0, 119, 59], [200, 0, 299, 199]])
    ids = torch.tensor([4, 5, 6])
    triplets = sample_triplets(
        boxes, torch.ones(3), boxes, ids, boxes + 2, ids, TripletSampling())
    template, around, target = of(triplets, HARD)
    # the third is more than twice as high as either of the others
    pairs = {(int(a[0]), int(b[0])) for a, b in zip(template, around, strict=True)}
    assert pairs == {(0, 100), (100, 0)}
    assert torch.equal(target, template + 2)
    assert (triplets.kind == POSITIVE).sum() == 3
    assert (triplets.kind == NEGATIVE).sum() == 0


def test_boxes_between_the_thresholds_are_not_used():
    box = torch.tensor([[0.0, 0, 99, 99]])
    half = torch.tensor([[0.0, 0, 99, 49]])
    triplets = sample_triplets(
        half, torch.ones(1), box, torch.tensor([1]), box, torch.tensor([1]), TripletSampling())
    assert len(triplets.kind) == 0


def test_present():
    assert present(torch.tensor([ABSENT, (0.0, 0, 5, 5), (0.0, 0, 5, 0)])).tolist() \
        == [False, True, False]


@pytest.mark.parametrize('seed', [0, 1])
def test_reproducible(seed):
    first, second = (drawn(seed=seed)[-1] for _ in range(2))
    for name in ('template', 'around', 'target', 'kind'):
        assert torch.equal(getattr(first, name), getattr(second, name))


def test_an_empty_frame():
    empty, no_ids = torch.zeros(0, 4), torch.zeros(0, dtype=torch.long)
    proposals = torch.tensor([[0.0, 0, 30, 30], [0, 0, 2, 30], [50, 50, 90, 90]])
    triplets = sample_triplets(
        proposals, torch.tensor([0.9, 0.9, 0.2]), empty, no_ids, proposals, torch.arange(3),
        TripletSampling())
    assert triplets.kind.tolist() == [NEGATIVE]
    assert triplets.template.tolist() == [[0, 0, 30, 30]]
