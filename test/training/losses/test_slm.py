# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import math

import pytest
import torch

from mot_ros.training.losses.slm import (
    contrastive,
    hardest_triplet,
    identity_entropy,
    pair_entropy,
)

EAST, NORTH, BETWEEN = [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]


def made(*rows):
    return torch.tensor(rows, requires_grad=True)


def who(*names):
    return torch.tensor(names)


def test_contrastive_by_hand():
    """Two people, of one of whom there are two crops: cosines 1 to the own, 0 to the other."""
    loss = contrastive(made(EAST, EAST, NORTH), who(4, 4, 9), temperature=0.5)
    # softmax over {2, 0}, twice; the third has nobody like it
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-2)), rel=1e-5)
    worse = contrastive(made(EAST, NORTH, EAST), who(4, 4, 9), temperature=0.5)
    # for the first {0, 2}; the second sees {0, 0}
    assert worse.item() == pytest.approx(
        (math.log(1 + math.exp(2)) + math.log(2)) / 2, rel=1e-5)


def test_contrastive_is_the_mean_over_all_of_the_same_person():
    generator = torch.Generator().manual_seed(0)
    rows = torch.nn.functional.normalize(torch.randn(7, 5, generator=generator))
    names = [1, 1, 1, 2, 2, 3, 3]
    slow = []
    for i in range(7):
        picks = [math.exp(float(rows[i] @ rows[j]) / 0.1) for j in range(7) if j != i]
        own = [math.exp(float(rows[i] @ rows[j]) / 0.1)
               for j in range(7) if j != i and names[j] == names[i]]
        slow.append(-sum(math.log(value / sum(picks)) for value in own) / len(own))
    assert contrastive(rows, who(*names)).item() == pytest.approx(sum(slow) / 7, rel=1e-4)


def test_pairs_by_hand():
    """Both kinds of pairs weigh a half, however many there are."""
    scale, middle = torch.tensor(5.0), torch.tensor(0.5)
    loss = pair_entropy(made(EAST, EAST, NORTH, BETWEEN), who(1, 1, 2, 3), scale, middle)

    def entropy(cosine, same):
        return math.log(1 + math.exp((-1 if same else 1) * 5 * (cosine - 0.5)))

    others = [entropy(value, False) for value in (0, 0.6, 0, 0.6, 0.8)]
    assert loss.item() == pytest.approx(
        (entropy(1, True) + sum(others) / 5) / 2, rel=1e-5)


def test_the_middle_learns_to_lie_between():
    middle = torch.tensor(0.0, requires_grad=True)
    rows = made(EAST, EAST, BETWEEN, BETWEEN).detach()
    for _ in range(300):
        loss = pair_entropy(rows, who(1, 1, 2, 2), torch.tensor(20.0), middle)
        middle.grad = None
        loss.backward()
        middle.data -= 0.02 * middle.grad
    # cosines are 1 for the same and .6 for others
    assert middle.item() == pytest.approx(0.8, abs=0.01)


def test_the_hardest_triplet_by_hand():
    loss = hardest_triplet(made(EAST, BETWEEN, NORTH), who(1, 1, 2))
    own, nearest = math.sqrt(2 - 1.2), math.sqrt(2 - 1.6)
    # the third is alone; for the first the other one is at the root of 2
    expected = [math.log(1 + math.exp(own - math.sqrt(2))),
                math.log(1 + math.exp(own - nearest))]
    assert loss.item() == pytest.approx(sum(expected) / 2, rel=1e-4)


@pytest.mark.parametrize('loss', [contrastive, hardest_triplet, lambda rows, names: pair_entropy(
    rows, names, torch.tensor(9.0), torch.tensor(0.5))])
@pytest.mark.parametrize('names', [(1, 2, 3), (1, 1, 1), (1, 1, 2)])
def test_every_batch_has_a_finite_loss_and_gradient(loss, names):
    rows = made(EAST, EAST, NORTH)
    value = loss(rows, who(*names))
    value.backward()
    assert value.isfinite() and rows.grad.isfinite().all()
    if len(set(names)) == 3 and loss in (contrastive, hardest_triplet):
        assert value.item() == 0


def test_identities_by_hand():
    """Cosines 1 and 0 with two classes, the own one less the margin; somebody of no class."""
    directions = torch.tensor([[3.0, 0.0], [0.0, 0.5]])
    loss = identity_entropy(
        made(EAST, BETWEEN, NORTH), who(0, 7, 1), directions, scale=2.0, margin=0.2)
    right = math.log(1 + math.exp(-2 * (1 - 0.2)))
    wrong = right + 2 * (1 - 0.2)
    # a tenth of the label is spread over both classes
    assert loss.item() == pytest.approx(0.95 * right + 0.05 * wrong, rel=1e-5)
    nobody = made(EAST)
    identity_entropy(nobody, who(5), directions).backward()
    assert nobody.grad is not None and not nobody.grad.any()
