# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import cv2
import numpy as np
import pytest
import torch

from mot_ros.tracking.runtime.resize import resized


@pytest.mark.parametrize('size, wanted', [
    ((768, 576), (320, 320)), ((768, 576), (1024, 768)), ((1280, 720), (1024, 768)),
    ((333, 517), (1001, 77)), ((640, 480), (320, 240)), ((1024, 768), (512, 384)),
    ((4000, 30), (1000, 7)), ((5, 7), (64, 64)), ((1, 1), (64, 64)), ((64, 3), (63, 300)),
    ((2, 2000), (128, 96)), ((320, 240), (320, 100)), ((320, 240), (100, 240))])
def test_every_byte_is_that_of_opencv(size, wanted):
    image = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3)).astype(np.uint8)
    expected = cv2.resize(image, wanted, interpolation=cv2.INTER_LINEAR)
    found = resized(torch.from_numpy(image), wanted)
    assert found.dtype == torch.uint8
    assert np.array_equal(found.numpy(), expected)


def test_what_has_the_size_is_not_touched():
    image = torch.zeros(4, 6, 3, dtype=torch.uint8)
    assert resized(image, (6, 4)) is image


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')
def test_a_gpu_gives_the_same_bytes():
    image = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (576, 768, 3)).astype(np.uint8))
    for wanted in ((320, 320), (1024, 768)):
        assert torch.equal(resized(image.cuda(), wanted).cpu(), resized(image, wanted))
