# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import math

import pytest
import torch

from mot_ros.training.losses.focal import focal_loss
from mot_ros.training.losses.imm import imm_losses
from mot_ros.training.losses.triplets import ABSENT


def test_focal_loss_by_hand():
    # odds of 3 to 1 for the right answer, and even ones
    logits = torch.tensor([math.log(3), 0.0])
    seen = focal_loss(logits, torch.tensor([True, False]))
    expected = 0.25 * 0.25 ** 2 * math.log(4 / 3) + 0.75 * 0.5 ** 2 * math.log(2)
    assert seen.item() == pytest.approx(expected)
    both = focal_loss(torch.zeros(4), torch.tensor([True, True, False, False]))
    assert both.item() == pytest.approx(0.25 * math.log(2))


def test_focal_loss_without_positives():
    assert focal_loss(torch.zeros(2), torch.zeros(2, dtype=torch.bool)).item() \
        == pytest.approx(2 * 0.75 * 0.25 * math.log(2))


def test_gamma_of_zero_is_cross_entropy():
    logits = torch.linspace(-3, 3, 7)
    positive = logits > 0.5
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, positive.float(), reduction='sum')
    assert focal_loss(logits, positive, 0.5, 0).item() \
        == pytest.approx(expected.item() / 2 / positive.sum().item())


def test_losses_by_hand():
    template = torch.tensor([[0.0, 0, 9, 19]]).expand(3, 4)
    targets = torch.tensor([[5.0, 0, 14, 19], [0, 40, 9, 59], [*ABSENT]])
    deltas = torch.zeros(3, 4)
    deltas[0, 0] = 1.0
    # far off, but nobody knows where it went
    deltas[2] = 100.0
    visibility = torch.zeros(3)
    losses = imm_losses(visibility, deltas, template, targets)
    # half a width off: 0.5 ** 2 / 2; two heights off: 2 - 0.5
    assert losses['deltas'].item() == pytest.approx((0.125 + 1.5) / 2)
    assert losses['visibility'].item() \
        == pytest.approx((2 * 0.25 + 0.75) * 0.25 * math.log(2) / 2)


def test_all_absent():
    visibility = torch.zeros(2, requires_grad=True)
    deltas = torch.zeros(2, 4, requires_grad=True)
    losses = imm_losses(
        visibility, deltas, torch.tensor([[0.0, 0, 9, 9]] * 2), torch.tensor([ABSENT] * 2))
    assert losses['deltas'].item() == 0
    sum(losses.values()).backward()
    assert (deltas.grad == 0).all() and (visibility.grad > 0).all()
