# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
import torch

from mot_ros.tracking.nets.ops.nms import first_rows, fixed_nms, gather_rows, nms, ROUNDS
from test.tracking.waiting import no_waiting

COORDINATES = st.one_of(st.integers(0, 8), st.just(math.nan), st.just(math.inf))


def dynamic(boxes, valid, labels, threshold):
    """Return the mask of nms.nms over the valid rows of one group, which are the best first."""
    rows = valid.nonzero()[:, 0]
    # equal scores: the first is the better one
    kept = nms(boxes[rows], torch.zeros(len(rows)), labels[rows], threshold)
    mask = torch.zeros(len(boxes), dtype=torch.bool)
    mask[rows[kept]] = True
    return mask


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_equals_the_suppression_that_waits(data):
    groups, count = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 24))
    # a coarse grid: equal boxes, exact thresholds, empty and inverted boxes all turn up
    boxes = torch.from_numpy(data.draw(
        hnp.arrays(np.float32, (groups, count, 4), elements=COORDINATES)))
    labels = torch.from_numpy(data.draw(
        hnp.arrays(np.int64, (groups, count), elements=st.integers(0, 1))))
    valid = torch.from_numpy(data.draw(hnp.arrays(np.bool_, (groups, count))))
    threshold = data.draw(st.sampled_from([0.0, 0.25, 0.5, 0.6, 1.0]))
    with no_waiting():
        kept, converged = fixed_nms(boxes, valid, threshold, labels)
    assert converged
    for group in range(groups):
        expected = dynamic(boxes[group], valid[group], labels[group], threshold)
        assert kept[group].tolist() == expected.tolist()


def test_without_labels_all_of_a_group_compete():
    boxes = torch.tensor([[[0.0, 0, 10, 10], [1, 0, 11, 10], [40, 0, 50, 10]]]).expand(2, 3, 4)
    kept, _ = fixed_nms(boxes, torch.tensor([[True, True, True], [False, True, True]]), 0.5)
    assert kept.tolist() == [[True, False, True], [False, True, True]]


def chain(links):
    """Return boxes (1, links, 4) of which each overlaps the next, and that one only."""
    left = torch.arange(links) * 4.0
    return torch.stack(
        [left, torch.zeros(links), left + 10, torch.full((links,), 10.0)], dim=1)[None]


@pytest.mark.parametrize('links', [ROUNDS // 2, ROUNDS - 1])
def test_a_chain_as_long_as_the_rounds_is_converged(links):
    kept, converged = fixed_nms(chain(links), torch.ones(1, links, dtype=torch.bool), 0.4)
    assert converged
    assert kept[0].tolist() == [link % 2 == 0 for link in range(links)]


def test_a_longer_chain_is_not_and_says_so():
    links = ROUNDS + 2
    valid = torch.ones(1, links, dtype=torch.bool)
    assert not fixed_nms(chain(links), valid, 0.4)[1]
    kept, converged = fixed_nms(chain(links), valid, 0.4, rounds=links)
    assert converged
    assert kept[0].tolist() == [link % 2 == 0 for link in range(links)]
    # in one group that is not converged lies the whole answer
    both = torch.cat([chain(links), torch.zeros(1, links, 4)])
    assert not fixed_nms(both, torch.ones(2, links, dtype=torch.bool), 0.4)[1]


@given(
    kept=hnp.arrays(np.bool_, st.tuples(st.integers(1, 3), st.integers(0, 12))),
    count=st.integers(0, 15))
@settings(max_examples=200, deadline=None)
def test_the_first_rows_in_their_order(kept, count):
    values = torch.arange(kept.size * 2.0).reshape(*kept.shape, 2) + 1
    masks = torch.from_numpy(kept)
    with no_waiting():
        rows, there = first_rows(masks, count)
        if kept.shape[1]:
            taken = gather_rows(values, rows, there)
    assert rows.shape == there.shape == (len(kept), count)
    for group, mask in enumerate(kept):
        wanted = np.flatnonzero(mask)[:count]
        assert rows[group][there[group]].tolist() == wanted.tolist()
        assert there[group].tolist() == [place < len(wanted) for place in range(count)]
        if kept.shape[1]:
            assert taken[group, :len(wanted)].tolist() == values[group, wanted].tolist()
            assert not taken[group, len(wanted):].any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')
def test_a_gpu_keeps_the_same_and_is_not_waited_for():
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(5, 1000, 2, generator=generator) * 300
    boxes = torch.cat([corner, corner + 20 + torch.rand(5, 1000, 2, generator=generator) * 60], -1)
    valid = torch.rand(5, 1000, generator=generator) < 0.9
    expected, converged = fixed_nms(boxes, valid, 0.7)
    there = boxes.cuda(), valid.cuda()
    fixed_nms(*there, 0.7)
    torch.cuda.set_sync_debug_mode('error')
    try:
        kept, also = fixed_nms(*there, 0.7)
        rows, _ = first_rows(kept, 300)
    finally:
        torch.cuda.set_sync_debug_mode('default')
    assert torch.equal(kept.cpu(), expected) and bool(also) == bool(converged)
    assert torch.equal(rows.cpu(), first_rows(expected, 300)[0])
