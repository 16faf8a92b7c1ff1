# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import math

import pytest
import torch

from mot_ros.training.losses.rcnn import box_losses, RcnnSampling, rpn_losses, sample_rois
from mot_ros.training.losses.sampling import BACKGROUND, balanced, draw, IGNORED, match


class TestMatch:
    OVERLAPS = torch.tensor([[0.8, 0.75], [0.7, 0.1], [0.5, 0.4], [0.3, 0.2], [0.29, 0.1]])

    def test_by_hand(self):
        assert match(self.OVERLAPS, 0.7, 0.3).tolist() == [0, 0, IGNORED, IGNORED, BACKGROUND]

    def test_best_of_each_object(self):
        overlaps = torch.tensor([[0.1, 0.0, 0.0], [0.1, 0.6, 0.0], [0.05, 0.6, 0.0]])
        # the second object has two that are as good; the third overlaps nothing
        assert match(overlaps, 0.7, 0.3, force_best=True).tolist() == [0, 1, 1]
        assert match(overlaps, 0.7, 0.3).tolist() == [BACKGROUND, IGNORED, IGNORED]

    def test_no_objects(self):
        assert match(torch.zeros(3, 0), 0.7, 0.3, force_best=True).tolist() == [BACKGROUND] * 3


class TestDraw:
    def test_some(self):
        rows = torch.arange(10, 30)
        drawn = draw(rows, 5, torch.Generator().manual_seed(0))
        assert len(set(drawn.tolist())) == 5 and set(drawn.tolist()) <= set(rows.tolist())

    def test_all_of_few_and_none(self):
        assert sorted(draw(torch.arange(3), 5).tolist()) == [0, 1, 2]
        assert len(draw(torch.arange(3), 0)) == len(draw(torch.arange(3), -2)) == 0

    def test_reproducible(self):
        first, second = (
            draw(torch.arange(99), 9, torch.Generator().manual_seed(4)) for _ in range(2))
        assert torch.equal(first, second)

    @pytest.mark.parametrize(('objects', 'background', 'drawn'), [
        (100, 100, (8, 8)), (3, 100, (3, 13)), (100, 2, (8, 2)), (0, 0, (0, 0))])
    def test_balance(self, objects, background, drawn):
        matched = torch.tensor(
            [0] * objects + [BACKGROUND] * background + [IGNORED] * 50, dtype=torch.long)
        found, rest = balanced(matched, 16, 0.5)
        assert (len(found), len(rest)) == drawn
        assert (matched[found] >= 0).all() and (matched[rest] == BACKGROUND).all()


class TestRpn:
    ANCHORS = torch.tensor([[0.0, 0, 9, 9], [20, 20, 29, 29], [-5, 0, 4, 9], [40, 40, 49, 49]])
    TRUTH = torch.tensor([[1.0, 0, 10, 9]])

    def losses(self, logits, deltas, truth=None, size=(64, 64)):
        return rpn_losses(
            [logits[:, :2], logits[:, 2:]], [deltas[:, :2], deltas[:, 2:]],
            [self.ANCHORS[:2], self.ANCHORS[2:]],
            [self.TRUTH] if truth is None else truth, size, RcnnSampling())

    def test_by_hand(self):
        logits = torch.tensor([[math.log(3), 0, 50, math.log(3)]])
        deltas = torch.zeros(1, 4, 4)
        deltas[0, 0, 1] = 1
        objectness, moves = self.losses(logits, deltas)
        # the third anchor crosses the border; the last one is wrong with 3 to 1
        expected = (math.log(4 / 3) + math.log(2) + math.log(4)) / 3
        assert objectness.item() == pytest.approx(expected)
        # a tenth of a width is square: 0.5 * 0.1 ** 2 * 9, a whole height is linear: 1 - 1 / 18
        assert moves.item() == pytest.approx((0.045 + 1 - 1 / 18) / 3)

    def test_ends_at_the_border(self):
        inside, _ = self.losses(torch.zeros(1, 4), torch.zeros(1, 4, 4), size=(50, 50))
        outside, _ = self.losses(
            torch.tensor([[0.0, 0, 9, 9]]), torch.zeros(1, 4, 4), size=(49, 50))
        assert inside.item() == pytest.approx(outside.item()) == pytest.approx(math.log(2))

    def test_several_images_share_the_norm(self):
        logits = torch.zeros(2, 4)
        objectness, _ = self.losses(
            logits, torch.zeros(2, 4, 4), [self.TRUTH, torch.zeros(0, 4)])
        assert objectness.item() == pytest.approx(math.log(2))

    def test_no_boxes_at_all(self):
        deltas = torch.zeros(1, 4, 4, requires_grad=True)
        objectness, moves = self.losses(torch.zeros(1, 4), deltas, [torch.zeros(0, 4)])
        assert moves.item() == 0 and objectness.isfinite()
        moves.backward()

    def test_counts(self):
        corners = torch.rand(5000, 2, generator=torch.Generator().manual_seed(0)) * 300
        anchors = torch.cat([corners, corners + 31], dim=1)
        logits = torch.zeros(1, 5000, requires_grad=True)
        objectness, _ = rpn_losses(
            [logits], [torch.zeros(1, 5000, 4)], [anchors], [anchors[::50]], (400, 400),
            RcnnSampling())
        objectness.backward()
        assert (logits.grad != 0).sum() == 256
        assert (logits.grad < 0).sum() == 128


class TestBoxHead:
    def test_rois(self):
        truth = torch.tensor([[0.0, 0, 19, 39], [100, 100, 139, 139]])
        jitter = torch.arange(8.0)[:, None]
        proposals = torch.cat([truth[:1] + jitter, truth[1:] + jitter, truth + 300])
        rois = sample_rois(proposals, truth, torch.tensor([2, 1]), RcnnSampling(rois=16))
        assert len(rois.boxes) == 4 + 2 + (rois.labels == 0).sum() - 2
        assert (rois.labels > 0).sum() == 4
        for box, label, delta in zip(rois.boxes, rois.labels, rois.deltas, strict=True):
            if label > 0:
                true = truth[2 - label]
                size = box[2:] - box[:2] + 1
                expected = 10 * (true[:2] - box[:2]) / size
                assert torch.allclose(delta[:2], expected, atol=1e-4)
                assert torch.allclose(delta[2:], torch.zeros(2), atol=1e-5)

    def test_share_of_objects(self):
        truth = torch.tensor([[0.0, 0, 99, 99]])
        proposals = torch.cat([truth.repeat(300, 1), (truth + 500).repeat(600, 1)])
        rois = sample_rois(proposals, truth, torch.tensor([1]), RcnnSampling())
        assert len(rois.labels) == 256 and (rois.labels == 1).sum() == 64

    def test_no_objects(self):
        rois = sample_rois(
            torch.rand(9, 4) + torch.tensor([0, 0, 9, 9]), torch.zeros(0, 4),
            torch.zeros(0, dtype=torch.long), RcnnSampling())
        assert (rois.labels == 0).all() and rois.deltas.isfinite().all()

    def test_losses_by_hand(self):
        logits = torch.tensor([[0.0, math.log(3), 0.0], [0.0, 0.0, 0.0]])
        deltas = torch.full((2, 3, 4), 70.0)
        deltas[0, 1] = torch.tensor([0.5, 0, 0, 3])
        classes, moves = box_losses(
            logits, deltas, torch.tensor([1, 0]), torch.zeros(2, 4))
        assert classes.item() == pytest.approx((math.log(5 / 3) + math.log(3)) / 2)
        # only those of the true class, and none of the background; per sampled box
        assert moves.item() == pytest.approx((0.125 + 2.5) / 2)
