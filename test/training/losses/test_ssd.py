# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import math

import pytest
import torch
from torch.nn import functional as F

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.ssd.anchors import decode, encode, make_anchors
from mot_ros.training.losses.sampling import BACKGROUND, IGNORED
from mot_ros.training.losses.ssd import assign, hardest, ImageTruth, ssd_losses, SsdLoss

ANCHORS = torch.tensor([
    [10.0, 10, 10, 20], [12, 10, 10, 20], [40, 10, 10, 20], [70, 30, 40, 40], [71, 30, 4, 4]])
PERSON = [5.0, 0, 15, 20]
MINED = SsdLoss('mined')
KINDS = [SsdLoss(), MINED]


def seen(*boxes, ignored=()):
    return ImageTruth(*(torch.tensor(each, dtype=torch.float32).reshape(-1, 4)
                  for each in (boxes, ignored)))


def grid():
    shapes = [[(16.0, 16.0), (16.0, 32.0)], [(64.0, 64.0)]]
    return make_anchors(shapes, [(8, 8), (4, 4)], (128, 128))


def slow_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


class TestAssign:

    def test_by_hand(self):
        # the second anchor overlaps by 8 / 12, the third not at all
        assert assign(ANCHORS, seen(PERSON), .5).tolist() == [0, 0] + [BACKGROUND] * 3
        assert assign(ANCHORS, seen(PERSON), .7).tolist() == [0] + [BACKGROUND] * 4

    def test_a_tiny_object_has_its_best_anchor(self):
        tiny = [60.0, 20, 61, 21]
        assert assign(ANCHORS, seen(tiny), .5).tolist() == [BACKGROUND] * 3 + [0, BACKGROUND]

    def test_the_best_anchor_is_its_own_also_where_another_object_overlaps_it_more(self):
        # the large person covers the anchor well, the small one has no other
        large, small = [50.0, 10, 90, 52], [50.0, 10, 90, 20]
        assert assign(ANCHORS, seen(large), .5)[3] == 0
        assert assign(ANCHORS[:4], seen(small, large), .5).tolist()[3] == 1
        # the better match chooses first, the other one takes what it overlaps besides
        assert assign(ANCHORS, seen(small, [69.0, 19, 73, 32]), .5).tolist()[3:] == [0, 1]

    def test_objects_beyond_all_anchors_have_none(self):
        assert (assign(ANCHORS, seen([200.0, 200, 220, 240]), .5) == BACKGROUND).all()

    def test_nobody(self):
        assert (assign(ANCHORS, seen(), .5) == BACKGROUND).all()

    def test_ignored_regions(self):
        region = [60.0, 0, 90, 70]
        matched = assign(ANCHORS, seen(PERSON, ignored=[region]), .5)
        assert matched.tolist() == [0, 0, BACKGROUND, IGNORED, IGNORED]
        # an anchor on a person is not ignored, and one with little in the region is background
        assert assign(ANCHORS, seen(PERSON, ignored=[PERSON]), .5).tolist()[:2] == [0, 0]
        assert assign(ANCHORS, seen(ignored=[[60.0, 10, 90, 20]]), .5)[3] == BACKGROUND

    def test_as_anchors_and_objects_one_by_one(self):
        generator = torch.Generator().manual_seed(3)
        corner = torch.rand(6, 2, generator=generator) * 100
        boxes = torch.cat([corner, corner + 4 + 40 * torch.rand(6, 2, generator=generator)], 1)
        anchors = grid()
        edges = decode(torch.zeros_like(anchors), anchors).tolist()
        matched = assign(anchors, ImageTruth(boxes, boxes[:0]), .5).tolist()
        best = {}
        for number, box in enumerate(boxes.tolist()):
            overlaps = [slow_iou(edge, box) for edge in edges]
            best[number] = max(overlaps)
            assert matched[overlaps.index(max(overlaps))] == number
        for anchor, edge in enumerate(edges):
            overlaps = [slow_iou(edge, box) for box in boxes.tolist()]
            if max(overlaps) >= .5:
                assert matched[anchor] >= 0
            elif matched[anchor] >= 0:
                assert overlaps[matched[anchor]] == pytest.approx(best[matched[anchor]], abs=1e-5)


class TestHardest:

    def test_so_many_per_object(self):
        matched = torch.tensor([[0, 1] + [BACKGROUND] * 8 + [IGNORED] * 2])
        error = torch.arange(12.0)[None]
        found = hardest(error, matched, 3)
        # the worst six of those that are background, though others are worse
        assert found.nonzero()[:, 1].tolist() == [4, 5, 6, 7, 8, 9]

    def test_images_are_apart_and_one_with_nobody_gives_some(self):
        matched = torch.tensor([[0] + [BACKGROUND] * 9, [BACKGROUND] * 10])
        error = torch.cat([torch.full((1, 10), 0.1), torch.full((1, 10), 5.0)])
        assert hardest(error, matched, 3).sum(dim=1).tolist() == [3, 3]

    def test_of_too_few_all(self):
        matched = torch.tensor([[0, 0, BACKGROUND, IGNORED]])
        assert hardest(torch.ones(1, 4), matched, 3).tolist() == [[False, False, True, False]]


class TestLosses:

    @pytest.mark.parametrize('options', KINDS)
    def test_what_is_right_costs_nothing(self, options):
        anchors, truth = grid(), seen([10.0, 5, 40, 60], [64, 64, 100, 128])
        matched = assign(anchors, truth, .5)
        logits = torch.where(matched >= 0, 20.0, -20.0)[None]
        deltas = torch.zeros(1, len(anchors), 4)
        deltas[0, matched >= 0] = encode(truth.boxes[matched[matched >= 0]], anchors[matched >= 0])
        parts = ssd_losses(logits, deltas, anchors, [truth], options)
        assert set(parts) == {'scores', 'boxes'}
        assert sum(parts.values()).item() < 1e-6
        for wrong in (-logits, logits.zero_()):
            assert ssd_losses(wrong, deltas, anchors, [truth], options)['scores'] > .1

    def test_mined_by_hand(self):
        logits = torch.tensor([[math.log(3), 0, -9, 2, 1]])
        options = SsdLoss('mined', negatives=1)
        parts = ssd_losses(logits, torch.zeros(1, 5, 4), ANCHORS, [seen(PERSON)], options)
        wrong = F.softplus(torch.tensor([2.0, 1.0])).sum().item()
        # two anchors on the person: one says 3 to 1, one even; the two worst of the rest
        expected = (math.log(4 / 3) + math.log(2) + wrong) / 2
        assert parts['scores'].item() == pytest.approx(expected, rel=1e-5)
        # the second anchor is two tenths of its width off: 2 in the network's units
        assert parts['boxes'].item() == pytest.approx((2 - .5) / 2, rel=1e-5)

    def test_focal_by_hand(self):
        logits = torch.tensor([[math.log(3), 0, 0, 0, 0]])
        truth = seen(PERSON, ignored=[[60.0, 0, 95, 70]])
        parts = ssd_losses(logits, torch.zeros(1, 5, 4), ANCHORS, [truth], SsdLoss())
        expected = (.75 * (.25 ** 2 * math.log(4 / 3) + .25 * math.log(2))
                    + .25 * .25 * math.log(2)) / 2
        assert parts['scores'].item() == pytest.approx(expected, rel=1e-5)

    def test_weight_of_the_boxes(self):
        deltas = torch.ones(1, 5, 4)
        parts = [
            ssd_losses(
                torch.zeros(1, 5), deltas, ANCHORS, [seen(PERSON)], SsdLoss(boxes=weight))
            for weight in (1, 3)]
        assert parts[1]['boxes'].item() == pytest.approx(3 * parts[0]['boxes'].item())
        assert torch.equal(parts[0]['scores'], parts[1]['scores'])

    @pytest.mark.parametrize('options', KINDS)
    def test_gradients_are_where_something_is_said(self, options):
        logits = torch.zeros(2, 5, requires_grad=True)
        deltas = torch.ones(2, 5, 4, requires_grad=True)
        truth = [seen(PERSON, ignored=[[60.0, 0, 95, 70]]), seen(ignored=[[0.0, 0, 100, 100]])]
        sum(ssd_losses(logits, deltas, ANCHORS, truth, options).values()).backward()
        # objects up, background down, ignored ones nowhere; the second image says nothing at all
        assert logits.grad.sign().tolist() == [[-1, -1, 1, 0, 0], [0] * 5]
        assert (deltas.grad != 0).any(dim=2).tolist() == [[True, True] + [False] * 3, [False] * 5]

    @pytest.mark.parametrize('options', KINDS)
    def test_a_batch_of_nobody_can_be_learned_from(self, options):
        logits = torch.zeros(1, 5, requires_grad=True)
        parts = ssd_losses(logits, torch.zeros(1, 5, 4), ANCHORS, [seen()], options)
        assert parts['boxes'] == 0 and parts['scores'] > 0
        parts['scores'].backward()
        assert (logits.grad >= 0).all() and (logits.grad > 0).sum() >= 3

    def test_a_few_steps_make_it_fall(self):
        anchors = grid()
        truth = [seen([10.0, 5, 40, 60]), seen([64.0, 64, 100, 128], [0, 90, 20, 128])]
        for options in KINDS:
            logits = torch.zeros(2, len(anchors), requires_grad=True)
            deltas = torch.zeros(2, len(anchors), 4, requires_grad=True)
            optimizer = torch.optim.Adam([logits, deltas], lr=0.3)
            losses = []
            for _ in range(60):
                loss = sum(ssd_losses(logits, deltas, anchors, truth, options).values())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            assert losses[-1] < 0.1 * losses[0]


def test_encoding_is_the_inverse_of_decoding():
    anchors = grid()
    deltas = torch.randn(len(anchors), 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(encode(decode(deltas, anchors), anchors), deltas, atol=1e-4)


@pytest.mark.parametrize('values', [
    {'overlap': 0.0}, {'alpha': 1.0}, {'gamma': -1.0}, {'negatives': 0.0}, {'boxes': -1.0}])
def test_what_cannot_be_is_refused(values):
    with pytest.raises(ConfigError, match='cannot be; overlap lies'):
        SsdLoss(**values)
