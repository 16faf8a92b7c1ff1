# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import math

import pytest
import torch

from mot_ros.tracking.nets.ops import nms as nms_module
from mot_ros.tracking.nets.rcnn import boxes_inclusive as legacy_boxes
from mot_ros.tracking.nets.rcnn import rpn
from mot_ros.tracking.nets.rcnn.anchors import (
    ANCHOR_SIZES,
    AnchorGenerator,
    cell_anchors,
    STRIDES,
)
from mot_ros.tracking.nets.rcnn.rpn import Rpn, Selection
from test.tracking.waiting import no_waiting

TABLE = (
    ((-22, -10, 25, 13), (-14, -14, 17, 17), (-10, -22, 13, 25)),
    ((-40, -20, 47, 27), (-28, -28, 35, 35), (-20, -44, 27, 51)),
    ((-84, -40, 99, 55), (-56, -56, 71, 71), (-36, -80, 51, 95)),
    ((-164, -72, 195, 103), (-112, -112, 143, 143), (-76, -168, 107, 199)),
    ((-332, -152, 395, 215), (-224, -224, 287, 287), (-148, -328, 211, 391)),
)
"""The anchors of the published networks, level by level, ratios 0.5, 1 and 2."""


def features(size, images=1, width=4, seed=0, sizes=STRIDES):
    """Return P2 to P6 of an input of (width, height)."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(images, width, size[1] // stride, size[0] // stride, generator=generator)
        for stride in sizes]


def made(width=4, seed=0):
    """Make a network whose objectness and deltas vary."""
    torch.manual_seed(seed)
    network = Rpn(width).eval().requires_grad_(False)
    for layer in (network.head.conv, network.head.cls_logits):
        layer.weight.normal_(std=0.3)
    network.head.bbox_pred.weight.normal_(std=0.1)
    return network


@pytest.mark.parametrize('level', range(5))
def test_anchors_of_a_cell_are_the_published_ones(level):
    expected = torch.tensor(TABLE[level], dtype=torch.float32)
    assert torch.equal(cell_anchors(ANCHOR_SIZES[level], STRIDES[level]), expected)
    stored = AnchorGenerator().state_dict()
    assert torch.equal(stored[f'cell_anchors.{level}'], expected)


def test_small_anchors_are_the_same_scaled():
    # those of a network for airborne objects: 6 pixels at stride 4, about the same centre
    half = (cell_anchors(32, 4) - 1.5) * torch.tensor([-1, -1, 1, 1]) * 2 + 1
    small = (cell_anchors(6, 4) - 1.5) * torch.tensor([-1, -1, 1, 1]) * 2 + 1
    assert torch.equal(small, half * 6 / 32)


def test_as_many_anchors_as_the_published_network_has():
    size = (1280, 704)
    anchors = AnchorGenerator()([level[:, :1] for level in features(size)])
    assert sum(len(level) for level in anchors) == 225060


def test_anchors_go_by_row_then_column_then_shape():
    anchors = AnchorGenerator()(features((192, 128)))
    for level, stride in enumerate(STRIDES):
        rows, columns = 128 // stride, 192 // stride
        expected = [
            [x * stride + a[0], y * stride + a[1], x * stride + a[2], y * stride + a[3]]
            for y in range(rows) for x in range(columns) for a in TABLE[level]]
        assert anchors[level].tolist() == expected


def test_numbers_of_a_cell_stay_together():
    # objectness from channel k of the cell, deltas from channels 4k to 4k + 3
    network = made()
    level = features((128, 128))[2]
    logits, deltas = network.head(level)
    hidden = network.head.conv(level).relu()
    plain = network.head.cls_logits(hidden)
    moves = network.head.bbox_pred(hidden)
    row, column, shape = 3, 5, 2
    number = (row * level.shape[-1] + column) * 3 + shape
    assert logits[0, number] == plain[0, shape, row, column]
    assert torch.equal(deltas[0, number], moves[0, 8:12, row, column])


def slow_selection(network, levels, size, selection):
    """Choose as it is described: level by level, then the best of all."""
    boxes, scores = [], []
    logits, deltas = network(levels)
    for row, anchors in enumerate(network.anchor_generator(levels)):
        score = logits[row][0].sigmoid()
        best = score.argsort(descending=True, stable=True)[:selection.per_level]
        found = legacy_boxes.decode(deltas[row][0][best], anchors[best], (1, 1))
        if not selection.amodal:
            found = legacy_boxes.clip(found, size)
        kept = legacy_boxes.nms(
            found, score[best], torch.zeros(len(best)), selection.overlap)[:selection.keep]
        boxes.append(found[kept])
        scores.append(score[best][kept])
    every = torch.cat(scores)
    best = every.argsort(descending=True, stable=True)[:selection.keep]
    return torch.cat(boxes)[best], every[best]


def use_fixed_shapes(network, levels, size, selection):
    """Propose as on a GPU."""
    with no_waiting():
        found, converged = network.propose_fixed(levels, size, selection)
    assert converged
    return found


@pytest.fixture(params=[Rpn.propose, use_fixed_shapes])
def propose(request):
    return request.param


@pytest.mark.parametrize('selection', [
    Selection(per_level=60, keep=25), Selection(per_level=60, keep=25, amodal=True),
    Selection(per_level=200, keep=100, overlap=0.3)])
def test_selection_equals_the_description(selection, propose):
    network, levels, size = made(), features((256, 192)), (256, 192)
    found = propose(network, levels, size, selection)
    boxes, scores = slow_selection(network, levels, size, selection)
    count = int(found.mask.sum())
    assert count == len(boxes) > 10
    torch.testing.assert_close(found.boxes[0, :count], boxes, rtol=0, atol=1e-4)
    torch.testing.assert_close(found.scores[0, :count], scores)
    outside = (found.boxes < 0).any() or (found.boxes[..., 2] > 255).any()
    assert bool(outside) == selection.amodal


def test_few_proposals_fill_up_with_rows_that_mean_nothing(propose):
    network = made()
    selection = Selection(per_level=3, keep=40, overlap=0.1)
    found = propose(network, features((128, 64), images=2), (128, 64), selection)
    assert found.boxes.shape == (2, 40, 4) and found.scores.shape == (2, 40)
    for image in range(2):
        count = int(found.mask[image].sum())
        assert 0 < count < 15
        assert found.mask[image, :count].all() and not found.mask[image, count:].any()
        assert not found.boxes[image, count:].any() and not found.scores[image, count:].any()
        assert (found.scores[image, :count].diff() <= 0).all()


def test_a_batch_equals_one_by_one(propose):
    network, levels = made(), features((192, 128), images=3, seed=3)
    selection = Selection(per_level=50, keep=20)
    together = propose(network, levels, (192, 128), selection)
    for image in range(3):
        alone = network.propose(
            [level[image:image + 1] for level in levels], (192, 128), selection)
        assert torch.equal(together.mask[image], alone.mask[0])
        torch.testing.assert_close(together.boxes[image], alone.boxes[0], rtol=0, atol=1e-4)


def test_looking_at_the_best_first_changes_nothing(monkeypatch):
    network, levels = made(), features((256, 192))
    selection = Selection(per_level=300, keep=60)
    short = network.propose(levels, (256, 192), selection)
    for prefix in (1, 1000):
        monkeypatch.setattr(rpn, 'PREFIX', prefix)
        assert torch.equal(network.propose(levels, (256, 192), selection).boxes, short.boxes)


@pytest.mark.parametrize('damage', [None, math.nan])
@pytest.mark.parametrize('keep', [100, 900])
def test_fixed_shapes_give_the_same_rows(keep, damage):
    # more cells than are looked at on some levels, fewer on others
    network, levels = made(), features((256, 192), images=2, seed=5)
    if damage is not None:
        levels[1][:, :, 3:9] = damage
    selection = Selection(per_level=200, keep=keep)
    expected = network.propose(levels, (256, 192), selection)
    found = use_fixed_shapes(network, levels, (256, 192), selection)
    assert torch.equal(found.mask, expected.mask)
    assert int(found.mask.sum()) == 200 if keep == 100 else not found.mask.all()
    for one, other in ((found.boxes, expected.boxes), (found.scores, expected.scores)):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_what_does_not_settle_is_told(monkeypatch):
    network, levels = made(), features((256, 192))
    monkeypatch.setattr(nms_module, 'ROUNDS', 1)
    assert not network.propose_fixed(levels, (256, 192), Selection(per_level=200))[1]
