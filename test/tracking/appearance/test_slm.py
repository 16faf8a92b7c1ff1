# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.slm.network import running_part, slices, Slm, VARIANTS
from mot_ros.tracking.weights import store as weights


def block(name, inputs, outputs, stride_or_width_changes):
    """Return names and shapes of one basic block of ResNet-18."""
    shapes = {f'{name}.conv1.weight': (outputs, inputs, 3, 3),
              f'{name}.conv2.weight': (outputs, outputs, 3, 3),
              **norm(f'{name}.bn1', outputs), **norm(f'{name}.bn2', outputs)}
    if stride_or_width_changes:
        shapes[f'{name}.downsample.0.weight'] = (outputs, inputs, 1, 1)
        shapes |= norm(f'{name}.downsample.1', outputs)
    return shapes


def norm(name, width):
    return {**{f'{name}.{part}': (width,)
               for part in ('weight', 'bias', 'running_mean', 'running_var')},
            f'{name}.num_batches_tracked': ()}


def published_shapes():
    """Return what a published file holds, by the tables of its description."""
    shapes = {'resnet.conv1.weight': (64, 3, 7, 7), **norm('resnet.bn1', 64)}
    width = 64
    for layer, outputs in enumerate((64, 128, 256, 512), 1):
        shapes |= block(f'resnet.layer{layer}.0', width, outputs, outputs != width)
        shapes |= block(f'resnet.layer{layer}.1', outputs, outputs, False)
        width = outputs
    shapes |= {'resnet.fc.weight': (1000, 512), 'resnet.fc.bias': (1000,),
               'conv_pred.weight': (32, 256, 3, 3), 'conv_pred.bias': (32,)}
    for part in 'qkv':
        shapes |= {f'patch_attention.to_{part}.weight': (128, 32, 1, 1),
                   f'patch_attention.to_{part}.bias': (128,)}
    shapes |= {'patch_attention.to_out.weight': (32, 128, 1, 1),
               'patch_attention.to_out.bias': (32,),
               'fc.0.weight': (128, 128), 'fc.0.bias': (128,), **norm('fc.1', 128),
               'conv1.conv1.weight': (64, 3, 3, 3), **norm('conv1.bn1', 64),
               'conv1.conv2.weight': (64, 64, 3, 3), **norm('conv1.bn2', 64),
               'conv1.con1x1.weight': (128, 64, 1, 1), **norm('conv1.bn3', 128)}
    return shapes


def random_state(shapes, seed=0):
    """Fill shapes with numbers that keep activations in range."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        if name.endswith('num_batches_tracked'):
            state[name] = torch.tensor(7)
        elif name.endswith('running_var') or (len(shape) == 1 and name.endswith('weight')):
            state[name] = torch.rand(shape, generator=generator) + 0.5
        elif len(shape) == 1:
            state[name] = torch.randn(shape, generator=generator) / 10
        else:
            fan = torch.Size(shape[1:]).numel()
            state[name] = torch.randn(shape, generator=generator) * (2 / fan) ** 0.5
    return state


def made(variant, seed=0):
    """Make a network in which BatchNorm does something."""
    network = Slm(variant).eval().requires_grad_(False)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    network.load_state_dict(random_state(shapes, seed))
    return network


def crops(count=3, seed=1):
    return torch.randint(
        0, 256, (count, 3, 224, 80), generator=torch.Generator().manual_seed(seed)).float()


def quarters(features):
    """Cut a map into its slices the plain way."""
    return [features[:, :, rows, columns] for rows in (slice(0, 14), slice(14, 28))
            for columns in (slice(0, 5), slice(5, 10))]


def one_call(attention, asking, asked, linear):
    """Let one slice (B, 32, 14, 5) ask another, as the published code and the article write it."""
    heads = [
        conv(part).reshape(len(part), 4, 32, 70)
        for conv, part in ((attention.to_q, asking), (attention.to_k, asked),
                           (attention.to_v, asked))]
    q, k, v = heads[0] * 32 ** -0.25, heads[1] * 32 ** -0.25, heads[2]
    if linear:
        context = torch.einsum('bhdn,bhen->bhde', k.softmax(-1), v)
        out = torch.einsum('bhdn,bhde->bhen', q.softmax(-2), context)
    else:
        weights = torch.einsum('bhdi,bhdj->bhij', q, k).softmax(-1)
        out = torch.einsum('bhij,bhej->bhei', weights, v)
    return attention.to_out(out.reshape(len(asking), 128, 14, 5))


@pytest.mark.parametrize('variant', VARIANTS)
def test_fast_attention_equals_sixteen_calls(variant):
    network = made(variant)
    attention = network.patch_attention.double()
    features = torch.randn(3, 32, 28, 10, generator=torch.Generator().manual_seed(2)).double()
    parts = quarters(features)
    if variant == 'article':
        parts = [part + place for part, place in zip(parts, attention.position, strict=True)]
    slow = torch.stack([
        sum(one_call(attention, asking, asked, variant == 'code') for asked in parts)
        for asking in parts], dim=1).flatten(3)
    assert slow.abs().max() > 0.1
    torch.testing.assert_close(attention(features), slow, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        attention.float()(features.float()), slow.float(), rtol=0, atol=1e-5)


def test_slices_go_left_to_right_then_down():
    features = torch.arange(2 * 3 * 28 * 10).reshape(2, 3, 28, 10)
    expected = torch.stack([part.flatten(2) for part in quarters(features)], dim=1)
    assert torch.equal(slices(features), expected)


def test_the_whole_network_equals_its_description():
    """From torch's own operators, BatchNorm not folded, with sixteen calls of attention."""
    network = made('code')
    state = network.state_dict()

    def conv(x, name, stride=1):
        weight = state[f'{name}.weight']
        return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2)

    def bn(x, name):
        return F.batch_norm(x, *(state[f'{name}.{part}'] for part in (
            'running_mean', 'running_var', 'weight', 'bias')), eps=1e-5)

    x = crops()
    x = F.max_pool2d(F.relu(bn(conv(x, 'resnet.conv1', 2), 'resnet.bn1')), 3, 2, 1)
    for layer, stride in ((1, 1), (2, 2), (3, 1)):
        for index in (0, 1):
            name = f'resnet.layer{layer}.{index}'
            step = stride if index == 0 else 1
            y = F.relu(bn(conv(x, f'{name}.conv1', step), f'{name}.bn1'))
            y = bn(conv(y, f'{name}.conv2'), f'{name}.bn2')
            if layer > 1 and index == 0:
                x = bn(conv(x, f'{name}.downsample.0', step), f'{name}.downsample.1')
            x = F.relu(x + y)
    x = network.conv_pred(x)
    assert x.shape == (3, 32, 28, 10)
    parts = quarters(x)
    joined = torch.cat([
        sum(one_call(network.patch_attention, asking, asked, True) for asked in parts)
        for asking in parts], dim=1)
    x = F.adaptive_max_pool2d(joined, 1).flatten(1)
    x = F.relu(bn(F.linear(x, state['fc.0.weight'], state['fc.0.bias']), 'fc.1'))
    assert x.abs().max() > 0.1
    torch.testing.assert_close(network(crops()), x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('variant', VARIANTS)
def test_a_batch_equals_its_crops_one_by_one_and_folding_changes_nothing(variant):
    network, images = made(variant).double(), crops(5).double()
    whole = network(images)
    assert whole.shape == (5, 128) and (whole >= 0).all() and whole.max() > 0
    for image, embedding in zip(images, whole, strict=True):
        torch.testing.assert_close(network(image[None])[0], embedding, rtol=1e-9, atol=1e-9)
    network.fold()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(network(images), whole, rtol=1e-9, atol=1e-9)


def test_a_published_file_fits_and_has_the_published_size(tmp_path):
    state = random_state(published_shapes())
    parameters = sum(
        tensor.numel() for name, tensor in state.items()
        if not re.search('running_|num_batches', name))
    assert parameters == pytest.approx(11.84e6, abs=5e3)
    file = tmp_path / 'ver12.pt'
    torch.save({'epoch_id': 12, 'model_G_state_dict': {
        f'module.{name}': tensor for name, tensor in state.items()}}, file)
    loaded, unused = running_part(weights.load(file, inside='model_G_state_dict'))
    network = Slm('code')
    weights.fit(network, loaded)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[name])
    assert set(unused) | loaded.keys() == state.keys()
    assert {'.'.join(name.split('.')[:2]) for name in unused} == {
        'resnet.layer4', 'resnet.fc', 'conv1.conv1', 'conv1.bn1', 'conv1.conv2', 'conv1.bn2',
        'conv1.con1x1', 'conv1.bn3'}
    with pytest.raises(WeightsError, match=r'missing: patch_attention\.position'):
        weights.fit(Slm('article'), loaded)


def test_what_belongs_to_neither_is_refused():
    state = random_state(published_shapes())
    state['resnet.layer5.0.conv1.weight'] = torch.zeros(1)
    loaded, _ = running_part(state)
    with pytest.raises(WeightsError, match=r'1 not part of the network: resnet\.layer5'):
        weights.fit(Slm('code'), loaded)


def test_every_tensor_of_both_variants_learns():
    for variant in VARIANTS:
        network = Slm(variant).train()
        network(crops(4) / 255).square().sum().backward()
        still = [name for name, value in network.named_parameters()
                 if value.grad is None or not value.grad.abs().max() > 0]
        # softmax over the keys' tokens takes no notice of what is added to all of them
        assert set(still) <= {'patch_attention.to_k.bias'}
