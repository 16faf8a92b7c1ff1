# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
import torch

from mot_ros.tracking.nets.nanodet.decode import cell_centres, decode
from mot_ros.tracking.nets.nanodet.layers import Conv, MOST_SIZES, pack, PackedLeakyConv
from mot_ros.tracking.nets.nanodet.network import BINS, NanoDetG, STRIDES
from mot_ros.tracking.weights import store as weights

GOLDEN = (
    (0, 32, 0.012239, (2.7138, -1.0009, 0.8888, -0.6362)),
    (1000, 47, 0.01158, (0.6903, -1.3164, 1.3246, -0.7252)),
    (2703, 0, 0.012603, (1.327, -0.8177, 0.3834, -0.6148)),
    (2704, 72, 0.008938, (0.0401, -0.2629, 0.394, -0.3551)),
    (3000, 56, 0.019919, (0.357, -1.1052, 1.5689, -0.1609)),
    (3379, 34, 0.010261, (0.0814, 0.0282, 0.2563, -0.4314)),
    (3380, 47, 0.016661, (0.0135, -1.3556, 0.5819, -1.1967)),
    (3548, 47, 0.014563, (0.0562, -1.3805, 0.574, -1.2352)),
)
"""
Cell, best class, its score and bins 0, 10, 25 and 43 of the published graph on `waves`.

Computed in float64 by NumPy, operation by operation as the graph has them.
"""


def waves(size=416):
    """Return an image (1, 3, size, size) of smooth waves."""
    y, x = np.mgrid[:size, :size]
    planes = [np.sin(x / 17 + c) * np.cos(y / 23 - c) * 1.5 for c in range(3)]
    return torch.from_numpy(np.stack(planes)[None].astype(np.float32))


@pytest.fixture(scope='module')
def network():
    network = NanoDetG()
    weights.fit(network, weights.load('nanodet-coco'))
    return network.eval().requires_grad_(False)


def test_gives_the_numbers_of_the_published_graph(network):
    with torch.inference_mode():
        logits, bins = network(waves())
    scores = torch.sigmoid(logits[0])
    for cell, label, score, some in GOLDEN:
        assert int(scores[cell].argmax()) == label
        assert float(scores[cell, label]) == pytest.approx(score, abs=2e-6)
        found = bins[0, cell].flatten()[[0, 10, 25, 43]].tolist()
        assert found == pytest.approx(some, abs=1e-4)


@pytest.mark.parametrize('size', [(32, 32), (96, 160), (224, 64)])
def test_has_a_row_for_every_cell(network, size):
    height, width = size
    with torch.inference_mode():
        logits, bins = network(torch.zeros(2, 3, height, width))
    cells = sum(height // stride * (width // stride) for stride in STRIDES)
    assert logits.shape == (2, cells, 80)
    assert bins.shape == (2, cells, 4, BINS)
    assert len(cell_centres((width, height))) == cells


def test_kept_columns_are_those_of_the_whole_network(network):
    few = NanoDetG()
    weights.fit(few, weights.load('nanodet-coco'))
    few.eval().keep_columns([0, 47])
    images = waves(96)
    with torch.inference_mode():
        logits, bins = network(images)
        some, same = few(images)
    torch.testing.assert_close(some, logits[..., [0, 47]], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(same, bins, atol=1e-4, rtol=1e-5)


def test_packing_changes_no_number_at_any_size(network):
    packed = NanoDetG()
    weights.fit(packed, weights.load('nanodet-coco'))
    packed.eval().requires_grad_(False)
    if not pack(packed):
        pytest.skip('this torch has no packed convolutions')
    assert not any(type(module) is Conv and 'conv' not in name
                   for name, module in packed.named_modules())
    with torch.inference_mode():
        for side in (64, 96, 128, 160, 192, 64):
            images = waves(side).to(memory_format=torch.channels_last)
            for found, wanted in zip(packed(images), network(images), strict=True):
                torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    assert len(packed.stem._kernels) == MOST_SIZES
    assert isinstance(packed.stem, PackedLeakyConv)


def test_packed_convolution_has_gradients():
    conv = PackedLeakyConv(Conv(3, 4))
    conv(torch.ones(1, 3, 8, 8)).sum().backward()
    assert conv.conv.weight.grad is not None


def test_decodes_like_the_definition():
    size, generator = (96, 64), torch.Generator().manual_seed(1)
    cells = cell_centres(size)
    bins = torch.randn(len(cells), 4, BINS, generator=generator) * 3
    boxes = decode(bins, cells)
    row = 0
    for stride in STRIDES:
        for y in range(size[1] // stride):
            for x in range(size[0] // stride):
                sides = []
                for side in bins[row].double().tolist():
                    shares = np.exp(side) / np.exp(side).sum()
                    sides.append(float((shares * np.arange(BINS)).sum()) * stride)
                left, top, right, bottom = sides
                centre = (x + .5) * stride, (y + .5) * stride
                wanted = [centre[0] - left, centre[1] - top, centre[0] + right,
                          centre[1] + bottom]
                assert boxes[row].tolist() == pytest.approx(wanted, abs=1e-3)
                row += 1
    assert row == len(cells)
