# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""FrozenBatchNorm: affine map, its four tensors, and folding into the convolution before it."""

import pytest
import torch
from torch import nn

from mot_ros.tracking.nets.backbones.registry import make_backbone
from mot_ros.tracking.nets.ops.frozen_batch_norm import FrozenBatchNorm, fuse_norms, fused


def filled(norm, seed=0):
    """Give a norm statistics that nothing is symmetric in."""
    generator = torch.Generator().manual_seed(seed)
    for name, buffer in norm.named_buffers():
        low = 0.5 if name in ('weight', 'running_var') else -1.0
        buffer.copy_(torch.rand(buffer.shape, generator=generator) * 1.5 + low)
    return norm


def test_the_map_has_no_epsilon():
    norm = FrozenBatchNorm(2)
    norm.weight.copy_(torch.tensor([3.0, 1.0]))
    norm.bias.copy_(torch.tensor([0.5, -2.0]))
    norm.running_mean.copy_(torch.tensor([10.0, 1.0]))
    # an epsilon of 1e-5 would take the second scale from 1000 to 302
    norm.running_var.copy_(torch.tensor([4.0, 1e-6]))
    features = torch.tensor([[[[12.0]], [[1.5]]]])
    assert torch.allclose(norm(features).flatten(), torch.tensor([3.5, 498.0]), rtol=1e-5)


def test_it_equals_a_batch_norm_of_epsilon_zero():
    norm, other = filled(FrozenBatchNorm(5)), nn.BatchNorm2d(5, eps=0).eval()
    other.load_state_dict(norm.state_dict(), strict=False)
    features = torch.randn(2, 5, 4, 3)
    assert torch.allclose(norm(features), other(features), atol=1e-5)


def test_all_four_tensors_are_buffers():
    norm = FrozenBatchNorm(3)
    assert set(norm.state_dict()) == {'weight', 'bias', 'running_mean', 'running_var'}
    assert list(norm.parameters()) == []


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('groups, stride', [(1, 1), (2, 2), (4, 1)])
def test_a_fused_convolution_does_what_both_do(bias, groups, stride):
    torch.manual_seed(1)
    conv = nn.Conv2d(4, 8, 3, stride, 1, groups=groups, bias=bias)
    norm = filled(FrozenBatchNorm(8))
    before = conv.weight.clone()
    features = torch.randn(2, 4, 9, 7)
    assert torch.allclose(fused(conv, norm)(features), norm(conv(features)), atol=1e-5)
    assert torch.equal(conv.weight, before)


@pytest.mark.parametrize('name, norms', [('dla34', 39), ('resnet50', 53), ('mobilenetv3', 0)])
def test_a_body_without_its_norms_computes_the_same(name, norms):
    torch.manual_seed(2)
    body = make_backbone(name).eval()
    for index, module in enumerate(body.modules()):
        if isinstance(module, FrozenBatchNorm):
            filled(module, index)
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        expected = body(images)
        assert fuse_norms(body) == norms
        found = body(images)
    assert not any(isinstance(module, FrozenBatchNorm) for module in body.modules())
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= 1e-5 * other.abs().max()
