# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The roofline against the table of the plan, and the peaks that it is made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mot_ros.benchmarking import peaks
from mot_ros.benchmarking.peaks import Peaks
from mot_ros.benchmarking.roofline import Layer, layers_of, Roof
from mot_ros.tracking.nets.backbones.mobilenet_v3 import ConvNormActivation
from mot_ros.tracking.nets.backbones.packed_conv import PackedConv
from mot_ros.tracking.nets.siammot.emm import correlate
from mot_ros.tracking.nets.siammot.network import Architecture

H200 = Roof(Peaks(989e12, 4.8e12, 'as assumed there'), 2)


@pytest.fixture(scope='module')
def network():
    """DLA-34-FPN + EMM for its shapes alone, norms fused as in tracking."""
    made = Architecture('dla34').make().eval().requires_grad_(False)
    made.fuse()
    return made.to('meta')


def test_dla34_at_704x1280_is_what_the_plan_has(network):
    """Methods, tables 8.1 and 8.2; the two dead projections of level 3 and 4 do not run."""
    def of(part, *inputs):
        with torch.inference_mode():
            found = []
            layers = layers_of(lambda: found.append(part(*inputs)))
        row = H200.row(layers, ms=1.0)
        return found[0], row['layers'], row['gflop'], row['mbyte'], row['least_ms']

    dead = (0.23 + 0.23, 8)
    levels, layers, gflop, mbyte, least = of(network.body, torch.empty(
        1, 3, 704, 1280, device='meta'))
    assert layers == 39 - 2
    assert gflop == pytest.approx(110.4 - dead[0], abs=0.1)
    assert mbyte == pytest.approx(424 - dead[1], abs=1)
    assert least == pytest.approx(0.143, abs=0.002)
    maps, *found = of(network.backbone.fpn, levels)
    assert found == pytest.approx([8, 23.8, 72, 0.029], rel=0.02)
    _, *found = of(network.rpn, maps)
    assert found == pytest.approx([15, 22.4, 81, 0.031], rel=0.02)
    _, *found = of(network.box_head, torch.empty(300, 128, 7, 7, device='meta'))
    assert found == pytest.approx([4, 4.5, 22, 0.005], rel=0.04)
    # classes and centerness are one convolution here, of five
    _, layers, gflop, mbyte, _ = of(
        network.motion.predictor, torch.empty(30, 128, 16, 16, device='meta'))
    assert (layers, gflop) == (4, pytest.approx(4.65, rel=0.01)) and 12 < mbyte < 14
    _, layers, gflop, _, _ = of(
        correlate, torch.empty(30, 128, 30, 30, device='meta'),
        torch.empty(30, 128, 15, 15, device='meta'))
    assert (layers, gflop) == (1, pytest.approx(0.44, rel=0.01))


def test_a_layer_takes_as_long_as_its_slower_half():
    roof = Roof(Peaks(flops=1000, bandwidth=100, known=''), width=2)
    arithmetic, traffic = Layer(flop=500, numbers=5), Layer(flop=100, numbers=40)
    assert roof.least_ms([arithmetic]) == pytest.approx(500)
    assert roof.least_ms([traffic]) == pytest.approx(800)
    assert roof.row([arithmetic, traffic], ms=2600) == {
        'layers': 2, 'gflop': pytest.approx(6e-7), 'mbyte': pytest.approx(9e-5),
        'least_ms': pytest.approx(1300), 'roofline': pytest.approx(0.5)}
    assert set(roof.row([], ms=1).values()) == {None}


def test_numbers_are_inputs_weights_and_results():
    linear = nn.Linear(5, 7)
    with torch.inference_mode():
        layer, = layers_of(lambda: linear(torch.rand(3, 5)))
    assert layer == Layer(flop=2 * 3 * 5 * 7, numbers=15 + 35 + 7 + 21)


def test_a_packed_convolution_counts_as_the_plain_one():
    conv = ConvNormActivation(8, 16, 3, activation='relu6').eval()
    features = torch.rand(1, 8, 12, 10)
    with torch.inference_mode():
        packed = PackedConv(conv, (12, 10))
        plain, = layers_of(lambda: conv(features))
        assert layers_of(lambda: packed(features)) == [plain]


def test_a_product_outside_of_modules_is_no_layer():
    a = torch.rand(4, 4)
    assert layers_of(lambda: a @ a) == []


def test_layers_are_counted_up_to_an_error_and_hooks_go():
    def fails():
        raise ValueError('this one')

    with pytest.raises(ValueError, match='this one'):
        layers_of(fails)
    assert not nn.modules.module._global_forward_hooks


@pytest.mark.parametrize('name, units, precision, tflops, gbytes', [
    ('NVIDIA H200', 132, 'float32', 67, 4800), ('NVIDIA H200', 132, 'bfloat16', 989.4, 4800),
    ('NVIDIA H100 80GB HBM3', 132, 'float16', 989.4, 3350),
    ('NVIDIA H100 PCIe', 114, 'float32', 51, 2000),
    ('NVIDIA A100-SXM4-40GB', 108, 'bfloat16', 312, 1555),
    ('NVIDIA A100-SXM4-80GB', 108, 'float32', 19.5, 2039),
    ('NVIDIA L4', 58, 'float32', 30.3, 300), ('NVIDIA L40', 142, 'float32', 90.5, 864),
    ('NVIDIA L40S', 142, 'bfloat16', 362, 864),
    ('Tesla T4', 40, 'float16', 65, 320), ('Tesla T4', 40, 'bfloat16', None, 320),
    ('NVIDIA GeForce RTX 4090', 128, 'float32', 82.6, 1008),
    ('Orin', 16, 'float16', 42.5, 204.8)])
def test_gpus_are_known_by_name(name, units, precision, tflops, gbytes):
    found = peaks.sold(name, units)
    assert found.flops(precision) == (None if tflops is None else pytest.approx(tflops * 1e12))
    assert found.bandwidth == pytest.approx(gbytes * 1e9)


@pytest.mark.parametrize('name, units', [
    ('NVIDIA GeForce GTX 1080', 20), ('Orin', 8), ('NVIDIA L400', 99)])
def test_others_are_measured(name, units):
    assert peaks.sold(name, units) is None


@pytest.mark.parametrize('product, convolution', [(2.0, 1000.0), (1000.0, 0.25)])
def test_peaks_are_measured_by_the_fastest_turn(monkeypatch, product, convolution):
    # the times are given, so the work may be small
    monkeypatch.setitem(peaks.PRODUCT, 'cpu', 64)
    monkeypatch.setitem(peaks.COPIED, 'cpu', 1 << 16)
    monkeypatch.setitem(peaks.CHANNELS, 'cpu', 8)
    monkeypatch.setitem(peaks.TURNS, 'cpu', 5)
    turns = peaks.TURNS['cpu']
    times = iter([*[9.0] * (turns - 1), product, *[convolution] * turns, *[8.0] * turns])
    copies = iter([7.0, *[4.0] * turns])
    threads = torch.get_num_threads()
    monkeypatch.setattr(peaks, '_seconds', lambda device, work: (work(), next(times))[1])
    monkeypatch.setattr(peaks, '_passed', lambda device, work: (work(), next(copies))[1])
    found = peaks.peaks(torch.device('cpu'), 'bfloat16')
    # 3 x 3 kernels on 64 x 64 cells of 8 channels, two FLOP each
    most = max(2 * 64 ** 3 / product, 2 * 9 * 8 * 8 * 4096 / convolution)
    assert found.flops == pytest.approx(most * threads) and torch.get_num_threads() == threads
    assert found.bandwidth == pytest.approx(2 * peaks.COPIED['cpu'] / 4)
    assert 'measured: bfloat16' in found.known
    assert ('convolution' in found.known) == (convolution < product)
