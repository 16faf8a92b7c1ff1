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

import subprocess
import sys

import pytest

ROOT = __file__.rpartition('/test/')[0]


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300,
        check=False)


@pytest.mark.parametrize('precision', ['float32', 'bfloat16'])
def test_what_a_gpu_does_stays_there_and_waits_for_nothing(precision):
    done = run('-m', 'test.tracking.pretended_gpu', precision)
    assert done.returncode == 0, done.stderr


def test_a_mistake_would_be_found():
    done = run('-c', """
import torch
from test.tracking import pretended_gpu as gpu

def mistakes(precision):
    for mistake in (
            lambda x: x + torch.ones(3), lambda x: torch.cat([x, torch.zeros(1)]),
            lambda x: bool((x > 0).all()), lambda x: x[x > 0], lambda x: gpu.there(x.cpu())):
        with gpu.pretended():
            try:
                mistake(torch.zeros(3, device=gpu.DEVICE))
            except Exception as error:
                print(error)

gpu.WORK["mistakes"] = mistakes
gpu.main("float32", "mistakes")
""")
    said = ['two devices', 'two devices', '_local_scalar_dense', 'nonzero', "{'cpu'}"]
    assert done.returncode == 0, done.stderr
    for expected, line in zip(said, done.stdout.splitlines(), strict=True):
        assert expected in line
