# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import subprocess
import sys

import pytest

ROOT = __file__.rpartition('/test/')[0]


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300,
        check=False)


@pytest.mark.parametrize('precision', ['float32', 'bfloat16'])
def test_work_of_a_gpu_stays_there_without_synchronisation(precision):
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
