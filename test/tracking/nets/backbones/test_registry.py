# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The bodies: names and shapes of their tensors, their feature maps, and what they compute."""

import pytest
import torch
from torch.nn import functional as F

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.backbones.backbone import IMAGENET_MEAN, IMAGENET_STD
from mot_ros.tracking.nets.backbones.dla import Dla
from mot_ros.tracking.nets.backbones.mobilenet_pyramid import from_ssd, MobileNetBackbone
from mot_ros.tracking.nets.backbones.registry import BACKBONES, make_backbone
from mot_ros.tracking.nets.backbones.resnet import ResNet
from mot_ros.tracking.nets.ops.frozen_batch_norm import FrozenBatchNorm
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3


def norm(name, width):
    return {f'{name}.{part}': (width,)
            for part in ('weight', 'bias', 'running_mean', 'running_var')}


def twig(name, inputs, outputs, root):
    """Return names and shapes of a DLA tree of depth 1 with basic blocks."""
    shapes = {f'{name}.root.conv.weight': (outputs, root, 1, 1),
              **norm(f'{name}.root.bn', outputs)}
    for tree, first in (('tree1', inputs), ('tree2', outputs)):
        for conv, width in ((1, first), (2, outputs)):
            shapes[f'{name}.{tree}.conv{conv}.weight'] = (outputs, width, 3, 3)
            shapes |= norm(f'{name}.{tree}.bn{conv}', outputs)
    return shapes


def projection(name, inputs, outputs):
    return {f'{name}.project.0.weight': (outputs, inputs, 1, 1),
            **norm(f'{name}.project.1', outputs)}


def dla34_shapes():
    """Return what SiamMOT's checkpoints hold below backbone.body, by their description."""
    shapes = {}
    for name, width, inputs, kernel in (
            ('base_layer', 16, 3, 7), ('level0', 16, 16, 3), ('level1', 32, 16, 3)):
        shapes |= {f'{name}.0.weight': (width, inputs, kernel, kernel), **norm(f'{name}.1', width)}
    for name, inputs, outputs, root in (('level2', 32, 64, 128), ('level5', 256, 512, 1280)):
        shapes |= twig(name, inputs, outputs, root) | projection(name, inputs, outputs)
    for name, inputs, outputs, root in (('level3', 64, 128, 448), ('level4', 128, 256, 896)):
        shapes |= twig(f'{name}.tree1', inputs, outputs, 2 * outputs)
        shapes |= twig(f'{name}.tree2', outputs, outputs, root)
        shapes |= projection(f'{name}.tree1', inputs, outputs)
        # in the files, and used by nothing
        shapes |= projection(name, inputs, outputs)
    return shapes


def shapes_of(module):
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def shuffled(backbone, seed=0):
    """Give all norms of a backbone statistics of their own, and keep the numbers moderate."""
    torch.manual_seed(seed)
    for module in backbone.modules():
        if isinstance(module, FrozenBatchNorm):
            for name, buffer in module.named_buffers():
                positive = name in ('weight', 'running_var')
                buffer.copy_(torch.rand_like(buffer) * 0.5 + (0.75 if positive else -0.25))
    return backbone.eval()


class Written:
    """A network written as its description has it: one function call per line, by key."""

    def __init__(self, state):
        self.state = state

    def conv(self, x, name, stride=1):
        weight = self.state[f'{name}.weight']
        return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2)

    def norm(self, x, name):
        weight, bias, mean, variance = (
            self.state[f'{name}.{part}'][:, None, None]
            for part in ('weight', 'bias', 'running_mean', 'running_var'))
        return (x - mean) / torch.sqrt(variance) * weight + bias

    def unit(self, x, name, number, stride=1):
        return self.norm(self.conv(x, f'{name}.conv{number}', stride), f'{name}.bn{number}')


class WrittenDla(Written):
    def block(self, x, name, residual, stride):
        if f'{name}.conv3.weight' not in self.state:
            a = torch.relu(self.unit(x, name, 1, stride))
            return torch.relu(self.unit(a, name, 2) + residual)
        a = torch.relu(self.unit(x, name, 1))
        a = torch.relu(self.unit(a, name, 2, stride))
        return torch.relu(self.unit(a, name, 3) + residual)

    def tree(self, x, name, depth, stride, level_root, extra=(), residual_root=False):
        bottom = F.max_pool2d(x, stride) if stride > 1 else x
        extra = [*extra, bottom] if level_root else list(extra)
        if depth > 1:
            t1 = self.tree(x, f'{name}.tree1', depth - 1, stride, False, (), residual_root)
            return self.tree(
                t1, f'{name}.tree2', depth - 1, 1, False, [*extra, t1], residual_root)
        res = bottom
        if f'{name}.project.0.weight' in self.state:
            res = self.norm(self.conv(bottom, f'{name}.project.0'), f'{name}.project.1')
        a = self.block(x, f'{name}.tree1', res, stride)
        b = self.block(a, f'{name}.tree2', a, 1)
        mixed = self.norm(
            self.conv(torch.cat([b, a, *extra], 1), f'{name}.root.conv'), f'{name}.root.bn')
        return torch.relu(mixed + b if residual_root else mixed)

    def __call__(self, x, depths, residual_root):
        for name, stride in (('base_layer', 1), ('level0', 1), ('level1', 2)):
            x = torch.relu(self.norm(self.conv(x, f'{name}.0', stride), f'{name}.1'))
        levels = []
        for number, depth in zip((2, 3, 4, 5), depths, strict=True):
            x = self.tree(x, f'level{number}', depth, 2, number > 2, (), residual_root)
            levels.append(x)
        return levels


def written_resnet(state, x, counts):
    net = Written(state)
    x = F.max_pool2d(torch.relu(net.unit(x, 'stem', 1, 2)), 3, 2, 1)
    levels = []
    for layer, count in enumerate(counts, 1):
        for index in range(count):
            name, stride = f'layer{layer}.{index}', 2 if layer > 1 and index == 0 else 1
            a = torch.relu(net.unit(x, name, 1, stride))
            a = net.unit(torch.relu(net.unit(a, name, 2)), name, 3)
            if index == 0:
                x = net.norm(net.conv(x, f'{name}.downsample.0', stride), f'{name}.downsample.1')
            x = torch.relu(a + x)
        levels.append(x)
    return levels


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= 1e-5 * other.abs().max()


def test_dla34_has_the_published_tensors():
    assert shapes_of(Dla(34)) == dla34_shapes()
    assert len(dla34_shapes()) == 195


@pytest.mark.parametrize('depth, parameters, unused', [
    # the counts that classifiers of 1000 classes are published with, which have no unused
    # projections: 15 742 104, 33 268 888 and 53 389 720
    (34, 15_742_104 - 513_000, 8_448 + 33_280),
    (102, 33_268_888 - 1_025_000, 2 * 33_280 + 3 * 132_096),
    (169, 53_389_720 - 1_025_000, 4_352 + 2 * 33_280 + 4 * 132_096)])
def test_dla_has_the_published_number_of_parameters(depth, parameters, unused):
    with torch.device('meta'):
        state = Dla(depth).state_dict()
    learned = sum(
        tensor.numel() for name, tensor in state.items() if '.running_' not in name)
    assert learned == parameters + unused


@pytest.mark.parametrize('depth, depths', [
    (34, (1, 2, 2, 1)), (102, (1, 3, 4, 1)), (169, (2, 3, 5, 1))])
def test_dla_computes_what_its_description_says(depth, depths):
    backbone = shuffled(Dla(depth))
    images = torch.randn(1, 3, 32, 64)
    with torch.inference_mode():
        same(backbone(images), WrittenDla(backbone.state_dict())(images, depths, depth != 34))


def test_the_unused_projections_of_dla_are_loaded_and_not_computed():
    backbone = Dla(34)
    images = torch.randn(1, 3, 64, 64)
    before = backbone(images)
    for level in (backbone.level3, backbone.level4):
        level.project[0].weight.data.fill_(torch.nan)
    after = backbone(images)
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    sum(level.sum() for level in after).backward()
    idle = [name for name, weight in backbone.named_parameters() if weight.grad is None]
    assert idle == ['level3.project.0.weight', 'level4.project.0.weight']


@pytest.mark.parametrize('size', [(720, 1280), (704, 1270)])
def test_dla_refuses_sizes_that_32_does_not_divide(size):
    with torch.device('meta'), pytest.raises(
            ConfigError, match=rf'images are {size[1]} x {size[0]} pixels.*multiples of 32'):
        Dla(34)(torch.empty(1, 3, *size))


@pytest.mark.parametrize('depth, counts, parameters', [
    (50, (3, 4, 6, 3), 25_557_032), (101, (3, 4, 23, 3), 44_549_160)])
def test_resnet_computes_what_its_description_says(depth, counts, parameters):
    backbone = shuffled(ResNet(depth))
    state = backbone.state_dict()
    # the classifiers' counts, less 1000 classes
    assert sum(tensor.numel() for name, tensor in state.items()
               if '.running_' not in name) == parameters - 2_049_000
    images = torch.randn(1, 3, 45, 70)
    with torch.inference_mode():
        same(backbone(images), written_resnet(state, images, counts))


def test_resnet_has_the_names_of_maskrcnn_benchmark():
    shapes = shapes_of(ResNet(50))
    expected = {'stem.conv1.weight': (64, 3, 7, 7), **norm('stem.bn1', 64)}
    width = 64
    for layer, (inner, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for index in range(count):
            name, outputs = f'layer{layer}.{index}', 4 * inner
            if index == 0:
                expected[f'{name}.downsample.0.weight'] = (outputs, width, 1, 1)
                expected |= norm(f'{name}.downsample.1', outputs)
            for number, shape in enumerate((
                    (inner, width, 1, 1), (inner, inner, 3, 3), (outputs, inner, 1, 1)), 1):
                expected[f'{name}.conv{number}.weight'] = shape
                expected |= norm(f'{name}.bn{number}', shape[0])
            width = outputs
    assert shapes == expected


@pytest.mark.parametrize('name', BACKBONES)
def test_strides_and_channels_are_as_promised(name):
    with torch.device('meta'):
        backbone = make_backbone(name)
        levels = backbone(torch.empty(1, 3, 704, 1280))
    assert [tuple(level.shape) for level in levels] == [
        (1, width, 704 // stride, 1280 // stride)
        for width, stride in zip(backbone.channels, (4, 8, 16, 32), strict=True)]
    if name == 'dla34':
        assert backbone.channels == (64, 128, 256, 512)


@pytest.mark.parametrize('name', ['resnet50', 'mobilenetv3'])
def test_other_backbones_than_dla_take_any_size_and_round_up(name):
    with torch.device('meta'):
        levels = make_backbone(name)(torch.empty(2, 3, 333, 517))
    assert [tuple(level.shape[2:]) for level in levels] == [
        (-(-333 // stride), -(-517 // stride)) for stride in (4, 8, 16, 32)]


def test_mobilenet_taps_the_ssd_where_it_should():
    torch.manual_seed(3)
    ssd, backbone = SsdMobileNetV3().eval(), MobileNetBackbone().eval()
    backbone.load_state_dict(from_ssd(ssd.state_dict()))
    seen = {}
    for index in (2, 5, 12, 14):
        ssd.blocks[index].register_forward_hook(
            lambda module, inputs, outputs, index=index: seen.setdefault(index, outputs))
    images = torch.randn(1, 3, 70, 99)
    with torch.inference_mode():
        ssd(images)
        found = backbone(images)
    expected = [seen[2][0], seen[5][0], seen[12][1], seen[14][0]]
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    assert [level.shape[1] for level in found] == [24, 40, 672, 80] == list(backbone.channels)


def test_each_backbone_has_its_normalisation():
    assert make_backbone('dla34').mean == make_backbone('resnet50').mean == IMAGENET_MEAN
    assert make_backbone('dla34').std == IMAGENET_STD == (0.229, 0.224, 0.225)
    light = MobileNetBackbone()
    # (x - 127.5) / 127.5 of bytes is this of numbers in [0, 1]
    pixels = torch.arange(256.0)
    assert torch.allclose(
        (pixels / 255 - light.mean[0]) / light.std[0], (pixels - 127.5) / 127.5, atol=1e-6)


@pytest.mark.parametrize('name', BACKBONES)
def test_backbones_are_made_by_name(name):
    with torch.device('meta'):
        backbone = make_backbone(name)
    kinds = {'dla': Dla, 'resnet': ResNet, 'mobilenetv': MobileNetBackbone}
    assert type(backbone) is kinds[name.rstrip('0123456789')]


@pytest.mark.parametrize('make, complaint', [
    (lambda: make_backbone('dla60'), "no backbone 'dla60'; the backbones are dla34, dla102"),
    (lambda: Dla(60), 'no DLA-60; the depths are 34, 102, 169'),
    (lambda: ResNet(18), 'no ResNet-18 here; the depths are 50, 101')])
def test_what_there_is_not_is_refused(make, complaint):
    with pytest.raises(ConfigError, match=complaint):
        make()


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')
@pytest.mark.parametrize('name', ['dla34', 'resnet50', 'mobilenetv3'])
def test_a_gpu_gives_what_the_cpu_gives(name):
    backbone = shuffled(make_backbone(name))
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        here = backbone(images)
        there = backbone.cuda()(images.cuda())
    for one, other in zip(there, here, strict=True):
        assert (one.cpu() - other).abs().max() <= 1e-4 * other.abs().max()
