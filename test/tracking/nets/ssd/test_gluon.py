# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""GluonCV's SSDs: levels, anchors, published names, and what they compute from them."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mot_ros.tracking.checkpoints.gluon_ssd import adopt
from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.nets.ssd.gluon import GluonSsd, PLANS
from mot_ros.tracking.weights.mxnet_params import read_params
from test.tracking.weights.mxnet_files import params_bytes

EXTRA = [(512, 8), (512, 4), (256, 2), (256, 1)]
LEVELS = {
    'resnet34_v1b': (300, 8732, [(128, 38), (512, 19), (256, 10), (256, 5), (128, 3), (128, 1)]),
    'resnet50_v1': (512, 6132, [(1024, 32), (2048, 16), *EXTRA]),
    'resnet18_v1': (512, 6132, [(256, 32), (512, 16), *EXTRA]),
    'mobilenet1.0': (512, 6132, [(512, 32), (1024, 16), *EXTRA])}
"""Input, number of anchors, width and cells of each level, as described."""
SIZES = {
    'resnet34_v1b': (21, 45, 99, 153, 207, 261, 315),
    'resnet50_v1': (51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72),
    'resnet18_v1': (51.2, 102.4, 189.4, 276.4, 363.52, 450.6, 492),
    'mobilenet1.0': (51.2, 102.4, 189.4, 276.4, 363.52, 450.6, 492)}
STEPS = {'resnet34_v1b': (8, 16, 32, 64, 100, 300)}
STEPS_512 = (16, 32, 64, 128, 256, 512)
ALLOCATED = (128, 64, 32, 16, 16, 16)
"""Cells along each side of the grids that published files hold."""
RATIOS = [[1, 2, 0.5]] + [[1, 2, 0.5, 3, 1 / 3]] * 3 + [[1, 2, 0.5]] * 2
COUNTS = (4, 6, 6, 6, 4, 4)


def allocated(sizes, step, level):
    """Return the grid of one level, (A, A, 4 n), cell by cell."""
    side, between = sizes[level], math.sqrt(sizes[level] * sizes[level + 1])
    cells = ALLOCATED[level]
    shapes = [(side, side), (between, between), *(
        (side * math.sqrt(r), side / math.sqrt(r)) for r in RATIOS[level][1:])]
    grid = np.zeros((cells, cells, 4 * len(shapes)), np.float32)
    for i in range(cells):
        for j in range(cells):
            grid[i, j] = [number for width, height in shapes for number in (
                (j + 0.5) * step, (i + 0.5) * step, width, height)]
    return grid


class Names(dict):
    """Names and shapes of a published file, as they are described."""

    def conv(self, name, outputs, inputs, kernel, *, bias=False):
        self[f'{name}weight'] = (outputs, inputs, kernel, kernel)
        if bias:
            self[f'{name}bias'] = (outputs,)

    def norm(self, name, width, running='running'):
        for part in ('gamma', 'beta', f'{running}_mean', f'{running}_var'):
            self[f'{name}{part}'] = (width,)


def published(body, classes, prefix='0_'):
    """Return names and shapes of a file, without its anchors."""
    names = Names()
    if body == 'resnet34_v1b':
        _structural(names)
    elif body == 'mobilenet1.0':
        _mobilenet(names, f'features.mobilenet{prefix}')
    else:
        _resnet(names, f'features.resnetv1{prefix}', body == 'resnet50_v1')
    _, _, levels = LEVELS[body]
    if body != 'resnet34_v1b':
        inputs = levels[1][0]
        for index, (width, _) in enumerate(levels[2:]):
            names.conv(f'features.expand_trans_conv{index}_', width, inputs, 1)
            names.norm(f'features.expand_trans_bn{index}_', width, 'moving')
            names.conv(f'features.expand_conv{index}_', width, width, 3)
            names.norm(f'features.expand_bn{index}_', width, 'moving')
            inputs = width
    for index, ((width, _), count) in enumerate(zip(levels, COUNTS, strict=True)):
        for kind, outputs in (('class', count * (classes + 1)), ('box', count * 4)):
            names.conv(f'{kind}_predictors.{index}.predictor.', outputs, width, 3, bias=True)
    return names


def _structural(names):
    names.conv('features.stage1.0.', 64, 3, 7)
    names.norm('features.stage1.1.', 64)
    inputs = 64
    for layer, width, count in (
            ('stage1.4', 64, 3), ('stage1.5', 128, 4), ('stage2.0', 256, 6),
            ('stage2.1', 512, 3)):
        for block in range(count):
            name = f'features.{layer}.{block}'
            for number, wide in ((1, inputs), (2, width)):
                names.conv(f'{name}.conv{number}.', width, wide, 3)
                names.norm(f'{name}.bn{number}.', width)
            if inputs != width:
                names.conv(f'{name}.downsample.0.', width, inputs, 1)
                names.norm(f'{name}.downsample.1.', width)
            inputs = width
    for index, width in enumerate((256, 256, 128, 128)):
        names.conv(f'features.more_stages.{index}.0.', width, inputs, 1, bias=True)
        names.conv(f'features.more_stages.{index}.2.', width, width, 3, bias=True)
        inputs = width


def _resnet(names, prefix, deep):
    names.conv(f'{prefix}conv0_', 64, 3, 7)
    names.norm(f'{prefix}batchnorm0_', 64)
    inputs = 64
    counts = (3, 4, 6, 3) if deep else (2, 2, 2, 2)
    for stage, count in enumerate(counts):
        inner = 64 << stage
        width, number = inner * (4 if deep else 1), 0
        for _ in range(count):
            convs = [(inner, inputs, 1, True), (inner, inner, 3, False), (width, inner, 1, True)]
            if not deep:
                convs = [(width, inputs, 3, False), (width, width, 3, False)]
            if inputs != width:
                convs.append((width, inputs, 1, False))
            for outputs, wide, kernel, bias in convs:
                names.conv(f'{prefix}stage{stage + 1}_conv{number}_', outputs, wide, kernel,
                           bias=bias)
                names.norm(f'{prefix}stage{stage + 1}_batchnorm{number}_', outputs)
                number += 1
            inputs = width


def _mobilenet(names, prefix):
    names.conv(f'{prefix}conv0_', 32, 3, 3)
    names.norm(f'{prefix}batchnorm0_', 32)
    inputs, number = 32, 1
    for width in [64] + [128] * 2 + [256] * 2 + [512] * 6 + [1024] * 2:
        for outputs, wide, kernel in ((inputs, 1, 3), (width, inputs, 1)):
            names.conv(f'{prefix}conv{number}_', outputs, wide, kernel)
            names.norm(f'{prefix}batchnorm{number}_', outputs)
            number += 1
        inputs = width


def random_state(names, seed=0):
    """Return moderate tensors, statistics that norms can have, and small variances."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in names.items():
        tensor = torch.rand(shape, generator=generator)
        if len(shape) == 4:
            tensor = (tensor - 0.5) * 2 * math.sqrt(6 / math.prod(shape[1:]))
        elif name.endswith('var'):
            # small enough that the epsilon counts
            tensor = tensor * 0.05 + 0.01
        else:
            tensor = tensor * 0.4 + (0.1 if name.endswith('gamma') else -0.2)
        state[name] = tensor
    return state


def anchors_of(body, sizes=None):
    return {f'anchor_generators.{level}.anchors': torch.from_numpy(
        allocated(sizes or SIZES[body], step, level)[None, None])
        for level, step in enumerate(STEPS.get(body, STEPS_512))}


class Written:
    """The networks as they are described, computed from published names."""

    def __init__(self, state):
        self.state = {
            name.removeprefix('features.').replace('moving_', 'running_'): tensor
            for name, tensor in state.items()}

    def conv(self, x, name, stride=1, padding=None):
        weight = self.state[f'{name}weight']
        return F.conv2d(
            x, weight, self.state.get(f'{name}bias'), stride,
            weight.shape[-1] // 2 if padding is None else padding,
            groups=x.shape[1] // weight.shape[1])

    def norm(self, x, name, epsilon=1e-5):
        gamma, beta, mean, var = (
            self.state[f'{name}{part}'] for part in (
                'gamma', 'beta', 'running_mean', 'running_var'))
        # symbols leave gamma fixed at 1
        gamma = torch.ones_like(gamma) if epsilon == 1e-3 else gamma
        return F.batch_norm(x, mean, var, gamma, beta, eps=epsilon)

    def block(self, x, pairs, strides, down, stride):
        """Run convolutions and norms by name, the sum with the input, and ReLU."""
        inner = x
        for index, ((conv, norm), step) in enumerate(zip(pairs, strides, strict=True)):
            inner = self.norm(self.conv(inner, conv, step), norm)
            inner = torch.relu(inner) if index < len(pairs) - 1 else inner
        if down:
            x = self.norm(self.conv(x, down[0], stride), down[1])
        return torch.relu(inner + x)

    def structural(self, x):
        x = F.max_pool2d(torch.relu(self.norm(self.conv(x, 'stage1.0.', 2), 'stage1.1.')), 3, 2, 1)
        levels = []
        for layer, count, first in (
                ('stage1.4', 3, 1), ('stage1.5', 4, 2), ('stage2.0', 6, 1), ('stage2.1', 3, 2)):
            for index in range(count):
                name, stride = f'{layer}.{index}', first if index == 0 else 1
                down = f'{name}.downsample.0.weight' in self.state
                x = self.block(
                    x, [(f'{name}.conv{k}.', f'{name}.bn{k}.') for k in (1, 2)], (stride, 1),
                    down and (f'{name}.downsample.0.', f'{name}.downsample.1.'), stride)
            if layer in ('stage1.5', 'stage2.1'):
                levels.append(x)
        for index in range(4):
            x = torch.relu(self.conv(x, f'more_stages.{index}.0.'))
            x = torch.relu(self.conv(
                x, f'more_stages.{index}.2.', 2, 1 if index < 3 else 0))
            levels.append(x)
        return levels

    def resnet(self, x, deep):
        p = 'resnetv10_'
        x = torch.relu(self.norm(self.conv(x, f'{p}conv0_', 2), f'{p}batchnorm0_'))
        x = F.max_pool2d(x, 3, 2, 1)
        levels = []
        for stage, count in enumerate((3, 4, 6, 3) if deep else (2, 2, 2, 2)):
            number = 0
            for index in range(count):
                stride = 2 if stage and index == 0 else 1
                many = 3 if deep else 2
                name = f'{p}stage{stage + 1}_'
                pairs = [(f'{name}conv{k}_', f'{name}batchnorm{k}_')
                         for k in range(number, number + many + 1)]
                down = index == 0 and (stage > 0 or deep)
                x = self.block(
                    x, pairs[:many], (stride, 1, 1)[:many], pairs[many] if down else None, stride)
                number += many + int(down)
            levels.append(x)
        return self.expanded(levels[2:])

    def mobilenet(self, x):
        levels = []
        strides = [2]
        for stride in (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1):
            strides += [stride, 1]
        for number, stride in enumerate(strides):
            x = torch.relu(self.norm(
                self.conv(x, f'mobilenet0_conv{number}_', stride),
                f'mobilenet0_batchnorm{number}_'))
            if number in (22, 26):
                levels.append(x)
        return self.expanded(levels)

    def expanded(self, levels):
        x = levels[-1]
        for i in range(4):
            for name, stride in (('trans_', 1), ('', 2)):
                x = torch.relu(self.norm(
                    self.conv(x, f'expand_{name}conv{i}_', stride), f'expand_{name}bn{i}_', 1e-3))
            levels.append(x)
        return levels

    def __call__(self, x, body, classes):
        levels = {
            'resnet34_v1b': self.structural, 'mobilenet1.0': self.mobilenet,
            'resnet18_v1': lambda x: self.resnet(x, False),
            'resnet50_v1': lambda x: self.resnet(x, True)}[body](x)
        both = []
        for kind, width in (('class', classes + 1), ('box', 4)):
            parts = [self.conv(level, f'{kind}_predictors.{index}.predictor.')
                     .permute(0, 2, 3, 1).reshape(len(x), -1, width)
                     for index, level in enumerate(levels)]
            both.append(torch.cat(parts, 1))
        return both


@pytest.mark.parametrize('body', PLANS)
def test_levels_and_anchors_are_as_described(body):
    size, count, levels = LEVELS[body]
    with torch.device('meta'):
        network = GluonSsd(body, 80)
        found = network.features(torch.empty(2, 3, size, size))
        logits, deltas = network(torch.empty(2, 3, size, size))
    assert [tuple(level.shape) for level in found] == [
        (2, width, cells, cells) for width, cells in levels]
    assert logits.shape == (2, count, 81) and deltas.shape == (2, count, 4)
    assert network.anchors((size, size)).shape == (count, 4)
    assert PLANS[body].size == size


@pytest.mark.parametrize('size', [(300, 300), (512, 512), (768, 768), (1024, 1024), (1024, 576)])
@pytest.mark.parametrize('body', ['resnet34_v1b', 'resnet50_v1'])
def test_anchors_are_cut_out_of_the_published_grids(body, size):
    with torch.device('meta'):
        network = GluonSsd(body, 80)
        levels = network.features(torch.empty(1, 3, size[1], size[0]))
    expected = []
    for index, (level, step) in enumerate(
            zip(levels, STEPS.get(body, STEPS_512), strict=True)):
        rows, columns = level.shape[2:]
        expected.append(
            allocated(SIZES[body], step, index)[:rows, :columns].reshape(-1, 4))
    np.testing.assert_allclose(
        network.anchors(size).numpy(), np.concatenate(expected), rtol=1e-6)


@pytest.mark.parametrize('size', [
    (64, 64), (256, 256), (512, 512), (768, 768), (1024, 1024), (640, 368), (301, 517)])
@pytest.mark.parametrize('body', PLANS)
def test_every_size_runs_with_one_row_per_anchor(body, size):
    with torch.device('meta'):
        network = GluonSsd(body, 1)
        levels = network.features(torch.empty(1, 3, size[1], size[0]))
        logits, _ = network(torch.empty(1, 3, size[1], size[0]))
    assert [tuple(level.shape[2:]) for level in levels] == network.features.cells(size)
    assert logits.shape[1] == len(network.anchors(size))


@pytest.mark.parametrize('body, classes', [
    ('resnet34_v1b', 80), ('resnet50_v1', 80), ('resnet18_v1', 20), ('mobilenet1.0', 1)])
def test_published_files_are_taken_whole(body, classes):
    names = published(body, classes)
    state = {name: torch.zeros(shape) for name, shape in names.items()} | anchors_of(body)
    if body == 'resnet34_v1b':
        assert len(state) == 226
        assert names['class_predictors.0.predictor.weight'] == (324, 128, 3, 3)
        assert names['class_predictors.1.predictor.weight'] == (486, 512, 3, 3)
    found = adopt(state)
    assert found.complete and not found.unexpected and len(found.unused) == 6
    assert found.metadata == {
        'body': body, 'classes': str(classes),
        'sizes': ','.join(f'{side:g}' for side in SIZES[body])}
    assert len(found.tensors) == len(names)
    GluonSsd(body, classes).load_state_dict(found.tensors)


@pytest.mark.parametrize('body', PLANS)
def test_it_computes_what_the_published_network_does(body):
    classes = 3
    state = random_state(published(body, classes))
    network = GluonSsd(body, classes).eval()
    network.load_state_dict(adopt(state).tensors)
    images = torch.randn(2, 3, 260, 257)
    with torch.inference_mode():
        found, expected = network(images), Written(state)(images, body, classes)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= 1e-4 * other.abs().max()
    assert expected[0].std() > 1e-3


def test_the_number_in_a_prefix_means_nothing():
    first = adopt(random_state(published('resnet18_v1', 2)))
    for prefix, before in (('1_', ''), ('27_', ''), ('0_', 'ssd0_')):
        names = published('resnet18_v1', 2, prefix)
        names = {name.replace('resnetv1', f'{before}resnetv1'): shape
                 for name, shape in names.items()}
        other = adopt(random_state(names))
        assert other.complete and not other.unexpected
        assert all(torch.equal(tensor, other.tensors[name])
                   for name, tensor in first.tensors.items())


def test_sizes_come_from_the_anchors_in_the_file():
    sizes = (51.2, 102.4, 189.4, 276.4, 363.52, 450.6, 492)
    state = {name: torch.zeros(shape) for name, shape in published('resnet50_v1', 20).items()}
    found = adopt(state | anchors_of('resnet50_v1', sizes))
    assert found.metadata['sizes'] == '51.2,102.4,189.4,276.4,363.52,450.6,492'
    # without anchors they are those of the body
    assert adopt(state).metadata['sizes'].startswith('51.2,133.12')


def test_missing_and_unused_tensors_are_reported():
    state = random_state(published('mobilenet1.0', 2))
    del state['features.mobilenet0_conv5_weight']
    state['features.mobilenet0_conv6_weight'] = torch.zeros(7, 7, 1, 1)
    state['something'] = torch.zeros(1)
    found = adopt(state)
    assert not found.complete and found.unexpected == ('something',)
    assert len(found.missing) == 1 and 'expected (128, 128, 1, 1)' in found.misshaped[0]
    with pytest.raises(WeightsError, match=r'1 missing: features\.units\.3\.0\.weight'):
        found.check('some.params')


@pytest.mark.parametrize('change, complaint', [
    (lambda state: {'tail.weight': torch.zeros(1)},
     'not the weights of an SSD on resnet34_v1b, .*, but tail.weight'),
    (lambda state: {name: tensor for name, tensor in state.items() if 'class_' not in name},
     'class_predictors.0.predictor.bias is not there'),
    (lambda state: state | {'class_predictors.0.predictor.bias': torch.zeros(9)},
     'of no length that it can have'),
    (lambda state: state | {'features.resnetv15_conv0_weight': torch.zeros(1)},
     'there are two tensors for features.stem.0.weight')])
def test_files_of_other_networks_are_refused(change, complaint):
    state = {name: torch.zeros(shape) for name, shape in published('resnet18_v1', 2).items()}
    with pytest.raises(WeightsError, match=complaint):
        adopt(change(state))


@pytest.mark.parametrize('arguments, complaint', [
    (('vgg16', 80), "no SSD on 'vgg16'; the backbones are resnet34_v1b"),
    (('resnet18_v1', 0), 'for 0 classes'),
    (('resnet18_v1', 2, (1, 2, 3)), 'are \\[1, 2, 3\\]; 7 positive numbers'),
    (('resnet18_v1', 2, (1, 2, 3, 4, 5, 6, -7)), '7 positive numbers')])
def test_what_there_is_not_is_refused(arguments, complaint):
    with pytest.raises(ConfigError, match=complaint):
        GluonSsd(*arguments)


def test_a_file_of_their_format_ends_in_our_tensors(tmp_path):
    state = random_state(published('mobilenet1.0', 2)) | anchors_of('mobilenet1.0')
    path = tmp_path / 'ssd.params'
    path.write_bytes(params_bytes({name: tensor.numpy() for name, tensor in state.items()}))
    found = adopt({name: torch.from_numpy(array) for name, array in read_params(path).items()})
    assert found.complete
    assert all(torch.equal(tensor, found.tensors[name])
               for name, tensor in adopt(state).tensors.items())
