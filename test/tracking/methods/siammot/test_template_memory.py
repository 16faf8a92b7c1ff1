# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Templates beside tracks, over the real motion models; and the whole with a real network."""

import dataclasses

import numpy as np
import pytest
import safetensors.torch
import torch

from mot_ros.tracking.config.methods.siammot import SiamMotSettings
from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.classes import Classes
from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
from mot_ros.tracking.methods import make_method
from mot_ros.tracking.methods.siammot.template_memory import (
    emm_options,
    imm_options,
    TemplateMemory,
)
from mot_ros.tracking.nets.backbones.mobilenet_pyramid import MobileNetBackbone
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.imm import Imm
from mot_ros.tracking.nets.siammot.network import SiamMotNetwork
from mot_ros.tracking.types import Frame
from test.tracking.region_settings import settings_of

SIZE, SOURCE = (256, 192), (500, 360)
PLAIN = SiamMotSettings(velocity=False, camera=False)
BOXES = np.array(
    [[40, 50, 90, 150], [200, 100, 260, 220], [300, 40, 330, 130]], np.float32)


def heads(seed):
    """Return what a network might see: any numbers."""
    torch.manual_seed(seed)
    features = [torch.randn(1, 32, SIZE[1] // stride, SIZE[0] // stride)
                for stride in (4, 8, 16, 32, 64)]
    return RoiHeads(None, features, SIZE, SOURCE, Classes(('person',), (1,)), [0], RcnnSettings())


def emm():
    torch.manual_seed(0)
    head = Emm(32).eval()
    for parameter in head.parameters():
        parameter.data.normal_(0, 0.3)
    return head


def imm():
    torch.manual_seed(0)
    return Imm(32, cells=7, hidden=16).eval()


def options_of(head, settings, stretch=1.0):
    return imm_options(settings) if isinstance(head, Imm) else emm_options(settings, stretch)


def directly(head, then, now, boxes, settings, at=None, stretch=1.0):
    """Remember boxes and search for them, without anything in between."""
    with torch.inference_mode():
        memory = head.extract_templates(
            then.features, then.to_network(boxes), options_of(head, settings))
        if at is not None:
            memory = dataclasses.replace(memory, template=now.to_network(at))
        found, visibility = head.search(now.features, memory, options_of(head, settings, stretch))
    return now.to_image(found), visibility.numpy()


def every(count):
    return np.ones(count, np.bool_)


@pytest.mark.parametrize('make', [emm, imm])
def test_the_search_is_that_of_the_motion_model(make):
    head, then, now = make(), heads(1), heads(2)
    memory = TemplateMemory(head)
    memory.update_templates(then, BOXES, np.zeros(0, np.bool_), every(3), PLAIN)
    boxes, visibility = memory.search(now, BOXES, PLAIN)
    wanted = directly(head, then, now, BOXES, PLAIN)
    assert boxes == pytest.approx(wanted[0], abs=1e-3)
    assert visibility == pytest.approx(wanted[1], abs=1e-6)
    # searching changes nothing
    again = memory.search(now, BOXES, PLAIN)
    assert (again[0] == boxes).all()


def test_a_track_may_be_looked_for_elsewhere_and_in_a_larger_region():
    head, then, now = emm(), heads(1), heads(2)
    memory = TemplateMemory(head)
    memory.update_templates(then, BOXES, np.zeros(0, np.bool_), every(3), PLAIN)
    moved = BOXES + np.array([12, -5, 12, -5], np.float32)
    boxes, visibility = memory.search(now, moved, PLAIN, 1.5)
    wanted = directly(head, then, now, BOXES, PLAIN, moved, 1.5)
    assert boxes == pytest.approx(wanted[0], abs=1e-3)
    assert visibility == pytest.approx(wanted[1], abs=1e-6)
    assert np.abs(boxes - memory.search(now, BOXES, PLAIN)[0]).max() > 1


def test_imm_compares_regions_of_equal_size():
    head = imm()
    memory = TemplateMemory(head)
    memory.update_templates(heads(1), BOXES, np.zeros(0, np.bool_), every(3), PLAIN)
    now = heads(2)
    assert (memory.search(now, BOXES, PLAIN, 2.0)[0] == memory.search(now, BOXES, PLAIN)[0]).all()


def test_nobody_to_look_for():
    memory = TemplateMemory(emm())
    boxes, visibility = memory.search(heads(1), np.zeros((0, 4), np.float32), PLAIN)
    assert boxes.shape == (0, 4)
    assert visibility.shape == (0,)
    memory.update_templates(heads(1), BOXES, np.zeros(0, np.bool_), every(3), PLAIN)
    assert len(memory) == 3
    memory.update_templates(heads(1), np.zeros((0, 4), np.float32), ~every(3), every(0), PLAIN)
    assert len(memory) == 0


def test_rows_go_with_their_tracks_whatever_happens():
    """A slow book-keeping by name beside it: who was last seen where, and in which frame."""
    rng = np.random.default_rng(0)
    head, memory = emm(), TemplateMemory(emm())
    images = [heads(seed) for seed in range(6)]
    book, order, born = {}, [], 0
    for number, now in enumerate(images):
        if order:
            boxes = np.array([book[name][1] for name in order])
            found, visibility = memory.search(now, boxes, PLAIN)
            for row, name in enumerate(order):
                then, box = book[name]
                wanted = directly(head, images[then], now, box[None], PLAIN)
                assert found[row] == pytest.approx(wanted[0][0], abs=1e-2), (number, name)
                assert visibility[row] == pytest.approx(wanted[1][0], abs=1e-5)
        living = rng.random(len(order)) < 0.7
        order = [name for name, lives in zip(order, living, strict=True) if lives]
        fresh = rng.random(len(order)) < 0.5
        for name in [name for name, seen in zip(order, fresh, strict=True) if seen]:
            book[name] = (number, book[name][1] + np.float32(3))
        for _ in range(rng.integers(1, 4)):
            born += 1
            x, y = rng.uniform(50, 300, 2).astype(np.float32)
            book[born] = (number, np.array([x, y, x + 40, y + 50], np.float32))
            order.append(born)
        fresh = np.concatenate([fresh, every(len(order) - len(fresh))])
        memory.update_templates(
            now, np.array([book[name][1] for name in order]).reshape(-1, 4), living,
            fresh.astype(np.bool_), PLAIN)
        assert len(memory) == len(order)
    assert born > 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize('make', [emm, imm])
def test_the_gpu_finds_the_same(make):
    results = []
    for device in ('cpu', 'cuda'):
        memory = TemplateMemory(make().to(device))
        then, now = (
            RoiHeads(None, [level.to(device) for level in of.features], SIZE, SOURCE,
                  Classes(('person',), (1,)), [0], RcnnSettings())
            for of in (heads(1), heads(2)))
        memory.update_templates(then, BOXES, np.zeros(0, np.bool_), every(3), PLAIN)
        memory.update_templates(now, BOXES[1:], np.array([False, True, True]), every(2), PLAIN)
        results.append(memory.search(now, BOXES[1:], PLAIN))
    (boxes, visibility), (others, also) = results
    assert others == pytest.approx(boxes, abs=0.1)
    assert also == pytest.approx(visibility, abs=1e-4)


@pytest.fixture(scope='module', params=['emm', 'imm'])
def weights(request, tmp_path_factory):
    """Write a network that is small and believes in much, for want of training."""
    torch.manual_seed(3)
    motion = Emm(32) if request.param == 'emm' else Imm(32, cells=5, hidden=8)
    network = SiamMotNetwork(MobileNetBackbone(), 2, width=32, hidden=16, motion=motion)
    with torch.no_grad():
        for module in network.body.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
        network.box_head.predictor.cls_score.bias[1] = 2
    path = tmp_path_factory.mktemp('siammot') / 'small.safetensors'
    safetensors.torch.save_file(network.state_dict(), path)
    return path


@pytest.mark.parametrize('method', ['siammot', 'tracktor'])
def test_the_whole_runs_from_a_file_and_repeats_itself(method, weights):
    """Nothing is trained here: what counts is that all parts fit, and the promises."""
    settings = settings_of(
        method, rcnn__weights=str(weights), rcnn__short_side=96, rcnn__long_side=128,
        rcnn__proposals=20, detector__type='rcnn')
    rng = np.random.default_rng(0)
    frames = [Frame.of(rng.integers(0, 255, (120, 160, 3)).astype(np.uint8), number / 30)
              for number in range(4)]
    detector = make_detector(settings)
    settings = dataclasses.replace(settings, method=method)
    one, other = (make_method(settings, detector) for _ in range(2))
    both = [(one.update(frame), other.update(frame)) for frame in frames]
    one.reset()
    again = [one.update(frame) for frame in frames]
    assert max(len(tracks) for tracks in again) > 0
    for (first, second), third in zip(both, again, strict=True):
        assert first.ids.min(initial=1) == 1
        assert len(set(first.ids.tolist())) == len(first)
        assert (first.observed.boxes[:, 2:] <= np.array([160, 120])).all()
        for name, column in first.columns().items():
            assert (column == second.columns()[name]).all(), name
            assert (column == third.columns()[name]).all(), name
