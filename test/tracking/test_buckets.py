# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

import numpy as np
import pytest
import torch

from mot_ros.tracking.buckets import bucket, sent


@pytest.mark.parametrize('count, room', [
    (0, 16), (1, 16), (16, 16), (17, 64), (64, 64), (65, 256), (256, 256), (257, 512),
    (512, 512), (513, 768)])
def test_the_room_is_the_least_that_holds_all(count, room):
    assert bucket(count) == room


def test_rows_come_first_and_zeros_after_them():
    rows = np.arange(6, dtype=np.float64).reshape(2, 3)[:, ::-1]
    there = sent(rows, 16, torch.device('cpu'))
    assert there.dtype == torch.float32 and there.shape == (16, 3)
    assert np.array_equal(there[:2].numpy(), rows) and not there[2:].any()
    rows[:] = 7
    assert there[0].tolist() == [2, 1, 0]
