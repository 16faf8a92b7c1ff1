# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import cv2
import numpy as np
import pytest
import torch

from mot_ros.tracking.detectors.rcnn.preprocess import smoothed
from mot_ros.tracking.runtime.resize import resized
from mot_ros.tracking.runtime.smooth_resize import smoothly_resized

SIZES = [
    ((1280, 720), (1024, 576)), ((1280, 720), (1280, 704)), ((333, 517), (1001, 77)),
    ((640, 480), (320, 256)), ((4000, 30), (1000, 7)), ((5, 7), (64, 64)), ((1, 1), (64, 64)),
    ((64, 3), (63, 300)), ((2, 2000), (128, 96)), ((320, 240), (320, 100)),
    ((320, 240), (100, 240)), ((1000, 300), (999, 301)), ((2000, 300), (32, 32))]


@pytest.mark.parametrize('size, wanted', SIZES)
def test_every_smoothed_byte_is_that_of_a_cpu(size, wanted):
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (*size[::-1], 3)).astype(np.uint8)
    # black and white, where sums are largest
    for image in (noise, np.where(noise > 127, 255, 0).astype(np.uint8)):
        expected = smoothed(image, wanted, torch.device('cpu'))
        found = smoothly_resized(torch.from_numpy(image[..., ::-1].copy()), wanted)
        assert found.dtype == torch.uint8
        assert torch.equal(found.permute(2, 0, 1)[None], expected)


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
    for resize in (resized, smoothly_resized):
        for wanted in ((320, 320), (1024, 768)):
            assert torch.equal(resize(image.cuda(), wanted).cpu(), resize(image, wanted))
