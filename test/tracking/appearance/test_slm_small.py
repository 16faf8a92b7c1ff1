# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import copy

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.nn import functional as F

from mot_ros.tracking.appearance.embedder import windows
from mot_ros.tracking.appearance.slm import SlmEmbedder
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.backbones.mobilenet_pyramid import MobileNetBackbone
from mot_ros.tracking.nets.backbones.mobilenet_v3 import ConvNormActivation
from mot_ros.tracking.nets.backbones.packed_conv import pack
from mot_ros.tracking.nets.slm.small import CROP, SlmSmall, trunk_from_ssd
from mot_ros.tracking.nets.slm.variants import make_slm, variant_of, VARIANTS
from mot_ros.tracking.types import Frame


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    return SlmSmall().eval().requires_grad_(False)


@pytest.fixture(scope='module')
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp('weights') / 'small.safetensors'
    safetensors.torch.save_file(
        {name: tensor.half() for name, tensor in network.state_dict().items()}, path)
    return path


def crops(count=4, seed=1):
    return torch.randint(
        0, 256, (count, 3, CROP[1], CROP[0]), generator=torch.Generator().manual_seed(seed)
    ).float()


@pytest.mark.parametrize('count', [1, 6, 20])
def test_packed_for_one_size_it_embeds_any_number_of_crops_equally(network, count):
    packed = copy.deepcopy(network)
    assert pack(packed, CROP)
    assert not any(type(child) is ConvNormActivation for name, child in packed.named_children())
    some = crops(count)
    with torch.inference_mode():
        assert torch.allclose(packed(some), network(some), rtol=0, atol=1e-5)


def test_it_equals_its_description(network):
    """Slices attend to each other one call at a time; norms and pooling are written out."""
    images = (crops().flip(1) - 127.5) / 127.5
    features = network.trunk.stem(images)
    for index, block in enumerate(network.trunk.blocks):
        features = block(features)[0]
        if index == 5:
            fine = features
    assert fine.shape == (4, 40, 16, 8) and features.shape == (4, 112, 8, 4)
    coarse = network.coarse(features).repeat_interleave(2, 2).repeat_interleave(2, 3)
    cells = torch.zeros(4, 32, 16, 8)
    for row in range(64):
        for column in range(32):
            colour = images[:, :, 2 * row:2 * row + 2, 2 * column:2 * column + 2].mean((2, 3))
            first, second = (network.shades[place] for place in (0, 2))
            shade = F.relu(F.linear(colour, first.weight.flatten(1), first.bias))
            shade = F.relu(F.linear(shade, second.weight.flatten(1), second.bias))
            cells[:, :, row // 4, column // 4] += shade / 16
    mixed = network.mix(F.hardswish(network.fine(fine) + coarse + network.colours(cells)))
    parts = [mixed[:, :, rows, columns] for rows in (slice(0, 8), slice(8, 16))
             for columns in (slice(0, 4), slice(4, 8))]
    attention = network.attention
    pooled = []
    for asking, own in zip(parts, attention.position, strict=True):
        total = torch.zeros_like(asking).flatten(2)
        for asked, other in zip(parts, attention.position, strict=True):
            q = attention.to_q(asking + own).reshape(4, 4, 32, 32) * 32 ** -0.25
            k, v = (project(asked + other).reshape(4, 4, 32, 32)
                    for project in (attention.to_k, attention.to_v))
            weights = torch.einsum('bhdi,bhdj->bhij', q, k * 32 ** -0.25).softmax(-1)
            out = torch.einsum('bhij,bhdj->bhdi', weights, v)
            total += attention.to_out(out.reshape(4, 128, 8, 4)).flatten(2)
        pooled.append(total + asking.flatten(2))
    pooled = torch.cat(
        [torch.stack([part.amax(-1) for part in pooled], 1),
         torch.stack([part.mean(-1) for part in pooled], 1)], 1).flatten(1)
    slow = network.embed(F.layer_norm(
        pooled, (512,), network.norm.weight, network.norm.bias))
    slow = slow / slow.norm(dim=1, keepdim=True)
    torch.testing.assert_close(network(crops()), slow, rtol=0, atol=1e-4)


def test_a_batch_equals_its_crops_one_by_one(network):
    whole = network(crops())
    assert whole.shape == (4, 128)
    torch.testing.assert_close(whole.norm(dim=1), torch.ones(4))
    for image, embedding in zip(crops(), whole, strict=True):
        torch.testing.assert_close(network(image[None])[0], embedding, rtol=0, atol=1e-4)


def test_every_tensor_learns():
    torch.manual_seed(0)
    learner = SlmSmall().train()
    embeddings = learner(crops(6))
    (embeddings @ embeddings.mT).square().sum().backward()
    still = {name for name, value in learner.named_parameters()
             if value.grad is None or not value.grad.abs().max() > 0}
    # softmax over the keys' tokens takes no notice of what is added to all of them
    assert still <= {'attention.to_k.bias'}


def test_the_backbone_is_that_of_the_default_detector(network):
    torch.manual_seed(1)
    body = MobileNetBackbone().eval().requires_grad_(False)
    state = {**body.state_dict(), 'heads.0.weight': torch.zeros(3)}
    ours = SlmSmall().eval().requires_grad_(False)
    found = trunk_from_ssd(state)
    missing = ours.load_state_dict(found, strict=False)
    assert not missing.unexpected_keys
    assert not [name for name in missing.missing_keys if name.startswith('trunk.')]
    images = crops(2) / 255
    features = ours.trunk.stem(images)
    for block in ours.trunk.blocks[:6]:
        features = block(features)[0]
    torch.testing.assert_close(features, body(images)[1])


def test_it_is_small(network):
    assert 2 * sum(value.numel() for value in network.state_dict().values()) < 8e6


def test_the_embedder_sees_what_it_was_trained_on(network, file):
    """BGR from 0 to 255, resized without smoothing to 64 x 128; weights in half precision."""
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    boxes = np.array([[10, 20, 50.4, 120], [100, -5, 230, 235], [300, 100, 330, 180]], np.float32)
    embedder = SlmEmbedder(str(file), 'cpu')
    embedder.warm_up()
    plain = SlmSmall().eval().requires_grad_(False)
    plain.load_state_dict(
        {name: tensor.half() for name, tensor in network.state_dict().items()})
    for row, (x1, y1, x2, y2) in zip(
            embedder.embed(Frame.of(image, 0.0), boxes), windows(boxes, (320, 240))[0],
            strict=True):
        crop = torch.from_numpy(image[y1:y2, x1:x2].copy()).permute(2, 0, 1)[None].float()
        crop = F.interpolate(crop, CROP[::-1], mode='bilinear', align_corners=False)
        np.testing.assert_allclose(row, plain(crop)[0].numpy(), atol=2e-3)


def test_variants_are_recognised(file, network):
    for variant in VARIANTS:
        assert variant_of(make_slm(variant).state_dict()) == variant
        assert variant_of({f'module.{name}': value for name, value in make_slm(
            variant).state_dict().items()}) == variant
    with pytest.raises(ConfigError, match=r"no SLM 'large'; the variants are code, .*, lite"):
        make_slm('large')
