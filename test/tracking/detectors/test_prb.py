# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import dataclasses

import numpy as np
import pytest
import torch

from mot_ros.tracking.checkpoints import pinned as weights_import
from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors import prb as module
from mot_ros.tracking.detectors.classes import COCO_NAMES
from mot_ros.tracking.detectors.prb import fit_into, PrbDetector
from mot_ros.tracking.errors import ConfigError, FrameError, WeightsError
from mot_ros.tracking.types import Frame
from test.tracking.detectors.prb_rows import NARROW, random_network


def write(path, network, metadata=None):
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    path.write_bytes(weights_import.serialize(arrays, metadata or {}))
    return path


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Return files of networks of 1, 3 and 80 classes."""
    folder = tmp_path_factory.mktemp('weights')
    return {count: write(folder / f'{count}.safetensors', random_network(count), metadata)
            for count, metadata in ((1, {}), (3, {'names': '["person", "car", "dog"]'}), (80, {}))}


def settings(path, **values):
    return dataclasses.replace(
        DetectorSettings(weights=str(path)),
        **{'width': 192, 'height': 128, 'box_voting': False, 'classes': (), **values})


def detector(path, **values):
    return PrbDetector(settings(path, **values), 'cpu', NARROW)


def image(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    return Frame.of(pixels, 0.0)


class Said:
    """Stands for the network: gives what it is told, and keeps the images."""

    def __init__(self, boxes, objectness, classes):
        self.answer = (torch.tensor([boxes]).float(), torch.tensor([objectness]),
                       torch.tensor([classes]))

    def __call__(self, images):
        self.images = images
        return self.answer


def scripted(path, boxes, objectness, probabilities, **values):
    ours = detector(path, **values)
    ours._network = Said(boxes, objectness, probabilities)
    return ours


# where the image lies

@pytest.mark.parametrize('size, limit, canvas, corner, inner', [
    ((1920, 1080), (1280, 1280), (1280, 768), (0, 24), (1280, 720)),
    ((1280, 720), (1280, 1280), (1280, 768), (0, 24), (1280, 720)),
    ((1080, 1920), (1280, 1280), (768, 1280), (24, 0), (720, 1280)),
    ((640, 640), (1280, 1280), (1280, 1280), (0, 0), (1280, 1280)),
    # 1280 / 768 px is scaled to 1280 x 960 whole: nothing is added
    ((768, 576), (1280, 1280), (1280, 960), (0, 0), (1280, 960)),
    # 37 rows are missing: 18 above, 19 below
    ((1000, 795), (1280, 1280), (1280, 1024), (0, 3), (1280, 1018)),
    ((1000, 713), (1280, 1280), (1280, 960), (0, 23), (1280, 913)),
    ((1, 4000), (128, 128), (64, 128), (31, 0), (1, 128))])
def test_letterbox(size, limit, canvas, corner, inner):
    found, placement = fit_into(size, limit)
    assert found == canvas
    assert (placement.left, placement.top) == corner
    assert (placement.width, placement.height) == inner


def test_letterbox_is_yolos():
    """Compare with its formula, with remainder and two roundings, on many sizes."""
    for width in range(20, 2000, 83):
        for height in range(20, 1500, 71):
            ratio = min(1280 / width, 1280 / height)
            new = max(1, round(width * ratio)), max(1, round(height * ratio))
            across, down = ((1280 - side) % 64 / 2 for side in new)
            left, right = round(across - 0.1), round(across + 0.1)
            top, bottom = round(down - 0.1), round(down + 0.1)
            canvas, placement = fit_into((width, height), (1280, 1280))
            assert canvas == (new[0] + left + right, new[1] + top + bottom)
            assert (placement.left, placement.top) == (left, top)
            assert canvas[0] % 64 == canvas[1] % 64 == 0


def test_the_network_gets_rgb_from_0_to_1_on_grey(files):
    ours = scripted(files[1], [[0, 0, 1, 1]], [0.0], [[1.0]], width=130, height=100)
    ours.detect([Frame.of(np.full((50, 100, 3), (255, 51, 102), np.uint8), 0.0)])
    # 130 x 100 goes up to 192 x 128, in which the image is 192 x 96
    images = ours._network.images
    assert images.shape == (1, 3, 128, 192) and images.dtype == torch.float32
    assert torch.allclose(images[0, :, 64, 90], torch.tensor([0.4, 0.2, 1.0]))
    assert torch.allclose(images[0, :, :16], torch.tensor(114 / 255))
    assert torch.allclose(images[0, :, 112:], torch.tensor(114 / 255))


# what comes out

def test_boxes_come_back_to_the_image(files):
    # 384 x 192 is shrunk to a half, with 16 rows of grey above
    ours = scripted(files[1], [[10, 26, 20, 56], [-8, 0, 90, 200]], [0.9, 0.5], [[0.1], [0.2]])
    found = ours.detect([image(384, 192)])[0]
    assert found.boxes.tolist() == [[20, 20, 40, 80], [0, 0, 180, 192]]
    assert np.allclose(found.scores, [0.9, 0.5]) and found.labels.tolist() == [0, 0]


def test_of_one_class_objectness_is_the_score_of_more_the_product(files):
    boxes = [[0, 0, 30, 30], [50, 50, 80, 90]]
    one = scripted(files[1], boxes, [0.8, 0.6], [[0.01], [0.5]])
    assert np.allclose(one.detect([image(192, 128)])[0].scores, [0.8, 0.6])
    three = scripted(
        files[3], boxes, [0.8, 0.6], [[0.2, 0.5, 0.1], [0.9, 0.1, 0.8]])
    found = three.detect([image(192, 128)])[0]
    assert np.allclose(found.scores, [0.54, 0.4]) and found.labels.tolist() == [0, 1]


def test_a_box_has_its_best_class_alone_even_if_another_is_wanted(files):
    said = ([[0, 0, 30, 30], [50, 50, 80, 90]], [0.8, 0.6], [[0.6, 0.5, 0.1], [0.1, 0.1, 0.8]])
    found = scripted(files[3], *said).detect([image(192, 128)])[0]
    assert found.labels.tolist() == [0, 2]
    some = scripted(files[3], *said, classes=('car', 'dog'))
    found = some.detect([image(192, 128)])[0]
    assert found.labels.tolist() == [2] and some.class_names == ('person', 'car', 'dog')
    with pytest.raises(ConfigError, match=r"detector\.classes has 'cow'"):
        detector(files[3], classes=('cow',))


def test_suppression_is_within_a_class_and_by_the_settings(files):
    # overlaps of .8 and more
    boxes = [[0, 0, 100, 100], [0, 0, 100, 90], [0, 0, 90, 100]]
    classes = [[0.9, 0.1, 0.1], [0.9, 0.1, 0.1], [0.1, 0.9, 0.1]]
    said = (boxes, [1.0, 0.9, 0.8], classes)
    assert detector_labels(scripted(files[3], *said, nms_iou=0.7)) == [0, 1]
    assert detector_labels(scripted(files[3], *said, nms_iou=0.95)) == [0, 0, 1]
    assert detector_labels(scripted(files[3], *said, score_floor=0.75)) == [0]
    assert detector_labels(scripted(files[3], *said, nms_iou=0.95, max_detections=2)) == [0, 0]


def detector_labels(ours):
    return ours.detect([image(192, 128)])[0].labels.tolist()


def test_what_a_damaged_network_gives_is_left_out(files):
    nan, inf = float('nan'), float('inf')
    ours = scripted(
        files[1], [[0, 0, nan, 9], [0, 0, inf, 9], [9, 9, 5, 20], [1, 1, 9, 9], [2, 2, 8, 8]],
        [0.9, 0.9, 0.9, nan, 0.5], [[1.0]] * 5)
    found = ours.detect([image(192, 128)])[0]
    assert found.boxes.tolist() == [[2, 2, 8, 8]]


def test_the_real_network_runs_on_frames_of_several_sizes(files):
    ours = detector(files[80], score_floor=0.01)
    frames = [image(384, 192), image(100, 300, 1)]
    together = ours.detect(frames)
    assert all(len(found) > 0 for found in together)
    for frame, found in zip(frames, together, strict=True):
        alone = ours.detect([frame])[0]
        assert np.array_equal(found.boxes, alone.boxes)
        assert found.boxes.min() >= 0 and (found.boxes.max(0)[2:] <= frame.size).all()
    assert ours.detect([]) == []
    ours.warm_up()
    with pytest.raises(FrameError, match='has no image'):
        ours.detect([Frame(None, 0.0, (4, 4))])


def test_the_detector_says_what_the_network_says(files):
    ours = detector(files[1], score_floor=0.01, nms_iou=1.0, max_detections=10000)
    frame = image(192, 128)
    found = ours.detect([frame])[0]
    pixels = torch.from_numpy(frame.image[..., ::-1].copy()).permute(2, 0, 1)[None] / 255
    boxes, objectness, _ = random_network(1)(pixels)
    inside = (boxes[0, :, 0] < 192) & (boxes[0, :, 1] < 128) & (boxes[0, :, 2:] > 0).all(1)
    expected = objectness[0][inside & (objectness[0] >= 0.01)].sort(descending=True).values
    assert np.allclose(found.scores, expected.numpy(), atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs CUDA')
def test_a_gpu_agrees_with_the_cpu(files):
    ours = PrbDetector(settings(files[1], score_floor=0.2), 'cuda', NARROW)
    theirs = detector(files[1], score_floor=0.2)
    frame = image(384, 192)
    found, expected = ours.detect([frame])[0], theirs.detect([frame])[0]
    assert abs(len(found) - len(expected)) <= max(2, len(expected) // 20)
    assert np.allclose(found.scores[:5], expected.scores[:5], atol=0.02)


# names and files

def test_classes_are_named_by_the_file_or_by_their_number(files, tmp_path):
    assert detector(files[1]).class_names == ('person',)
    assert detector(files[80]).class_names == COCO_NAMES
    assert detector(files[3]).class_names == ('person', 'car', 'dog')
    unnamed = write(tmp_path / 'unnamed.safetensors', random_network(2))
    with pytest.warns(UserWarning, match='does not name its 2 classes'):
        assert detector(unnamed).class_names == ('class_0', 'class_1')
    names = tmp_path / 'names.txt'
    names.write_text('cat\ncow\n')
    assert detector(unnamed, names=str(names)).class_names == ('cat', 'cow')
    one = write(tmp_path / 'one.safetensors', random_network(1), {'names': '["face"]'})
    assert detector(one).class_names == ('face',)


def test_a_checkpoint_of_plain_tensors_does_too(files, tmp_path):
    file = tmp_path / 'plain.pt'
    torch.save({'model': random_network(1).state_dict()}, file)
    frame = image(192, 128)
    assert np.array_equal(
        detector(file).detect([frame])[0].boxes, detector(files[1]).detect([frame])[0].boxes)


def test_weights_of_another_network_are_named(tmp_path, files):
    other = tmp_path / 'other.safetensors'
    other.write_bytes(weights_import.serialize({'conv.weight': np.zeros(3, np.float32)}, {}))
    with pytest.raises(WeightsError, match=r'other\.safetensors: no tensor is called model'):
        detector(other)
    with pytest.raises(WeightsError, match=r'1\.safetensors does not hold this network'):
        PrbDetector(settings(files[1]), 'cpu')


def test_settings_choose_it(monkeypatch, files):
    made = []

    class Recorder:
        def __init__(self, wanted, device, compute):
            made.append((wanted.weights, device, compute.precision))

    monkeypatch.setattr(module, 'PrbDetector', Recorder)
    values = {'detector.type': 'prb', 'detector.weights': str(files[1]), 'device': 'cpu',
              'precision': 'bfloat16'}
    make_detector(build(Settings, values))
    assert made == [(str(files[1]), 'cpu', 'bfloat16')]


def test_it_computes_in_the_numbers_of_the_settings(files):
    frame = image(192, 128)
    exact, half = (
        PrbDetector(settings(files[1], score_floor=0.0), 'cpu', NARROW, Compute(precision))
        for precision in ('float32', 'bfloat16'))
    one, other = exact.detect([frame])[0], half.detect([frame])[0]
    assert other.boxes.dtype == other.scores.dtype == np.float32
    assert len(other) > 0
    assert 0 < np.abs(one.scores[:5] - other.scores[:5]).max() < 0.05
