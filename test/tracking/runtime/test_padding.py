# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
import torch

from mot_ros.tracking.runtime.padding import bucket, to_device_padded


@pytest.mark.parametrize('count, room', [
    (0, 16), (1, 16), (16, 16), (17, 64), (64, 64), (65, 256), (256, 256), (257, 512),
    (512, 512), (513, 768)])
def test_the_room_is_the_least_that_holds_all(count, room):
    assert bucket(count) == room


def test_rows_come_first_and_zeros_after_them():
    rows = np.arange(6, dtype=np.float64).reshape(2, 3)[:, ::-1]
    there = to_device_padded(rows, 16, torch.device('cpu'))
    assert there.dtype == torch.float32 and there.shape == (16, 3)
    assert np.array_equal(there[:2].numpy(), rows) and not there[2:].any()
    rows[:] = 7
    assert there[0].tolist() == [2, 1, 0]
