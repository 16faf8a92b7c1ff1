# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The fast ways of EMM and of ROIAlign on a CPU give what the obvious ways give."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mot_ros.tracking.nets.rcnn import roi_align as module
from mot_ros.tracking.nets.rcnn.roi_align import levels_of, roi_align
from mot_ros.tracking.nets.siammot.emm import correlate


def grouped(searched, templates):
    """Correlate by one convolution with a group for every channel of every track."""
    tracks, channels, side = *searched.shape[:2], searched.shape[-1]
    found = F.conv2d(
        searched.reshape(1, -1, side, side),
        templates.reshape(tracks * channels, 1, *templates.shape[2:]), groups=tracks * channels)
    return found.reshape(tracks, channels, *found.shape[2:])


@pytest.mark.parametrize('tracks, side, cells', [(3, 30, 15), (1, 7, 7), (2, 9, 4)])
def test_the_gradients_of_the_correlation_are_those_of_the_convolution(tracks, side, cells):
    torch.manual_seed(tracks)
    searched = torch.randn(tracks, 8, side, side, requires_grad=True)
    templates = torch.randn(tracks, 8, cells, cells, requires_grad=True)
    found, wanted = correlate(searched, templates), grouped(searched, templates)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)
    weights = torch.randn_like(found)
    for own, other in zip(
            torch.autograd.grad(found, (searched, templates), weights),
            torch.autograd.grad(wanted, (searched, templates), weights), strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=1e-4)


def test_only_the_gradient_that_is_asked_for_is_computed():
    searched, templates = torch.randn(2, 3, 6, 6), torch.randn(2, 3, 4, 4, requires_grad=True)
    correlate(searched, templates).sum().backward()
    assert searched.grad is None and templates.grad is not None
    assert torch.autograd.gradcheck(
        correlate, (searched.double().requires_grad_(), templates.detach().double()))


def boxes_of(kind, count=12):
    """Return boxes whose samples lie close together along both axes, one, or none."""
    random = np.random.default_rng(count)
    width, height = {'small': (40, 40), 'tall': (12, 700), 'huge': (3000, 3000)}[kind]
    sides = random.uniform(0.5, 1, (count, 2)) * [width, height]
    centres = random.uniform([-20, -20], [276, 180], (count, 2))
    return torch.from_numpy(np.concatenate([centres - sides / 2, centres + sides / 2], 1)).float()


@pytest.mark.parametrize('outside', ['clamp', 'zeros'])
@pytest.mark.parametrize('kind', ['small', 'tall', 'huge'])
def test_shared_cells_are_read_once_and_weigh_the_same(monkeypatch, kind, outside):
    torch.manual_seed(0)
    maps = [torch.randn(2, 4, 160 >> level, 256 >> level, requires_grad=True)
            for level in range(2, 6)]
    boxes = boxes_of(kind)
    merge, widths = module._merged, []

    def noted(*arguments):
        cells, weights = merge(*arguments)
        widths.append(cells.shape[-1])
        return cells, weights

    def pooled():
        return roi_align(
            maps, boxes, torch.arange(len(boxes)) % 2, levels_of(boxes), 15, outside=outside)

    monkeypatch.setattr(module, '_merged', noted)
    found = pooled()
    assert widths == {'small': [3, 3], 'tall': [4, 3], 'huge': [4, 4]}[kind]
    monkeypatch.setattr(module, '_merged', lambda cells, weights, *_: (cells, weights))
    wanted = pooled()
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    weights = torch.randn_like(found)
    for own, other in zip(
            torch.autograd.grad(found, maps, weights), torch.autograd.grad(wanted, maps, weights),
            strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=1e-4)


def test_three_samples_along_an_axis_share_cells_too():
    maps = [torch.randn(1, 2, 40 >> level, 40 >> level) for level in range(4)]
    boxes = torch.tensor([[3.0, 5.0, 60.0, 40.0]])
    found = roi_align(maps, boxes, torch.zeros(1, dtype=torch.long), levels_of(boxes), 8, 3)
    finer = roi_align(maps, boxes, torch.zeros(1, dtype=torch.long), levels_of(boxes), 24, 1)
    torch.testing.assert_close(found, F.avg_pool2d(finer, 3), rtol=0, atol=1e-5)
