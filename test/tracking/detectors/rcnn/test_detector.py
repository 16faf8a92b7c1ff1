# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import importlib.util
import json
import math

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch

from mot_ros.tracking.config import RcnnSettings, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.classes import COCO_NAMES
from mot_ros.tracking.detectors.rcnn import detector as module
from mot_ros.tracking.detectors.rcnn.classes import class_table
from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector
from mot_ros.tracking.detectors.rcnn.preprocess import images, network_size, smoothed
from mot_ros.tracking.errors import ConfigError, FrameError, WeightsError
from mot_ros.tracking.nets.backbones.mobilenet_pyramid import MobileNetBackbone
from mot_ros.tracking.nets.backbones.packed_conv import pack
from mot_ros.tracking.nets.rcnn import boxes_inclusive as legacy_boxes
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.network import Architecture, load_network, SiamMotNetwork
from mot_ros.tracking.types import Detections, Frame

CPU = torch.device('cpu')
NAMED = ('cat', 'dog', 'owl')


def frame(width=200, height=130, seed=0):
    """Return a frame with structure of every size."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, 3))
    for cells in (3, 8, 30):
        small = rng.uniform(0, 85, (cells, cells, 3))
        image += cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    return Frame.of(image.astype(np.uint8), 0.0)


@pytest.fixture(scope='module')
def weights_file(tmp_path_factory):
    """Write a network whose scores and boxes vary, for want of training."""
    torch.manual_seed(3)
    network = SiamMotNetwork(MobileNetBackbone(), 4, width=16, hidden=24)
    with torch.no_grad():
        for module in network.body.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
        for layer, spread in (
                (network.rpn.head.conv, 0.08), (network.rpn.head.cls_logits, 0.3),
                (network.rpn.head.bbox_pred, 0.05), (network.box_head.predictor.cls_score, 0.7),
                (network.box_head.predictor.bbox_pred, 0.5)):
            layer.weight.normal_(std=spread)
        shown = images([frame()], (192, 128), (0.5,) * 3, (0.5,) * 3, CPU)
        for level, features in enumerate(network.features(shown)[:4], 1):
            network.backbone.fpn.get_submodule(f'fpn_layer{level}').weight /= features.std()
    path = tmp_path_factory.mktemp('rcnn') / 'small.safetensors'
    safetensors.torch.save_file(network.state_dict(), path, {'names': json.dumps(NAMED)})
    return path


@pytest.fixture
def fixed():
    """Say whether all is done in fixed shapes, as on a GPU."""
    return False


both_ways = pytest.mark.parametrize('fixed', [False, True])


@pytest.fixture
def make(weights_file, fixed):
    def made(classes=(), **values):
        chosen = {'short_side': 128, 'long_side': 256, 'per_level': 60, 'proposals': 40,
                  'score_floor': 0.2, **values}
        return RcnnDetector(
            RcnnSettings(weights=str(weights_file), **chosen), 'cpu', classes, fixed=fixed)
    return made


@pytest.mark.parametrize(('size', 'limits', 'expected'), [
    ((1280, 720), (800, 1280), (1280, 704)), ((1280, 720), (800, 1500), (1408, 800)),
    ((1920, 1080), (800, 1280), (1280, 704)), ((1920, 1080), (800, 1500), (1408, 800)),
    ((640, 480), (800, 1280), (1056, 800)), ((640, 480), (800, 1500), (1056, 800)),
    ((480, 640), (800, 1280), (800, 1056)), ((720, 1280), (800, 1280), (704, 1280)),
    ((500, 500), (800, 1280), (800, 800)), ((4000, 10), (800, 1280), (1184, 32)),
    ((10, 4000), (800, 1280), (32, 1184))])
def test_input_sizes(size, limits, expected):
    assert network_size(size, *limits) == expected


def slow_resize(image, size):
    """Resize an axis after the other, each pixel a mean under a triangle as wide as needed."""
    result = image.astype(np.float64)
    for axis, target in ((0, size[1]), (1, size[0])):
        source = result.shape[axis]
        scale = source / target
        reach = max(scale, 1.0)
        parts = []
        for index in range(target):
            centre = (index + 0.5) * scale
            rows = np.arange(
                max(0, math.floor(centre - reach)), min(source, math.ceil(centre + reach)))
            weights = np.maximum(0, 1 - np.abs(rows + 0.5 - centre) / reach)
            taken = np.take(result, rows, axis=axis)
            parts.append(np.tensordot(weights / weights.sum(), taken, axes=(0, axis)))
        result = np.stack(parts, axis=axis)
    return result


@pytest.mark.parametrize('size', [(96, 64), (384, 256), (200, 64), (200, 130)])
def test_resizing_smooths_like_the_slow_way(size):
    image = frame().image
    # as the bytes of a message are
    image.flags.writeable = False
    found = smoothed(image, size, CPU)[0].permute(1, 2, 0).numpy().astype(np.float64)
    difference = np.abs(found - slow_resize(image[..., ::-1], size))
    assert difference.mean() <= 0.5 and difference.max() <= 1.5
    # a tensor and an image in another order of memory go the same way
    again = smoothed(torch.from_numpy(image.copy()), size, CPU)
    flipped = smoothed(image[:, ::-1], size, CPU).flip(-1)
    assert torch.equal(again, smoothed(image, size, CPU))
    assert (flipped.int() - again.int()).abs().max() <= 1


def test_resizing_is_what_pil_does():
    # networks were trained with PIL, which the tracker does without; the slow way above stands
    # for it where it is not installed
    if importlib.util.find_spec('PIL') is None:
        return
    from PIL import Image

    image = frame(1920, 1080).image
    found = smoothed(image, (1280, 704), CPU)[0].permute(1, 2, 0).numpy().astype(int)
    whole = Image.fromarray(image[..., ::-1].copy())
    theirs = np.asarray(whole.resize((1280, 704), Image.BILINEAR)).astype(int)
    assert np.abs(found - theirs).mean() < 0.1 and np.abs(found - theirs).max() <= 1
    sharp = cv2.resize(image, (1280, 704), interpolation=cv2.INTER_LINEAR)[..., ::-1].astype(int)
    assert np.abs(sharp - theirs).mean() > 0.1


def test_pixels_are_rgb_and_normalised():
    image = np.full((40, 50, 3), (10, 20, 30), np.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    batch = images([Frame.of(image, 0.0)] * 2, (64, 32), mean, std, CPU)
    assert batch.shape == (2, 3, 32, 64) and batch.dtype == torch.float32
    expected = [(value / 255 - m) / s for value, m, s in zip((30, 20, 10), mean, std, strict=True)]
    torch.testing.assert_close(batch[1, :, 5, 7], torch.tensor(expected))
    assert batch.is_contiguous(memory_format=torch.channels_last)


@both_ways
def test_frames_that_cannot_be_seen(make):
    detector = make()
    with pytest.raises(FrameError, match='no image'):
        detector.detect([Frame(None, 0.0, (100, 80))])
    with pytest.raises(FrameError, match='uint8'):
        detector.extract_features(Frame(np.zeros((9, 9, 3), np.float32), 0.0, (9, 9)))


def by_hand(weights_file, shown, floor, wanted, amodal=False):
    """Find objects as the method is described, box by box and class by class."""
    network = load_network(weights_file).eval().requires_grad_(False)
    size = network_size(shown.size, 128, 256)
    batch = images([shown], size, (0.5,) * 3, (0.5,) * 3, CPU)
    features = network.features(batch)
    proposals = network.proposals(
        features, size, Selection(per_level=60, keep=40, amodal=amodal))
    boxes = proposals.boxes[0][proposals.mask[0]]
    probabilities, moved = network.refine(features, boxes)
    found = []
    for label in wanted:
        own = moved[:, label + 1]
        if not amodal:
            own = legacy_boxes.clip(own, size)
        scores = probabilities[:, label + 1]
        overlaps, taken = legacy_boxes.iou(own, own), []
        for row in sorted(range(len(own)), key=lambda row: -scores[row]):
            x1, y1, x2, y2 = own[row].tolist()
            if scores[row] > floor and x2 > x1 and y2 > y1 and not any(
                    overlaps[row, better] > 0.5 for better in taken):
                taken.append(row)
                across, down = shown.size[0] / size[0], shown.size[1] / size[1]
                found.append((float(scores[row]), label, [
                    x1 * across, y1 * down, x2 * across + 1, y2 * down + 1]))
    return sorted(found, key=lambda row: -row[0])


@both_ways
@pytest.mark.parametrize('amodal', [False, True])
def test_detections_equal_the_description(make, weights_file, amodal):
    shown = frame(300, 190)
    detector = make(max_detections=1000, amodal=amodal, score_floor=0.02)
    found = detector.detect([shown])[0]
    expected = by_hand(weights_file, shown, 0.02, range(3), amodal)
    assert len(found) == len(expected) > 20
    assert set(found.labels.tolist()) == {0, 1, 2}
    np.testing.assert_allclose(found.scores, [row[0] for row in expected], atol=1e-5)
    assert found.labels.tolist() == [row[1] for row in expected]
    boxes = np.array([row[2] for row in expected])
    if not amodal:
        boxes = np.minimum(boxes, [300, 190, 300, 190])
        assert (found.boxes >= 0).all() and (found.boxes <= [300, 190, 300, 190]).all()
    np.testing.assert_allclose(found.boxes, boxes, atol=0.02)


@both_ways
def test_limits(make):
    shown = frame()
    everything = make(max_detections=1000).detect([shown])[0]
    few = make(max_detections=5).detect([shown])[0]
    assert len(few) == 5
    np.testing.assert_array_equal(few.boxes, everything.boxes[:5])
    floor = float(everything.scores[7])
    high = make(max_detections=1000, score_floor=floor).detect([shown])[0]
    assert len(high) == 7 and (high.scores > floor).all()


@both_ways
def test_only_wanted_classes(make):
    shown = frame()
    everything = make(max_detections=1000).detect([shown])[0]
    detector = make(['owl', 'cat'], max_detections=1000)
    assert tuple(detector.class_names) == NAMED
    some = detector.detect([shown])[0]
    np.testing.assert_array_equal(some.boxes, everything.boxes[everything.labels != 1])
    with pytest.raises(ConfigError, match='cow'):
        make(['cow'])


def test_the_settings_choose_it(weights_file):
    values = {'detector.type': 'rcnn', 'rcnn.weights': str(weights_file), 'device': 'cpu'}
    detector = make_detector(build(Settings, {**values, 'detector.classes': ['dog', 'cat']}))
    assert isinstance(detector, RcnnDetector)
    assert set(detector.detect([frame()])[0].labels.tolist()) <= {0, 1}
    with pytest.raises(ConfigError, match='person'):
        make_detector(build(Settings, values))


@both_ways
def test_frames_together_equal_frames_one_by_one(make):
    shown = [frame(seed=1), frame(300, 190, seed=2), frame(seed=3)]
    detector = make()
    together = detector.detect(shown)
    assert len(together) == 3
    for one, found in zip(shown, together, strict=True):
        alone = make().detect([one])[0]
        np.testing.assert_array_equal(alone.labels, found.labels)
        np.testing.assert_allclose(alone.boxes, found.boxes, atol=1e-3)
        np.testing.assert_allclose(alone.scores, found.scores, atol=1e-5)
    assert detector.detect([]) == []


@both_ways
def test_boxes_go_in_and_out(make):
    heads = make().extract_features(frame(400, 300))
    assert heads.size == (160, 128) and heads.scale == (2.5, 300 / 128)
    boxes = np.array([[0, 0, 400, 300], [10, 20, 51, 81], [-30, 5, -9, 500]], np.float32)
    inside = heads.to_network(boxes)
    # the last pixel, number 399, is scaled like every number
    torch.testing.assert_close(inside[0], torch.tensor([0, 0, 399 / 2.5, 299 * 128 / 300]))
    np.testing.assert_allclose(heads.to_image(inside), boxes, atol=1e-4)


@both_ways
def test_given_boxes_take_the_place_of_proposals(make, monkeypatch):
    heads = make(max_detections=1000, score_floor=0.3).extract_features(frame())
    given = Detections(
        np.array([[10, 10, 60, 90], [100, 20, 150, 100], [5, 60, 190, 120]], np.float32),
        np.full(3, 0.9, np.float32), np.zeros(3, np.int64))
    # what the box head says of them, class by class
    judged = [heads.refine(given.boxes, np.full(3, label)) for label in range(3)]

    def never(*arguments):
        raise AssertionError('the proposal network ran')

    monkeypatch.setattr(heads.network.rpn, 'propose', never)
    found = heads.detections(given)
    assert 0 < len(found) <= 9 and (found.scores != 0.9).all()
    for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
        boxes, scores = judged[label]
        row = int(np.argmin(np.abs(scores - score)))
        assert scores[row] == pytest.approx(score, abs=1e-6)
        np.testing.assert_allclose(box, np.clip(boxes[row], 0, [200, 130] * 2), atol=1.6)
    assert len(heads.detections(Detections.empty())) == 0


@both_ways
def test_judging_answers_row_by_row_in_any_order_of_classes(make):
    heads = make().extract_features(frame())
    generator = np.random.default_rng(4)
    corner = generator.uniform(0, 100, (12, 2))
    boxes = np.concatenate([corner, corner + generator.uniform(10, 90, (12, 2))], axis=1)
    boxes, labels = boxes.astype(np.float32), generator.integers(0, 3, 12)
    placed, scores = heads.refine(boxes, labels)
    assert placed.shape == (12, 4) and scores.shape == (12,)
    assert np.ptp(scores) > 0.1
    for row in range(12):
        one = slice(row, row + 1)
        alone, score = heads.refine(boxes[one], labels[one])
        np.testing.assert_allclose(alone, placed[one], atol=1e-3)
        np.testing.assert_allclose(score, scores[one], atol=1e-5)
        others = [heads.refine(boxes[one], np.array([label]))[1] for label in range(3)]
        assert sum(others) < 1 and others[labels[row]] == pytest.approx(scores[row], abs=1e-5)
    placed, scores = heads.refine(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert placed.shape == (0, 4) and scores.shape == (0,)


def test_packing_the_body_changes_no_number(make, weights_file, monkeypatch):
    packed = []

    def counted(body, size):
        packed.append(size)
        return pack(body, size)

    monkeypatch.setattr(module, 'pack', counted)
    monkeypatch.setattr(module, 'PACKED_SIZES', 2)
    detector = make()
    plain = load_network(weights_file).eval().requires_grad_(False)
    kinds = [frame(), frame(300, 150), frame(130, 200)]
    for shown in (kinds[0], kinds[1], kinds[0], kinds[2], kinds[0]):
        heads = detector.extract_features(shown)
        batch = images([shown], heads.size, (0.5,) * 3, (0.5,) * 3, CPU)
        for one, expected in zip(heads.features, plain.features(batch), strict=True):
            torch.testing.assert_close(one, expected, rtol=1e-4, atol=1e-4)
    # a few sizes are remembered, and beyond these it begins anew
    assert packed == [(192, 128), (256, 128), (128, 192), (192, 128)]


def test_damage_ends_in_no_detections(make, monkeypatch):
    heads = make().extract_features(frame())
    heads.features = [level * float('nan') for level in heads.features]
    assert len(heads.detections()) == 0
    heads.features = [torch.full_like(level, 1e38) for level in heads.features]
    heads.detections()


@pytest.mark.parametrize('damage', [float('nan'), 1e38])
def test_damage_ends_in_no_detections_in_fixed_shapes_too(weights_file, monkeypatch, damage):
    detector = RcnnDetector(RcnnSettings(
        weights=str(weights_file), short_side=128, long_side=256), 'cpu', fixed=True)
    fpn = detector._network.backbone.fpn
    forward = fpn.forward
    monkeypatch.setattr(
        fpn, 'forward',
        lambda levels: [torch.full_like(level, damage) for level in forward(levels)])
    found = detector.detect([frame()])[0]
    assert len(found) == 0 or damage == 1e38


def test_missing_weights_are_told():
    with pytest.raises(WeightsError, match=r'rcnn\.weights.*weights import'):
        RcnnDetector(RcnnSettings(weights=''), 'cpu')
    with pytest.raises(WeightsError, match=r'nowhere\.safetensors'):
        RcnnDetector(RcnnSettings(weights='nowhere.safetensors'), 'cpu')


def test_class_names():
    assert class_table({}, 2, 'w').names == ('person',)
    vehicles = class_table({}, 10, 'w')
    assert vehicles.names == (
        'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat')
    assert vehicles.numbers == tuple(range(1, 10))
    assert class_table({}, 81, 'w').names == COCO_NAMES
    for names in (['background', 'ant', 'bee'], ['ant', 'bee'], {'1': 'ant', '2': 'bee'}):
        table = class_table({'names': json.dumps(names)}, 3, 'w')
        assert table.names == ('ant', 'bee') and table.numbers == (1, 2)
    with pytest.raises(WeightsError, match=r'w names 1 classes, .* tells 4'):
        class_table({'names': '["ant"]'}, 5, 'w')
    with pytest.warns(UserWarning, match='does not name its 3 classes'):
        assert class_table({}, 4, 'w').names == ('class_1', 'class_2', 'class_3')


def test_the_motion_model_comes_along(make):
    assert make().motion is not None


def test_the_published_network_sees_a_whole_image(tmp_path):
    torch.manual_seed(0)
    network = Architecture(motion='none').make()
    path = tmp_path / 'dla34.safetensors'
    safetensors.torch.save_file(network.state_dict(), path)
    detector = RcnnDetector(
        RcnnSettings(weights=str(path), short_side=800, long_side=1280), 'cpu')
    assert tuple(detector.class_names) == ('person',) and detector.motion is None
    heads = detector.extract_features(frame(1280, 720))
    assert heads.size == (1280, 704)
    assert [tuple(level.shape) for level in heads.features] == [
        (1, 128, 176, 320), (1, 128, 88, 160), (1, 128, 44, 80), (1, 128, 22, 40),
        (1, 128, 11, 20)]
    found = heads.detections()
    assert len(found) <= 100 and (found.boxes <= [1280, 720, 1280, 720]).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')
def test_a_gpu_finds_the_same(make, weights_file):
    here = make(max_detections=1000)
    there = RcnnDetector(RcnnSettings(
        weights=str(weights_file), short_side=128, long_side=256, per_level=60, proposals=40,
        score_floor=0.2, max_detections=1000), 'cuda')
    shown = frame(256, 160)
    on_device = Frame(torch.from_numpy(shown.image).cuda(), 0.0, shown.size)
    own, found, again = here.detect([shown])[0], *there.detect([shown, on_device])
    np.testing.assert_array_equal(found.boxes, again.boxes)
    assert abs(len(own) - len(found)) <= 2
    np.testing.assert_allclose(own.scores[:10], found.scores[:10], atol=1e-2)
