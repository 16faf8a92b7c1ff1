# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
import torch
from torch.nn import functional as F

from test.tracking.waiting import no_waiting, WaitError

NUMBERS = torch.linspace(-1, 1, 12).reshape(4, 3)


@pytest.mark.parametrize('inference', [False, True])
@pytest.mark.parametrize('wait', [
    lambda x: x.sum().item(), lambda x: bool(x.sum() > 0), lambda x: int(x[0, 0]),
    lambda x: x.tolist(), lambda x: x.numpy(), lambda x: x.cpu(), lambda x: x.nonzero(),
    lambda x: torch.where(x > 0), lambda x: torch.where(x > 0, x, 0.0), lambda x: x[x > 0],
    lambda x: x.masked_select(x > 0),
    lambda x: x.unique(), lambda x: torch.equal(x, x), lambda x: torch.allclose(x, x),
    lambda x: x + torch.tensor([1.0, 2, 3]), lambda x: x * x.new_tensor([1, 2, 3]),
    lambda x: x.repeat_interleave(torch.arange(4), 0), lambda x: x.to('meta'),
    lambda x: x.clone().index_put_((x > 0,), torch.zeros(()))])
def test_synchronisation_is_found(wait, inference):
    with torch.inference_mode(inference), pytest.raises(WaitError), no_waiting():
        wait(NUMBERS)


@pytest.mark.parametrize('inference', [False, True])
@pytest.mark.parametrize('work', [
    lambda x: x.topk(2).values, lambda x: x.sort(stable=True).indices, lambda x: x[1:3],
    lambda x: x[x.argmax(1)], lambda x: torch.where(x > 0, x, -x), lambda x: x @ x.T,
    lambda x: x.masked_fill(x > 0, 1), lambda x: x.repeat_interleave(3, 0),
    lambda x: x + torch.arange(3, device=x.device), lambda x: x.to(torch.bfloat16),
    lambda x: F.embedding_bag(torch.zeros(5, 2, dtype=torch.long), x, mode='sum'),
    lambda x: F.interpolate(x[None, None], (2, 2), mode='bilinear', antialias=True)])
def test_what_goes_on_by_itself_is_let_be(work, inference):
    with torch.inference_mode(inference):
        expected = work(NUMBERS)
        with no_waiting():
            found = work(NUMBERS)
    assert torch.equal(found, expected)
