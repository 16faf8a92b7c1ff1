# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""GluonSsdDetector: what goes into the network, what comes out, and the way back to the image."""

import json

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch

from mot_ros import cli
from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.classes import COCO_NAMES
from mot_ros.tracking.detectors.ssd.gluon import GluonSsdDetector, VOC_NAMES
from mot_ros.tracking.detectors.ssd.raw_outputs import dense
from mot_ros.tracking.errors import ConfigError, FrameError, WeightsError
from mot_ros.tracking.nets.ssd.gluon import GluonSsd
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights
from test.tracking.nets.ops.test_nms import greedy
from test.tracking.nets.ssd.test_gluon import anchors_of, published, random_state
from test.tracking.waiting import no_waiting
from test.tracking.weights.mxnet_files import params_bytes

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
PAIR = {'body': 'mobilenet1.0', 'classes': '2', 'names': json.dumps(['person', 'car'])}


def saved(path, network, metadata):
    safetensors.torch.save_file(network.state_dict(), path, metadata)
    return path


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    """Return the file of a network of random weights that tells images apart."""
    torch.manual_seed(4)
    network = GluonSsd('mobilenet1.0', 2)
    for name, tensor in network.state_dict().items():
        if tensor.dim() == 4:
            torch.nn.init.kaiming_normal_(tensor)
            if 'predictor' in name:
                tensor.mul_(0.1)
    return saved(tmp_path_factory.mktemp('ssd') / 'pair.safetensors', network, PAIR)


@pytest.fixture(scope='module')
def still(tmp_path_factory):
    """Return the file of a network that moves no anchor and has no preference."""
    network = GluonSsd('mobilenet1.0', 2)
    for name, tensor in network.state_dict().items():
        if 'predictor' in name:
            tensor.zero_()
    return saved(tmp_path_factory.mktemp('ssd') / 'still.safetensors', network, PAIR)


def detector(path, size=(128, 128), fixed=None, **values):
    chosen = {'classes': (), 'box_voting': False, **values}
    return GluonSsdDetector(DetectorSettings(
        type='gluon_ssd', weights=str(path), width=size[0], height=size[1], **chosen), 'cpu',
        fixed=fixed)


def image(width, height, seed=0):
    """Return an image of shapes, for which interpolation is not all that matters."""
    drawn = np.random.default_rng(seed).integers(0, 90, (height, width, 3)).astype(np.uint8)
    cv2.ellipse(drawn, (width // 3, height // 2), (width // 8, height // 4), 0, 0, 360,
                (30, 200, 255), -1)
    return drawn


def padded(pixels, size):
    """Normalise, put into the middle of a square of zeros, and resize: as it is described."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    normalised = (pixels[:, :, ::-1] / 255.0 - MEAN) / STD
    square = np.zeros((side, side, 3))
    left, top = (side - width) // 2, (side - height) // 2
    square[top:top + height, left:left + width] = normalised
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)


@pytest.mark.parametrize('shape, size', [
    ((320, 180), 128), ((180, 320), 128), ((96, 96), 96), ((640, 480), 256), ((60, 40), 192)])
def test_the_input_is_as_described(file, shape, size):
    pixels = image(*shape)
    ours = detector(file, (size, size))
    found = ours._images([Frame.of(pixels, 0.0)])[0].numpy()
    expected = padded(pixels, size)
    # where the padding begins they mix it with the image, and ours is resized in bytes
    apart = np.abs(found - expected).max(axis=0)
    assert np.quantile(apart, 0.95) < 0.02 and np.median(apart) < 0.01
    assert (found[:, expected.any(axis=0) == 0] == 0).all()


def test_boxes_are_in_pixels_of_the_source_image(still):
    ours = detector(still, (512, 512))
    raw = ours.raw([Frame.of(image(1280, 720), 0.0)])
    anchors = GluonSsd('mobilenet1.0', 2).anchors((512, 512))
    corners = torch.cat([anchors[:, :2] - anchors[:, 2:] / 2,
                         anchors[:, :2] + anchors[:, 2:] / 2], 1)
    # a square of 1280 pixels, of which 280 are above the image, on 512
    expected = corners * 2.5 - torch.tensor([0, 280, 0, 280])
    assert torch.allclose(raw.anchors[0], expected, atol=1e-3)
    assert torch.allclose(raw.boxes[0], expected, atol=1e-3)
    assert raw.labels.tolist() == [0, 1]
    # three columns without preference; nothing is zeroed
    assert torch.allclose(raw.scores, torch.full_like(raw.scores, 1 / 3))
    assert raw.scores.shape == (1, 6132, 2)


def test_small_scores_stay(still, tmp_path):
    state = safetensors.torch.load_file(still)
    # logits of 8 for the background: both classes get a score of 1 / (2 + e^8)
    for name, tensor in state.items():
        if name.startswith('class_predictors') and name.endswith('bias'):
            tensor[::3] = 8
    path = tmp_path / 'sure.safetensors'
    safetensors.torch.save_file(state, path, PAIR)
    ours = detector(path)
    frame = Frame.of(image(64, 64), 0.0)
    assert torch.allclose(
        ours.raw([frame]).scores, torch.tensor(1 / (2 + float(np.exp(8)))), rtol=1e-4)
    assert len(ours.detect([frame])[0]) == 0


def test_raw_is_the_network_with_softmax_and_decoding(file):
    network = GluonSsd('mobilenet1.0', 2).eval()
    network.load_state_dict(safetensors.torch.load_file(file))
    ours = detector(file, (160, 96))
    frames = [Frame.of(image(200, 100), 0.0), Frame.of(image(90, 160, 1), 1.0)]
    raw = ours.raw(frames)
    with torch.inference_mode():
        logits, deltas = network(ours._images(frames))
    assert torch.allclose(raw.scores, logits.softmax(-1)[..., 1:], atol=1e-5)
    anchors = network.anchors((160, 96))
    centre = anchors[:, :2] + 0.1 * deltas[..., :2] * anchors[:, 2:]
    half = anchors[:, 2:] * torch.exp(0.2 * deltas[..., 2:]) / 2
    boxes = torch.cat([centre - half, centre + half], -1)
    # 200 x 100 fits as 160 x 80 below 8 rows, 90 x 160 as 54 x 96 right of 53 columns
    first = (boxes[0] - torch.tensor([0, 8, 0, 8])) * 1.25
    second = (boxes[1] - torch.tensor([53, 0, 53, 0])) * (160 / 96)
    assert torch.allclose(raw.boxes[0], first, atol=1e-2)
    assert torch.allclose(raw.boxes[1], second, atol=1e-2)
    # the network does look at its images
    assert (raw.scores[0] - raw.scores[1]).abs().max() > 0.01


def test_detect_is_raw_with_threshold_suppression_and_clipping(file):
    ours = detector(file, score_floor=0.3, nms_iou=0.45, max_detections=25)
    frame = Frame.of(image(200, 150), 0.0)
    (found,), raw = ours.detect_densely([frame])
    anchor, column = np.nonzero(raw.scores[0].numpy() >= 0.3)
    boxes, scores = raw.boxes[0].numpy()[anchor], raw.scores[0].numpy()[anchor, column]
    kept = greedy(boxes, scores, column, 0.45)
    expected = boxes[kept].clip(0, [200, 150, 200, 150])
    inside = (expected[:, 2:] > expected[:, :2]).all(axis=1)
    assert len(found) == min(25, inside.sum()) > 5
    np.testing.assert_allclose(found.boxes, expected[inside][:25], atol=1e-3)
    np.testing.assert_array_equal(found.scores, scores[kept][inside][:25])
    np.testing.assert_array_equal(found.labels, column[kept][inside][:25])
    np.testing.assert_array_equal(ours.detect([frame])[0].boxes, found.boxes)


def test_a_batch_gives_what_a_loop_gives(file):
    ours = detector(file, score_floor=0.3)
    frames = [Frame.of(image(*shape), 0.0) for shape in ((200, 150), (64, 64), (90, 300))]
    for together, frame in zip(ours.detect(frames), frames, strict=True):
        alone = ours.detect([frame])[0]
        assert np.array_equal(together.boxes, alone.boxes)
    assert ours.detect([]) == []


@pytest.mark.parametrize('values', [
    {}, {'box_voting': True, 'score_floor': 0.3}, {'resize': 'corner'}, {'resize': 'stretch'},
    {'classes': ('car',), 'size': (128, 96)}])
def test_fixed_shapes_give_what_open_ones_give(file, values):
    frames = [Frame.of(image(*shape), 0.0) for shape in ((200, 150), (64, 64), (90, 300))]
    expected = detector(file, fixed=False, **values)
    ours = detector(file, fixed=True, **values)
    found, raw = ours.detect_densely(frames)
    for one, other in zip(found, expected.detect(frames), strict=True):
        assert len(one) == len(other) > 5
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
        np.testing.assert_array_equal(one.labels, other.labels)
    known = expected.raw(frames)
    torch.testing.assert_close(raw.scores, known.scores, atol=1e-5, rtol=0)
    torch.testing.assert_close(raw.boxes, known.boxes, atol=1e-3, rtol=1e-5)
    assert torch.equal(raw.anchors, known.anchors)
    others = [Frame.of(image(200, 150, 7), 0.0)]
    ours.detect(others)
    with torch.inference_mode(), no_waiting():
        ours._on_device.run(others, '')


def test_one_class_alone_scores_as_among_all(file):
    frame = Frame.of(image(100, 100), 0.0)
    car, both = detector(file, classes=('car',)).raw([frame]), detector(file).raw([frame])
    assert car.labels.tolist() == [1]
    assert torch.allclose(car.scores, both.scores[..., 1:])


def test_the_settings_choose_it(file):
    ours = make_detector(Settings(detector=DetectorSettings(
        type='gluon_ssd', weights=str(file), width=128, height=128, classes=('car',)),
        device='cpu'))
    assert isinstance(ours, GluonSsdDetector) and ours.class_names == ('person', 'car')
    assert dense(ours, 'smot') is ours
    ours.warm_up()


@pytest.mark.parametrize(
    'classes, names', [('80', COCO_NAMES), ('20', VOC_NAMES), ('1', ('person',))])
def test_well_known_numbers_of_classes_have_names(tmp_path, classes, names):
    path = saved(tmp_path / 'some.safetensors', GluonSsd('mobilenet1.0', int(classes)),
                 {'body': 'mobilenet1.0', 'classes': classes})
    assert detector(path).class_names == names


def test_a_published_file_is_brought_in_by_the_command(tmp_path, capsys):
    state = random_state(published('mobilenet1.0', 1)) | anchors_of('mobilenet1.0')
    path = tmp_path / 'ssd_512.params'
    path.write_bytes(params_bytes({name: tensor.numpy() for name, tensor in state.items()}))
    assert cli.main(['weights', 'import', 'ssd', str(path)]) == 0
    printed = capsys.readouterr().out
    assert 'kind ssd, body mobilenet1.0, classes 1' in printed
    assert '6 left out, the network does not run them: anchor_generators.0.anchors' in printed
    made = tmp_path / 'ssd_512.safetensors'
    assert weights.metadata(made)['sizes'] == '51.2,102.4,189.4,276.4,363.52,450.6,492'
    ours = detector(made)
    assert ours.class_names == ('person',)
    assert ours.raw([Frame.of(image(64, 64), 0.0)]).scores.isfinite().all()


def test_names_can_be_given(tmp_path, still):
    listing = tmp_path / 'names.txt'
    listing.write_text('face\nbody\n')
    assert detector(still, names=str(listing)).class_names == ('face', 'body')
    listing.write_text('face\n')
    with pytest.raises(ConfigError, match='has 2 classes, but 1 names are known'):
        detector(still, names=str(listing))


def test_sizes_of_the_anchors_come_from_the_file(tmp_path):
    sizes = (51.2, 102.4, 189.4, 276.4, 363.52, 450.6, 492)
    path = saved(tmp_path / 'some.safetensors', GluonSsd('resnet18_v1', 1, sizes), {
        'body': 'resnet18_v1', 'classes': '1', 'sizes': '10,20,30,40,50,60,70'})
    raw = detector(path).raw([Frame.of(image(128, 128), 0.0)])
    assert torch.allclose(raw.anchors[0, 0], torch.tensor([3.0, 3.0, 13.0, 13.0]))


@pytest.mark.parametrize('metadata, complaint', [
    ({}, "do not give backbone and classes of a GluonCV SSD .'body'"),
    ({'body': 'vgg', 'classes': '2'}, "no SSD on 'vgg'"),
    ({'body': 'mobilenet1.0', 'classes': 'two'}, "literal for int.*: 'two'"),
    ({'body': 'mobilenet1.0', 'classes': '0'}, 'for 0 classes'),
    ({**PAIR, 'sizes': '1,2'}, '7 positive numbers'),
    ({**PAIR, 'classes': '3', 'names': '["a", "b", "c"]'}, 'of another shape'),
    ({**PAIR, 'body': 'resnet18_v1'}, 'missing')])
def test_files_that_say_too_little_or_something_else_are_refused(
        still, tmp_path, metadata, complaint):
    path = tmp_path / 'other.safetensors'
    safetensors.torch.save_file(safetensors.torch.load_file(still), path, metadata)
    with pytest.raises(WeightsError, match=complaint):
        detector(path)


def test_an_unnamed_number_of_classes_needs_names(tmp_path):
    path = saved(tmp_path / 'three.safetensors', GluonSsd('mobilenet1.0', 3),
                 {'body': 'mobilenet1.0', 'classes': '3'})
    with pytest.raises(ConfigError, match='has 3 classes, but no names are known'):
        detector(path)


@pytest.mark.parametrize('pixels, complaint', [
    (None, 'has no image'), (np.zeros((4, 4, 3), np.float32), 'is of type float32')])
def test_a_frame_without_usable_image_is_refused(still, pixels, complaint):
    with pytest.raises(FrameError, match=complaint):
        detector(still).detect([Frame(pixels, 0.0, (4, 4))])


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')
def test_a_gpu_gives_what_the_cpu_gives(file):
    frame = Frame.of(image(320, 200), 0.0)
    here = detector(file).raw([frame])
    there = GluonSsdDetector(DetectorSettings(
        type='gluon_ssd', weights=str(file), width=128, height=128, classes=()), 'cuda')
    found = there.raw([frame])
    assert torch.allclose(found.scores.cpu(), here.scores, atol=1e-4)
    assert torch.allclose(found.boxes.cpu(), here.boxes, atol=0.1)
