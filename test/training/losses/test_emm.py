# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import math

import pytest
import torch

from mot_ros.tracking.nets.siammot.emm_decode import EmmOptions, position, Response
from mot_ros.tracking.nets.siammot.search_region import SearchRegion
from mot_ros.training.losses.emm import (
    centerness,
    emm_losses,
    iou_loss,
    positives,
    sides_at_cells,
)
from mot_ros.training.losses.triplets import ABSENT

BOX = torch.tensor([[100.0, 200, 149, 319]])
# two cells along each axis, at both ends of the region
TINY = EmmOptions(SearchRegion(scale=2), 1)
SQUARE = torch.tensor([[0.0, 0, 10, 10]])


def response(rows, cells, seed=0):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(rows, 7, cells, cells, generator=generator)
    maps[:, 3:] = (maps[:, 3:] * 20 + 30).relu()
    maps.requires_grad_()
    return Response(maps[:, :2], maps[:, 2:3], maps[:, 3:]), maps


def by_loops(response, search, targets, options, margin):
    """Return the three losses cell by cell, as they are defined."""
    seen, unseen, off, weights, central = [], [], [], [], []
    for row in range(len(search)):
        x1, y1, x2, y2 = targets[row].tolist()
        for i in range(options.response_cells):
            for j in range(options.response_cells):
                x, y = position(
                    search[row:row + 1], torch.tensor([i]), torch.tensor([j]), options)
                sides = [x.item() - x1, y.item() - y1, x2 - x.item(), y2 - y.item()]
                half = [(x2 - x1) / 2, (y2 - y1) / 2] * 2
                log_p = response.classes[row, :, i, j].log_softmax(0)
                if not all(side > margin * h for side, h in zip(sides, half, strict=True)):
                    unseen.append(-log_p[0].item())
                    continue
                seen.append(-log_p[1].item())
                pl, pt, pr, pb = response.sides[row, :, i, j].tolist()
                left, top, right, bottom = sides
                shared = (min(pl, left) + min(pr, right)) * (min(pt, top) + min(pb, bottom))
                union = (pl + pr) * (pt + pb) + (left + right) * (top + bottom) - shared
                weight = math.sqrt(min(left, right) / max(left, right)
                                   * min(top, bottom) / max(top, bottom))
                off.append(-weight * math.log((shared + 1) / (union + 1)))
                weights.append(weight)
                p = response.centerness[row, 0, i, j].sigmoid().item()
                central.append(-weight * math.log(p) - (1 - weight) * math.log(1 - p))
    return {'classes': (sum(seen) / len(seen) + sum(unseen) / len(unseen)) / 2,
            'sides': sum(off) / sum(weights), 'centerness': sum(central) / len(central)}


def test_iou_loss_of_the_published_code():
    loss = iou_loss(torch.tensor([20.0, 60, 30, 58]), torch.tensor([25.0, 55, 25, 60]))
    assert loss.item() == pytest.approx(0.255413, abs=1e-6)
    assert iou_loss(torch.ones(4), torch.ones(4)).item() == 0


def test_centerness_of_the_published_code():
    assert centerness(torch.tensor([20.0, 60, 30, 58])).item() == pytest.approx(0.802773, abs=1e-6)


def test_positives_of_the_published_code():
    options = EmmOptions()
    search, target = options.region.around(BOX), torch.tensor([[105.0, 205, 160, 320]])
    chosen = positives(sides_at_cells(search, target, options), target)[0]
    assert chosen.sum() == 9
    rows, columns = chosen.nonzero().unbind(1)
    x, y = position(search.expand(9, 4), rows, columns, options)
    assert x[:3].tolist() == pytest.approx([129.62067, 133.03448, 136.44830], abs=5e-5)
    assert y[0].item() == pytest.approx(255.37933, abs=5e-5)


def test_paper_takes_the_whole_box():
    options = EmmOptions()
    inside = sides_at_cells(options.region.around(BOX), BOX, options)
    # 49 pixels of 3.41 and 119 of 8.24 to a cell
    assert positives(inside, BOX, 0).sum() == 14 * 14


def test_two_cells_by_hand():
    target = torch.tensor([[-2.0, -4, 2, 4]])
    classes = torch.zeros(1, 2, 2, 2)
    classes[0, 1, 0, 0] = math.log(3)
    sides = torch.zeros(1, 4, 2, 2)
    sides[0, :, 0, 0] = torch.tensor([1.0, 2, 1, 2])
    said = Response(classes, torch.zeros(1, 1, 2, 2), sides)
    losses = emm_losses(said, SQUARE, target, TINY)
    # the first cell sees the target's centre with 3 to 1, the other three say neither
    assert losses['classes'].item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    # 2 x 4 pixels of 4 x 8
    assert losses['sides'].item() == pytest.approx(math.log(33 / 9))
    assert losses['centerness'].item() == pytest.approx(math.log(2))


def test_sides_weigh_by_how_central_they_are():
    options = EmmOptions(SearchRegion(scale=3), 1)
    target = torch.tensor([[-5.0, -5, 15, 15]])
    sides = sides_at_cells(SQUARE, target, options).movedim(-1, 1).clone()
    sides[0, :, 1, 1] = 5
    said = Response(torch.zeros(1, 2, 3, 3), torch.zeros(1, 1, 3, 3), sides)
    losses = emm_losses(said, SQUARE, target, options, margin=0)
    weights = 1 + 4 * math.sqrt(1 / 3) + 4 / 3
    assert losses['sides'].item() == pytest.approx(math.log(401 / 101) / weights)


@pytest.mark.parametrize('margin', [0.8, 0.3, 0])
def test_as_cell_by_cell(margin):
    options = EmmOptions(SearchRegion(scale=2), 7)
    boxes = BOX + torch.tensor([[0.0], [30], [400]])
    targets = boxes + torch.tensor([[3.0, -8, 12, 4], [-9, 2, -9, 5], [0, 0, 0, 0]])
    said, _ = response(3, options.response_cells)
    search = options.region.around(boxes)
    losses = emm_losses(said, search, targets, options, margin)
    expected = by_loops(said, search, targets, options, margin)
    assert {name: part.item() for name, part in losses.items()} \
        == pytest.approx(expected, rel=1e-4)


def test_absent_targets_have_no_positive_cell():
    absent = torch.tensor([ABSENT])
    # even where the first cell lies on that very pixel
    search = torch.tensor([[-1.0, -1, 9, 9]])
    inside = sides_at_cells(search, absent, TINY)
    assert (inside[0, 0, 0] == 0).all()
    assert not positives(inside, absent).any()
    assert not positives(inside, absent, 0).any()
    said, maps = response(1, 2)
    losses = emm_losses(said, search, absent, TINY)
    assert losses['sides'].item() == 0 and losses['centerness'].item() == 0
    background = -said.classes.log_softmax(1)[:, 0].mean() / 2
    assert losses['classes'].item() == pytest.approx(background.item())
    sum(losses.values()).backward()
    assert maps.grad.isfinite().all()
    assert (maps.grad[:, 2:] == 0).all()


def test_focal_loss_of_the_paper():
    said, _ = response(1, 16)
    options = EmmOptions()
    losses = emm_losses(said, options.region.around(BOX), BOX, options, 0, focal=True)
    probability = said.classes.softmax(1)[:, 1]
    positive = positives(
        sides_at_cells(options.region.around(BOX), BOX, options), BOX, 0)
    expected = torch.where(
        positive, -0.25 * (1 - probability) ** 2 * probability.log(),
        -0.75 * probability ** 2 * (1 - probability).log()).sum() / positive.sum()
    assert losses['classes'].item() == pytest.approx(expected.item(), rel=1e-4)


def test_no_triplets():
    said, _ = response(0, 16)
    losses = emm_losses(said, torch.zeros(0, 4), torch.zeros(0, 4), EmmOptions())
    assert [part.item() for part in losses.values()] == [0, 0, 0]
    sum(losses.values()).backward()


def test_gradients_make_it_right():
    options = EmmOptions(SearchRegion(scale=2), 7)
    _, maps = response(1, options.response_cells)
    leaf = maps.detach()
    # where the ReLU has cut off there is no way back
    leaf[:, 3:] = 30
    leaf.requires_grad_()
    search, target = options.region.around(BOX), BOX + 2
    optimizer = torch.optim.Adam([leaf], lr=2.0)
    for _ in range(100):
        said = Response(leaf[:, :2], leaf[:, 2:3], leaf[:, 3:].relu())
        loss = sum(emm_losses(said, search, target, options, 0.5).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    inside = sides_at_cells(search, target, options)
    chosen = positives(inside, target, 0.5)
    assert torch.allclose(leaf[:, 3:].movedim(1, -1)[chosen], inside[chosen], atol=1.5)
    assert torch.equal(leaf[:, 1] > leaf[:, 0], chosen)
