# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import cv2
import numpy as np
import pytest
import torch

from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.nanodet.detector import NanoDetDetector
from mot_ros.tracking.detectors.nanodet.input_size import input_size
from mot_ros.tracking.detectors.nanodet.preprocess import DEVIATION, MEAN, prepared
from mot_ros.tracking.detectors.ssd.raw_outputs import DenseDetector
from mot_ros.tracking.detectors.wrappers.calibrated import CalibratedDetector
from mot_ros.tracking.errors import ConfigError, FrameError, WeightsError
from mot_ros.tracking.nets.nanodet.decode import cell_centres, decode
from mot_ros.tracking.nets.nanodet.network import NanoDetG
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights
from test.tracking.nets.ops.test_nms import greedy

CPU = torch.device('cpu')


def detector(**values):
    return NanoDetDetector(
        DetectorSettings(**{'weights': 'nanodet-coco', 'short_side': 96, **values}), 'cpu')


def picture(size, seed=0):
    """Return a frame of blurred noise, in which an untold class is found here and there."""
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 6)
    return Frame.of(cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX), 0.0)


def reference(frame, settings, sizes):
    """Return boxes and scores as the definition has them, one cell after the other."""
    network = NanoDetG()
    weights.fit(network, weights.load('nanodet-coco'))
    network.eval()
    rows = []
    for size in sizes:
        image = cv2.resize(frame.image, size, interpolation=cv2.INTER_LINEAR).astype(np.float64)
        image = (image - MEAN) / DEVIATION
        planes = torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32))
        with torch.inference_mode():
            logits, bins = network(planes)
        boxes = decode(bins[0], cell_centres(size))
        for box, row in zip(boxes.tolist(), torch.sigmoid(logits[0]).tolist(), strict=True):
            place = [side * whole / part for side, whole, part in zip(
                box, frame.size * 2, size * 2, strict=True)]
            rows += [(place, score, label) for label, score in enumerate(row)
                     if score >= settings.score_floor]
    boxes, scores, labels = zip(*rows, strict=True)
    boxes, scores, labels = (torch.tensor(column) for column in (boxes, scores, labels))
    kept = greedy(boxes, scores, labels, settings.nms_iou)
    limit = torch.tensor(frame.size * 2)
    cut = torch.minimum(boxes[kept].clamp(min=0), limit)
    return cut.numpy(), scores[kept].numpy(), labels[kept].numpy()


@pytest.mark.parametrize(('size', 'second'), [((160, 120), 0.0), ((100, 170), 0.6)])
def test_finds_what_the_slow_reference_finds(size, second):
    settings = DetectorSettings(
        weights='nanodet-coco', short_side=96, second_scale=second, score_floor=0.02,
        box_voting=False, classes=())
    frame = picture(size)
    found = NanoDetDetector(settings, 'cpu').detect([frame])[0]
    sizes = [input_size(size, 96)] + ([input_size(size, 58)] if second else [])
    boxes, scores, labels = reference(frame, settings, sizes)
    assert 0 < len(found) == len(scores)
    np.testing.assert_allclose(found.scores, scores, atol=1e-5)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.boxes, boxes, atol=1e-2)


def test_images_of_any_sizes_follow_each_other():
    one = detector(score_floor=0.01, classes=())
    frames = [picture(size) for size in ((64, 48), (48, 64), (300, 60), (1, 1), (64, 48))]
    together = one.detect(frames)
    for frame, found in zip(frames, together, strict=True):
        alone = one.detect([frame])[0]
        np.testing.assert_array_equal(alone.boxes, found.boxes)
        width, height = frame.size
        assert (found.boxes <= [width, height, width, height]).all()
    np.testing.assert_array_equal(together[0].scores, together[-1].scores)
    assert one.detect([]) == []


def test_raw_outputs_are_those_of_every_cell():
    one = detector(classes=('person', 'dog'))
    assert isinstance(one, DenseDetector)
    frames = [picture((128, 96)), picture((128, 96), 1)]
    found, raw = one.detect_densely(frames)
    cells = sum(len(cell_centres(size)) for size in ((128, 96), (64, 64)))
    assert raw.scores.shape == (2, cells, 2)
    assert raw.boxes.shape == raw.anchors.shape == (2, cells, 4)
    assert raw.labels.tolist() == [0, 16]
    assert len(found) == 2
    torch.testing.assert_close(one.raw(frames).boxes, raw.boxes)


def test_prepares_as_in_training():
    frame = picture((32, 32))
    images = prepared(frame, (32, 32), CPU)
    wanted = (frame.image.astype(np.float64) - MEAN) / DEVIATION
    np.testing.assert_allclose(images[0].permute(1, 2, 0).numpy(), wanted, atol=1e-5)


def test_an_image_on_the_device_gives_the_same():
    frame = picture((150, 100))
    there = Frame.of(torch.from_numpy(frame.image), 0.0)
    one = detector(score_floor=0.01, classes=())
    np.testing.assert_array_equal(one.detect([there])[0].boxes, one.detect([frame])[0].boxes)


def test_lower_precision_finds_much_the_same():
    settings = DetectorSettings(weights='nanodet-coco', short_side=96)
    frames = [picture((128, 96))]
    plain = NanoDetDetector(settings, 'cpu').raw(frames)
    lower = NanoDetDetector(settings, 'cpu', Compute('bfloat16')).raw(frames)
    assert lower.scores.dtype == torch.float32
    assert float((lower.scores - plain.scores).abs().max()) < 0.03


def test_refuses_what_it_cannot_do():
    with pytest.raises(ConfigError, match='persno'):
        detector(classes=('persno',))
    with pytest.raises(WeightsError, match='NanoDetG'):
        detector(weights='ssd-coco')
    with pytest.raises(FrameError):
        detector().detect([Frame(None, 0.0, (10, 10))])


def test_is_made_by_its_name_with_its_own_weights():
    found = make_detector(build(Settings, {'detector.type': 'nanodet', 'device': 'cpu'}))
    assert isinstance(found, CalibratedDetector)
    assert found.class_names[0] == 'person'
    found.warm_up()
    with pytest.raises(ConfigError, match='runs in torch alone'):
        make_detector(build(Settings, {'detector.type': 'nanodet', 'backend': 'onnx'}))
