# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The feature pyramid: names, sizes also where they are odd, and bilinear from top to bottom."""

import pytest
import torch
from torch.nn import functional as F

from mot_ros.tracking.nets.rcnn.fpn import Fpn

CHANNELS = (4, 6, 8, 10)


def bilinear(image, rows, columns):
    """Resize (C, H, W) cell by cell; the centres of the corner cells do not meet."""
    height, width = image.shape[1:]
    out = torch.zeros(len(image), rows, columns)
    for row in range(rows):
        for column in range(columns):
            y = max((row + 0.5) * height / rows - 0.5, 0)
            x = max((column + 0.5) * width / columns - 0.5, 0)
            top, left = int(y), int(x)
            low, right = min(top + 1, height - 1), min(left + 1, width - 1)
            y, x = y - top, x - left
            out[:, row, column] = (
                image[:, top, left] * (1 - y) * (1 - x) + image[:, top, right] * (1 - y) * x
                + image[:, low, left] * y * (1 - x) + image[:, low, right] * y * x)
    return out


def written(state, features):
    """Compute P2..P6 of one image as the description has it."""
    def conv(x, name):
        weight = state[f'{name}.weight']
        return F.conv2d(x, weight, state[f'{name}.bias'], padding=weight.shape[-1] // 2)

    inner = [conv(level, f'fpn_inner{number}') for number, level in enumerate(features, 1)]
    for level in (2, 1, 0):
        inner[level] = inner[level] + bilinear(inner[level + 1][0], *inner[level].shape[2:])
    pyramid = [conv(level, f'fpn_layer{number}') for number, level in enumerate(inner, 1)]
    return [*pyramid, pyramid[-1][:, :, ::2, ::2]]


@pytest.mark.parametrize('sizes', [
    [(16, 24), (8, 12), (4, 6), (2, 3)],
    # what bodies that round up give for 90 x 130 pixels
    [(23, 33), (12, 17), (6, 9), (3, 5)],
    [(5, 1), (3, 1), (2, 1), (1, 1)]])
def test_it_computes_what_its_description_says(sizes):
    torch.manual_seed(0)
    fpn = Fpn(CHANNELS, 5)
    for name, parameter in fpn.named_parameters():
        if name.endswith('bias'):
            torch.nn.init.normal_(parameter)
    features = [torch.randn(1, width, *size) for width, size in zip(CHANNELS, sizes, strict=True)]
    with torch.inference_mode():
        found, expected = fpn(features), written(fpn.state_dict(), features)
    rows, columns = sizes[-1]
    assert [tuple(level.shape) for level in found] == [
        *((1, 5, *size) for size in sizes), (1, 5, (rows + 1) // 2, (columns + 1) // 2)]
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_it_has_the_published_tensors():
    widths = (64, 128, 256, 512)
    expected = {}
    for level, inputs in enumerate(widths, 1):
        expected |= {f'fpn_inner{level}.weight': (128, inputs, 1, 1),
                     f'fpn_inner{level}.bias': (128,),
                     f'fpn_layer{level}.weight': (128, 128, 3, 3),
                     f'fpn_layer{level}.bias': (128,)}
    assert {name: tuple(tensor.shape)
            for name, tensor in Fpn(widths).state_dict().items()} == expected


def test_a_batch_gives_what_a_loop_gives():
    torch.manual_seed(1)
    fpn = Fpn(CHANNELS, 8)
    features = [torch.randn(3, width, 16 >> level, 24 >> level)
                for level, width in enumerate(CHANNELS)]
    together = fpn(features)
    for image in range(3):
        alone = fpn([level[image:image + 1] for level in features])
        for one, other in zip(together, alone, strict=True):
            assert torch.allclose(one[image:image + 1], other, atol=1e-6)
