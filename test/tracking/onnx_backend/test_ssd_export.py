# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Our SSD as an ONNX file sees what it sees in torch."""

import ast
from pathlib import Path
import sys

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')
pytest.importorskip('onnxscript')

import onnx

from mot_ros import cli
from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.letterbox import batch
from mot_ros.tracking.detectors.onnx_file.detector import OnnxDetector
from mot_ros.tracking.detectors.onnx_file.session import OnnxSession
from mot_ros.tracking.detectors.ssd.mobilenet import SsdDetector
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.onnx_backend.export import OPSET
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights

ROOT = Path(__file__).resolve().parents[3]
PENN_FUDAN = ROOT.parent / 'shared' / 'data' / 'PennFudanPed'
PETS = weights.cache_root().parent / 'videos' / 'vtest.avi'
WEIGHTS = weights.cache_root() / weights.MANIFEST['ssd-mobilenetv3-coco'].file
SMALL, REAL = (288, 160), (640, 480)
"""(width, height); 160 / 32 is odd, so that both kinds of padding turn up."""


def export(path, size, *words):
    assert cli.main(['export', '-o', str(path), '--width', str(size[0]), '--height',
                     str(size[1]), *map(str, words)]) == 0
    return path


@pytest.fixture(scope='module')
def random_weights(tmp_path_factory):
    """Return a file of weights that are nobody's, which any machine has."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp('weights') / 'random.safetensors'
    state = SsdMobileNetV3().state_dict()
    for tensor in state.values():
        # large enough that what the image holds reaches the end
        if tensor.dim() > 1:
            torch.nn.init.kaiming_normal_(tensor)
    safetensors.torch.save_file(state, path)
    return path


@pytest.fixture(scope='module')
def small(random_weights, tmp_path_factory):
    """Export a network of random weights and three classes, and return both files."""
    path = tmp_path_factory.mktemp('small') / 'small.onnx'
    return random_weights, export(
        path, SMALL, '--weights', random_weights, '--classes', 'car,person,dog')


@pytest.fixture(scope='module')
def real(tmp_path_factory):
    """Export the default weights, where they are."""
    if not WEIGHTS.is_file():
        pytest.skip(f'{WEIGHTS} is not there: run scripts/setup, which puts it there')
    return export(tmp_path_factory.mktemp('real') / 'real.onnx', REAL)


def people():
    """Return real images: every tenth of Penn-Fudan and of the beginning of PETS."""
    files = sorted((PENN_FUDAN / 'images').glob('*.jpg'))[::10]
    frames = [Frame.of(cv2.imread(str(file)), 0.0) for file in files]
    if PETS.is_file():
        capture = cv2.VideoCapture(str(PETS))
        for index in range(60):
            assert capture.grab()
            if index % 10 == 0:
                frames.append(Frame.of(capture.retrieve()[1], float(index)))
    return frames


def disks():
    """Return an image of bright shapes on noise: nothing in particular, the same every time."""
    image = np.random.default_rng(3).integers(0, 90, (480, 640, 3)).astype(np.uint8)
    for number in range(8):
        cv2.ellipse(image, (70 * number + 60, 240), (20, 60 + 5 * number), 0, 0, 360,
                    (30 * number, 200, 255 - 20 * number), -1)
    return [Frame.of(image, 0.0)]


def counterparts(ours, theirs):
    """Return which boxes have one of the same label within 1 px and a score within 1e-3."""
    near = np.abs(ours.boxes[:, None] - theirs.boxes).max(axis=2, initial=0) <= 1
    near &= np.abs(ours.scores[:, None] - theirs.scores) <= 1e-3
    near &= ours.labels[:, None] == theirs.labels
    return near.any(axis=1)


def compare(frames, path, floor, **values):
    """Compare both detectors in both directions and return how many boxes were compared."""
    chosen = {'width': REAL[0], 'height': REAL[1], 'score_floor': floor, **values}
    torch_one = SsdDetector(DetectorSettings(weights='ssd-coco', **chosen), 'cpu')
    onnx_one = OnnxDetector(
        DetectorSettings(type='onnx', weights=str(path), **chosen), 'cpu')
    assert onnx_one.class_names == torch_one.class_names
    compared = 0
    for a, b in zip(torch_one.detect(frames), onnx_one.detect(frames), strict=True):
        for these, those in ((a, b), (b, a)):
            # what lies at the floor may fall on either side of it
            sure = these[these.scores > floor + 1e-3]
            assert counterparts(sure, those).all()
            compared += len(sure)
    return compared


def test_every_anchor_is_the_same_with_any_weights(small):
    values = {'width': SMALL[0], 'height': SMALL[1], 'classes': ('person', 'car', 'dog')}
    ours = SsdDetector(DetectorSettings(weights=str(small[0]), **values), 'cpu')
    session = OnnxSession(str(small[1]), 'cpu')
    images = np.random.default_rng(1).integers(0, 256, (3, 160, 288, 3)).astype(np.uint8)
    frames = [Frame.of(image, 0.0) for image in images]
    boxes, scores = session.run(
        batch(images, 'signed', np.dtype(np.float32), channels_last=False))
    raw = ours.raw(frames)
    assert boxes.shape == tuple(raw.boxes.shape) and scores.shape == tuple(raw.scores.shape)
    assert np.abs(boxes - raw.boxes.numpy()).max() < 0.01
    assert np.abs(scores - raw.scores.numpy()).max() < 1e-5
    # the network does look at its images
    assert np.abs(scores[0] - scores[1]).max() > 0.01


def test_the_file_says_what_a_reader_needs(small):
    model = onnx.load(small[1])
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert ast.literal_eval(metadata.pop('names')) == ['person', 'car', 'dog']
    assert metadata == {'layout': 'ssd_pixels', 'resize': 'stretch', 'pixels': 'signed'}
    assert {entry.domain: entry.version for entry in model.opset_import}[''] == OPSET
    # nothing of the machine that it was made on
    data = small[1].read_bytes()
    assert b'site-packages' not in data and str(ROOT).encode() not in data
    # without further settings, also with a width and height that are not its own
    ours = OnnxDetector(DetectorSettings(
        type='onnx', weights=str(small[1]), classes=('dog',), score_floor=0.01), 'cpu')
    assert ours.layout == 'ssd_pixels' and ours.class_names == ('person', 'car', 'dog')
    assert set(ours.detect(disks())[0].labels.tolist()) <= {2}


@pytest.mark.parametrize('voting', [True, False])
def test_real_images_give_the_same_boxes(real, voting):
    frames = people()
    if not frames:
        pytest.skip('neither Penn-Fudan nor the sample video is there')
    assert compare(frames, real, 0.1, box_voting=voting) > 20 * len(frames)


def test_a_made_image_and_all_classes_give_the_same_boxes(real):
    assert compare(disks(), real, 0.03, classes=()) > 10


@pytest.mark.parametrize('words, complaint', [
    (['-o', 'x.pb'], 'x.pb must end in .onnx'),
    (['-o', 'none/x.onnx'], 'the folder none does not exist'),
    (['-o', 'x.onnx', '--width', '5'], 'detector.width is 5; it must lie in [64, 4096]'),
    (['-o', 'x.onnx', '--classes', 'persn'], "has 'persn', which is no class of the detector"),
    (['-o', 'x.onnx', '--weights', 'none.safetensors'], 'neither a name in the manifest')])
def test_wrong_options_are_named(tmp_path, monkeypatch, capsys, words, complaint):
    monkeypatch.chdir(tmp_path)
    assert cli.main(['export', *words]) == 2
    assert complaint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_its_packages_one_sentence_says_how_to_get_them(
        tmp_path, monkeypatch, capsys, random_weights):
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    path = tmp_path / 'x.onnx'
    assert cli.main(['export', '-o', str(path), '--weights', str(random_weights)]) == 2
    assert 'pip install onnx onnxscript' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
