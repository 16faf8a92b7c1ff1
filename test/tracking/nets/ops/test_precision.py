# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What networks find in lower numbers is what they find in float32, and geometry stays exact."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from mot_ros.tracking.appearance.slm import SlmEmbedder
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector
from mot_ros.tracking.detectors.ssd.mobilenet import SsdDetector
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.backbones.mobilenet_v3 import (
    ConvNormActivation,
    InvertedResidual,
    SqueezeExcite,
)
from mot_ros.tracking.nets.backbones.packed_conv import Gated, pack
from mot_ros.tracking.nets.ops.precision import lower, rounded
from mot_ros.tracking.nets.prb.head import ANCHORS
from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.tracking.nets.slm.variants import make_slm, VARIANTS
from mot_ros.tracking.nets.ssd.gluon import GluonSsd
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights
from test.tracking.detectors.prb_rows import random_network

HALF = Compute('bfloat16')


@pytest.fixture(scope='module')
def frames():
    """Return 4 frames of PETS09-S2L1, ten seconds apart."""
    video = weights.cache_root().parent / 'videos' / 'vtest.avi'
    if not video.is_file():
        pytest.skip(f'{video} is not there: run scripts/setup, which puts it there')
    capture, found = cv2.VideoCapture(str(video)), []
    for index in range(400):
        assert capture.grab()
        if index % 100 == 0:
            found.append(Frame.of(capture.retrieve()[1], float(index)))
    return found


def person_detector(compute):
    wanted = dataclasses.replace(
        Settings().detector, weights='ssd-coco', width=768, height=576, classes=('person',),
        score_floor=0.2)
    return SsdDetector(wanted, 'cpu', compute)


def half_is_native():
    """Say whether convolutions are packed in bfloat16 on this processor."""
    network = SsdMobileNetV3().eval().requires_grad_(False)
    lower(network, torch.bfloat16)
    return pack(network, (64, 64))


def test_the_default_detector_scores_the_same_people_the_same(frames):
    exact, half = person_detector(Compute()), person_detector(HALF)
    raw, lowered = exact.raw(frames), half.raw(frames)
    assert torch.equal(raw.anchors, lowered.anchors)
    assert lowered.boxes.dtype == lowered.scores.dtype == torch.float32
    assert lowered.boxes.isfinite().all()
    likely = raw.scores > 0.1
    difference = (lowered.scores - raw.scores)[likely]
    assert likely.sum() > 500
    # half precision it is, or nothing would have been tried
    assert difference.abs().max() > 1e-4
    # .994 where the processor has such numbers, .986 where torch makes do
    assert (difference.abs() < 0.01).float().mean() >= (0.99 if half_is_native() else 0.98)
    assert difference.mean().abs() < 1e-3
    for one, other in zip(exact.detect(frames), half.detect(frames), strict=True):
        sure = one.scores > 0.3
        assert sure.sum() >= 3
        assert iou(one.boxes[sure], other.boxes).max(axis=1).min() > 0.8


def test_faster_rcnn_and_its_motion_model_stay_close(frames):
    settings = Settings().rcnn
    exact, half = (RcnnDetector(settings, 'cpu', compute=compute) for compute in (Compute(), HALF))
    differences = []
    for frame in frames[:3]:
        one, other = exact.extract_features(frame), half.extract_features(frame)
        assert other.features[0].dtype == torch.bfloat16
        found = one.detections()
        boxes, scores = one.refine(found.boxes, found.labels)
        again, scored = other.refine(found.boxes, found.labels)
        assert again.dtype == scored.dtype == np.float32
        assert np.abs(again - boxes).max() < 1
        differences.extend(np.abs(scored - scores))
        inward = one.to_network(found.boxes)
        with torch.inference_mode():
            was, now = (
                detector.motion.search(
                    sight.features, detector.motion.extract_templates(sight.features, inward))
                for detector, sight in ((exact, one), (half, other)))
        assert now[0].dtype == now[1].dtype == torch.float32
        sure = was[1] > 0.5
        assert sure.sum() >= 3
        assert (now[0] - was[0])[sure].abs().max() < 2
        assert (now[1] - was[1])[sure].abs().max() < 0.1
    # a body of few channels, below scores that hang on all of them; .959 where torch makes do
    least = 0.97 if half_is_native() else 0.95
    assert np.mean(np.array(differences) < 0.02) >= least


def test_embeddings_hardly_turn(frames):
    frame, boxes = frames[0], person_detector(Compute()).detect(frames[:1])[0].boxes
    name = Settings().appearance.weights
    one, other = (SlmEmbedder(name, 'cpu', compute).embed(frame, boxes)
                  for compute in (Compute(), HALF))
    assert other.dtype == np.float32
    assert (one * other).sum(1).min() > 0.99 and not np.array_equal(one, other)


@pytest.mark.parametrize('variant', VARIANTS)
def test_every_variant_of_slm_takes_and_gives_float32(variant):
    torch.manual_seed(0)
    network = make_slm(variant).eval().requires_grad_(False)
    network.fold()
    crops = torch.rand(3, 3, *network.crop[::-1]) * 255
    exact = network(crops)
    lower(network, torch.bfloat16)
    found = network(crops)
    assert found.dtype == torch.float32
    assert torch.cosine_similarity(exact, found).min() > 0.99
    assert not torch.equal(exact, found)


@pytest.mark.parametrize('motion', ['emm', 'imm'])
@pytest.mark.parametrize('body', ['dla34', 'resnet50', 'mobilenetv3'])
def test_of_faster_rcnn_only_layers_are_lowered(body, motion):
    torch.manual_seed(0)
    network = Architecture(body=body, width=32, hidden=64, motion=motion).make()
    network.eval().requires_grad_(False).fuse()
    anchors = {name: value.clone() for name, value in network.named_buffers()
               if 'cell_anchors' in name}
    assert len(anchors) == 5
    lower(network, torch.bfloat16)
    assert network.motion is not None
    assert {weight.dtype for weight in network.motion.parameters()} == {torch.bfloat16}
    assert network.rpn.head.conv.weight.dtype == torch.bfloat16
    for name, value in anchors.items():
        assert network.get_buffer(name).dtype == torch.float32
        assert torch.equal(network.get_buffer(name), value)
    boxes = torch.tensor([[10.0, 20.0, 60.0, 100.0], [5.0, 5.0, 25.0, 45.0]])
    with torch.inference_mode():
        features = network.features(torch.randn(1, 3, 128, 96))
        assert {level.dtype for level in features} == {torch.bfloat16}
        proposals = network.proposals(features, (96, 128))
        scores, moved = network.refine(features, boxes)
        found, visibility = network.motion.search(
            features, network.motion.extract_templates(features, boxes))
    for tensor in (proposals.boxes, proposals.scores, scores, moved, found, visibility):
        assert tensor.dtype == torch.float32 and tensor.isfinite().all()


def test_the_ssds_of_smot_give_float32():
    torch.manual_seed(0)
    network = GluonSsd('mobilenet1.0', 2).eval().requires_grad_(False)
    images = torch.randn(1, 3, 128, 128)
    exact = network(images)
    lower(network, torch.bfloat16)
    for one, other in zip(exact, network(images), strict=True):
        assert other.dtype == torch.float32
        assert 0 < (one - other).abs().max() < 0.05 * one.abs().max()


def test_the_anchors_of_prb_are_whole_numbers_of_pixels():
    network = random_network(1)
    lower(network, torch.bfloat16)
    grid = next(value for name, value in network.named_buffers() if name.endswith('anchor_grid'))
    # 301 would be 302 in bfloat16
    assert grid.flatten().tolist() == np.array(ANCHORS).flatten().tolist()
    assert {weight.dtype for weight in network.parameters()} == {torch.bfloat16}


def test_float16_is_refused_on_a_cpu():
    with pytest.raises(ConfigError, match=r"precision is 'float16'.*bfloat16"):
        lower(torch.nn.Linear(2, 2), torch.float16)
    with pytest.raises(ConfigError, match='float16'):
        person_detector(Compute('float16'))


def test_float32_changes_nothing():
    network = SsdMobileNetV3()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    lower(network, torch.float32)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_a_rounded_kernel_has_the_sum_that_it_had():
    torch.manual_seed(0)
    weight = torch.rand(64, 1, 5, 5) + 0.3
    lowered, plain = rounded(weight, torch.bfloat16), weight.to(torch.bfloat16)
    assert lowered.dtype == torch.bfloat16 and lowered.shape == weight.shape
    # no number is further off than the next one
    assert (lowered - weight).abs().max() <= 2 ** -7
    drift = (lowered.float() - weight).sum((1, 2, 3)).abs()
    assert drift.max() <= 2 ** -8 < (plain.float() - weight).sum((1, 2, 3)).abs().max()
    already = plain.float()
    assert torch.equal(rounded(already, torch.bfloat16), plain)


def test_a_bias_makes_up_for_its_weights():
    torch.manual_seed(0)
    conv = ConvNormActivation(32, 8).requires_grad_(False)
    mean = torch.rand(32) * 4
    features = mean[None, :, None, None] + 0.1 * torch.randn(1, 32, 16, 16)
    wanted, plain = conv(features).mean((0, 2, 3)), ConvNormActivation(32, 8).requires_grad_(False)
    plain.load_state_dict(conv.state_dict())
    plain.lower(torch.bfloat16)
    conv.lower(torch.bfloat16, mean)

    def drift(lowered):
        exact = torch.nn.functional.conv2d(features, lowered.weight.float(), lowered.bias)
        return (exact.mean((0, 2, 3)) - wanted).abs().max()

    assert drift(conv) < drift(plain) / 10


def test_gates_stay_exact_and_are_worked_into_the_kernel():
    torch.manual_seed(0)
    network = SsdMobileNetV3().eval().requires_grad_(False)
    lower(network, torch.bfloat16)
    blocks = [block for block in network.modules() if isinstance(block, InvertedResidual)]
    gated = [block for block in blocks if isinstance(block.squeeze, SqueezeExcite)]
    assert len(gated) == 8
    assert {weight.dtype for block in gated for weight in block.squeeze.parameters()} == {
        torch.float32}
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        together = network(images)
        if not pack(network, (64, 64)):
            pytest.skip('this processor has no bfloat16 convolutions')
        assert sum(isinstance(module, Gated) for module in network.modules()) == 8
        for one, other, alone in zip(
                together, network(images), network(images[:1]), strict=True):
            scale = one.abs().max()
            assert (one - other).abs().max() < 0.1 * scale
            assert (one[:1] - alone).abs().max() < 0.1 * scale
