# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.prb.blocks import space_to_depth
from mot_ros.tracking.nets.prb.head import ANCHORS, decode, Head, STRIDES
from mot_ros.tracking.nets.prb.network import adopt, Prb
from mot_ros.tracking.nets.prb.rows import MSP
from test.tracking.detectors.prb_rows import NARROW, random_network


@pytest.fixture(scope='module')
def image():
    return torch.rand(2, 3, 128, 192, generator=torch.Generator().manual_seed(1))


class ByHand:
    """The network out of its published tensors, one line per layer of its description."""

    def __init__(self, state):
        self.state = state

    def conv(self, name, x, stride=1):
        weight = self.state[f'{name}.conv.weight']
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, var, scale, shift = (
            self.state[f'{name}.bn.{part}'][None, :, None, None]
            for part in ('running_mean', 'running_var', 'weight', 'bias'))
        x = (x - mean) / torch.sqrt(var + 1e-3) * scale + shift
        return x * torch.sigmoid(x)

    def bottleneck(self, name, x, add=False):
        y = self.conv(f'{name}.cv2', self.conv(f'{name}.cv1', x))
        return x + y if add else y

    def mspa(self, name, x, times=1):
        for time in range(times):
            part = f'{name}.{time}' if times > 1 else name
            a = self.conv(f'{part}.cv1', x)
            b = self.conv(f'{part}.cb1.0', a)
            c = self.conv(f'{part}.cv2', torch.cat([a, b], 1))
            d = self.conv(f'{part}.cb2.0', c)
            e = self.conv(f'{part}.cv3', torch.cat([a, c, d], 1))
            x = self.bottleneck(f'{part}.m1.0', torch.cat([a, e], 1), add=True)
        return x

    def spp(self, name, x):
        a = self.conv(f'{name}.cv4', self.conv(f'{name}.cv3', self.conv(f'{name}.cv1', x)))
        pools = [nn.MaxPool2d(k, 1, k // 2)(a) for k in (5, 9, 13)]
        b = self.conv(f'{name}.cv6', self.conv(f'{name}.cv5', torch.cat([a, *pools], 1)))
        return self.conv(f'{name}.cv7', torch.cat([b, self.conv(f'{name}.cv2', x)], 1))

    def bridge(self, name, current, shallow, deep):
        deep = deep.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return self.conv(f'{name}.out_cv', torch.cat([
            self.conv(f'{name}.cv1', current), self.conv(f'{name}.cv2', shallow, 2), deep], 1))

    def fusion(self, name, fine, coarse):
        fine = torch.cat([fine[..., 0::2, 0::2], fine[..., 1::2, 0::2],
                          fine[..., 0::2, 1::2], fine[..., 1::2, 1::2]], 1)
        return self.conv(f'{name}.out_cv', torch.cat([
            self.conv(f'{name}.cv1', fine), self.conv(f'{name}.cv2', coarse)], 1))

    def levels(self, x):
        m = 'model.'
        x = self.conv(m + '0', x)
        x = self.bottleneck(m + '2', self.conv(m + '1', x, 2), add=True)
        p2 = self.mspa(m + '4', self.conv(m + '3', x, 2))
        p3 = self.mspa(m + '6', self.conv(m + '5', p2, 2), 4)
        p4 = self.mspa(m + '8', self.conv(m + '7', p3, 2), 4)
        p5 = self.mspa(m + '10', self.conv(m + '9', p4, 2), 2)
        p6 = self.mspa(m + '12', self.conv(m + '11', p5, 2), 2)
        f14 = self.conv(m + '14', self.spp(m + '13', p6))
        f15 = self.bridge(m + '15', p5, p4, f14)
        f17 = self.mspa(m + '17', self.bottleneck(m + '16', f15), 2)
        f18 = self.fusion(m + '18', f17, f14)
        f20 = self.mspa(m + '20', self.bottleneck(m + '19', f18), 2)
        f22 = self.conv(m + '22', self.spp(m + '21', p5))
        f24 = self.bridge(m + '24', p4, p3, f22 + f17)
        f26 = self.mspa(m + '26', self.bottleneck(m + '25', f24), 2)
        f27 = self.fusion(m + '27', f26, f22)
        f29 = self.mspa(m + '29', self.bottleneck(m + '28', f27), 2)
        f31 = self.conv(m + '31', self.spp(m + '30', p4))
        f33 = self.bridge(m + '33', p3, p2, f31 + f26)
        f35 = self.mspa(m + '35', self.bottleneck(m + '34', f33), 2)
        f36 = self.fusion(m + '36', f35, f31)
        f38 = self.mspa(m + '38', self.bottleneck(m + '37', f36), 2)
        return [self.conv(m + '39', f35), self.conv(m + '40', f38), self.conv(m + '41', f29),
                self.conv(m + '42', f20)]

    def raw(self, x):
        found = []
        for level, features in enumerate(self.levels(x)):
            head = 'model.47.'
            y = F.conv2d(
                features + self.state[f'{head}ia.{level}.implicit'],
                self.state[f'{head}m.{level}.weight'], self.state[f'{head}m.{level}.bias'])
            found.append(y * self.state[f'{head}im.{level}.implicit'])
        return found


def decoded_by_hand(raw, level, classes):
    """Decode (C, H, W) of one level, box by box."""
    sigmoids = raw.sigmoid()
    boxes, objectness, scores = [], [], []
    for anchor in range(3):
        part = sigmoids[anchor * (5 + classes):(anchor + 1) * (5 + classes)]
        width, height = ANCHORS[level][anchor]
        for row in range(raw.shape[1]):
            for column in range(raw.shape[2]):
                s = part[:, row, column]
                x = (2 * s[0] - 0.5 + column) * STRIDES[level]
                y = (2 * s[1] - 0.5 + row) * STRIDES[level]
                w, h = (2 * s[2]) ** 2 * width, (2 * s[3]) ** 2 * height
                boxes.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
                objectness.append(s[4])
                scores.append(s[5:].tolist())
    return torch.tensor(boxes), torch.tensor(objectness), torch.tensor(scores)


# what is published

def test_parameters_and_tensors_are_as_many_as_published():
    with torch.device('meta'):
        network = Prb(1, auxiliary=True)
        alone = Prb(1)
    state = network.state_dict()
    assert len(state) == 1502
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == 226.2
    assert round(sum(p.numel() for p in alone.parameters()) / 1e6, 1) == 212.5
    places = {int(re.match(r'model\.(\d+)\.', name)[1]) for name in state}
    # 23 and 32 are sums
    assert places == set(range(48)) - {23, 32}


def test_the_work_is_as_much_as_published():
    with torch.device('meta'), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network = Prb(1, auxiliary=True).eval()
        network(torch.empty(1, 3, 768, 1280))
    # what is not computed here: convolutions before the auxiliary head, and those in it
    auxiliary = sum(
        2 * (768 // stride) * (1280 // stride) * (
            network.model[str(43 + level)].conv.weight.numel()
            + network.model['47'].m2[level].weight.numel())
        for level, stride in enumerate(STRIDES))
    assert round((counter.get_total_flops() + auxiliary) / 1e9) == 1040


@pytest.mark.parametrize('name, shape', [
    ('model.0.conv.weight', (32, 3, 3, 3)), ('model.0.bn.running_var', (32,)),
    ('model.2.cv1.conv.weight', (32, 64, 1, 1)), ('model.4.cv2.conv.weight', (48, 192, 1, 1)),
    ('model.6.3.cb1.0.conv.weight', (192, 192, 3, 3)),
    ('model.12.1.m1.0.cv2.conv.weight', (1280, 1280, 3, 3)),
    ('model.13.cv5.conv.weight', (640, 2560, 1, 1)),
    ('model.13.cv6.conv.weight', (640, 640, 3, 3)),
    ('model.15.cv2.conv.weight', (384, 640, 1, 1)),
    ('model.15.out_cv.conv.weight', (640, 512 + 384 + 512, 1, 1)),
    ('model.16.cv1.conv.weight', (256, 640, 1, 1)),
    ('model.18.cv1.conv.weight', (320, 2048, 1, 1)),
    ('model.42.conv.weight', (1280, 480, 3, 3)), ('model.46.conv.weight', (1280, 512, 3, 3)),
    ('model.47.m.0.weight', (18, 320, 1, 1)), ('model.47.m2.3.weight', (18, 1280, 1, 1)),
    ('model.47.ia.2.implicit', (1, 960, 1, 1)), ('model.47.im.0.implicit', (1, 18, 1, 1)),
    ('model.47.anchors', (4, 3, 2)), ('model.47.anchor_grid', (4, 1, 3, 1, 1, 2))])
def test_published_names_and_shapes(name, shape):
    with torch.device('meta'):
        state = Prb(1, auxiliary=True).state_dict()
    assert tuple(state[name].shape) == shape


def test_every_batchnorm_has_yolos_epsilon():
    norms = [m for m in Prb(1, NARROW).modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) > 100 and {norm.eps for norm in norms} == {1e-3}


def test_anchors_in_cells_and_pixels():
    head = Head([4] * 4, [], 1)
    assert head.anchors[1].tolist() == [[6, 4.25], [5.375, 9.5], [11.25, 8.5625]]
    assert head.anchor_grid[3, 0, :, 0, 0].tolist() == [[436, 615], [739, 380], [925, 792]]


# what is computed

@pytest.mark.parametrize('classes', [1, 3])
def test_the_network_is_what_its_description_says(image, classes):
    network = random_network(classes)
    boxes, objectness, scores = network(image)
    cells = sum(128 // s * (192 // s) for s in STRIDES)
    assert boxes.shape == (2, 3 * cells, 4) and scores.shape == (2, 3 * cells, classes)
    assert boxes.dtype == torch.float32
    raw = ByHand(network.state_dict()).raw(image)
    for row in range(2):
        parts = [decoded_by_hand(level[row], number, classes)
                 for number, level in enumerate(raw)]
        expected = [torch.cat(part) for part in zip(*parts, strict=True)]
        assert torch.allclose(boxes[row], expected[0], rtol=1e-4, atol=1e-2)
        assert torch.allclose(objectness[row], expected[1], atol=1e-4)
        assert torch.allclose(scores[row], expected[2], atol=1e-4)
    # the random network says something: nothing is constant
    assert objectness.std() > 0.01


def test_folding_changes_nothing_but_the_number_of_tensors(image):
    network = random_network(3)
    before = network(image)
    network.fold()
    names = network.state_dict().keys()
    assert not any('.bn.' in name or 'implicit' in name for name in names)
    for plain, folded in zip(before, network(image), strict=True):
        assert torch.allclose(plain, folded, rtol=1e-4, atol=1e-3)
    # again does no harm
    network.fold()


def test_implicit_parts_fold_exactly():
    generator = torch.Generator().manual_seed(2)
    head = Head([8, 12, 16, 20], [], 2).double().requires_grad_(False)
    for parameter in head.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator))
    levels = [torch.randn(1, width, 3, 2, generator=generator).double()
              for width in (8, 12, 16, 20)]
    weight, bias = head.m[1].weight.clone(), head.m[1].bias.clone()
    before, added = head.ia[1].implicit.flatten(), head.im[1].implicit.flatten()
    expected = head(levels)
    head.fold()
    # b' = (b + W ia) im and W' = W im
    assert torch.allclose(head.m[1].bias, (bias + weight.flatten(1) @ before) * added)
    assert torch.allclose(head.m[1].weight, weight * added[:, None, None, None])
    for folded, plain in zip(head(levels), expected, strict=True):
        assert torch.allclose(folded, plain)


def test_decoding_to_the_digit():
    raw = torch.zeros(1, 3, 2, 2, 6)
    raw[0, 1, 1, 0] = torch.tensor([1.0, -1.0, 0.5, 2.0, 3.0, -3.0])
    anchors = torch.tensor(ANCHORS[0]).float().reshape(1, 3, 1, 1, 2)
    boxes, objectness, scores = decode(raw, 8, anchors)
    # all zeros: the middle of its cell, the size of its anchor
    assert boxes[0, 0].tolist() == [4 - 9.5, 4 - 13.5, 4 + 9.5, 4 + 13.5]
    assert boxes[0, 3].tolist() == [12 - 9.5, 12 - 13.5, 12 + 9.5, 12 + 13.5]
    place = 4 + 2
    # 2 s - 0.5 is .9621 and .0379 cells; (2 s)^2 is 1.5498 and 3.1032 of 44 x 40
    assert torch.allclose(boxes[0, place], torch.tensor(
        [7.6969 - 34.0956, 8.3031 - 62.0640, 7.6969 + 34.0956, 8.3031 + 62.0640]), atol=5e-3)
    assert objectness[0, place].item() == pytest.approx(0.952574)
    assert scores[0, place].item() == pytest.approx(0.0474259)


def test_space_goes_to_depth_column_by_column():
    features = torch.arange(16.).reshape(1, 1, 4, 4)
    assert space_to_depth(features)[0, :, 0, 0].tolist() == [0, 4, 1, 5]
    assert space_to_depth(features).shape == (1, 4, 2, 2)


def test_gradients_flow_through_the_unfolded_network(image):
    network = random_network(1).requires_grad_(True)
    network(image)[1].sum().backward()
    assert network.model['0'].conv.weight.grad.abs().max() > 0


# files of others

def test_a_published_file_is_taken_without_its_auxiliary_head():
    state = random_network(2).state_dict()
    found = adopt({f'module.{name}': tensor for name, tensor in state.items()}, NARROW)
    assert found.complete and found.unexpected == () and found.stripped == ('module.',)
    assert found.metadata == {'body': 'PRB-FPN6-MSP', 'classes': '2'}
    assert len(found.unused) == 4 * 6 + 4 * 2
    assert all(re.match(r'model\.(4[3-6]|47\.m2)\.', name) for name in found.unused)
    assert found.tensors.keys() | set(found.unused) == state.keys()


@pytest.mark.parametrize('last, name', [
    (180, 'PRB-FPN6-2PY'), (194, 'PRB-FPN6-3PY'), (60, 'PRB-FPN-CSP or PRB-FPN-MSP'),
    (105, 'YOLOv7')])
def test_relatives_are_named(last, name):
    state = {f'model.{place}.conv.weight': torch.zeros(1) for place in range(last)}
    state[f'model.{last}.m.0.bias'] = torch.zeros(18)
    with pytest.raises(WeightsError, match=f'last layer is {last}, as in {name}; of this family'):
        adopt(state)


def test_strangers_are_refused():
    with pytest.raises(WeightsError, match='is no network of the YOLOv7 family'):
        adopt({'backbone.weight': torch.zeros(1), 'model.x.y': torch.zeros(1)})
    with pytest.raises(WeightsError, match='last layer is 47; of this family'):
        adopt({'model.47.m.0.bias': torch.zeros(17)})
    found = adopt({'model.47.m.0.bias': torch.zeros(18)})
    assert not found.complete and len(found.missing) > 1000


def test_the_table_has_the_head_where_it_is_published():
    assert len(MSP) == 47
