# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The SSD with everything on the device, against the SSD whose shapes follow from the image."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.postprocess import selection_fixed as fixed_selection
from mot_ros.tracking.detectors.postprocess.selection_fixed import CONVERGED
from mot_ros.tracking.detectors.ssd import on_device as resident
from mot_ros.tracking.detectors.ssd.mobilenet import SsdDetector
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights
from test.tracking.methods.replays import downloads, Replayed
from test.tracking.waiting import no_waiting

ROOT = Path(__file__).resolve().parents[4]
PENN_FUDAN = ROOT.parent / 'shared' / 'data' / 'PennFudanPed'
PETS = weights.cache_root().parent / 'videos' / 'vtest.avi'
WEIGHTS = 'ssd-mobilenetv3-coco'
SETUP = 'run scripts/setup, which puts it there'


@pytest.fixture(scope='module', autouse=True)
def imported():
    path = weights.cache_root() / weights.MANIFEST[WEIGHTS].file
    if not path.is_file():
        pytest.skip(f'{path} is not there: {SETUP}')


@pytest.fixture(scope='module')
def images():
    """Return photographs of several sizes with people in them."""
    files = sorted((PENN_FUDAN / 'images').glob('*.jpg'))[::80]
    found = [cv2.imread(str(file)) for file in files]
    if PETS.is_file():
        capture = cv2.VideoCapture(str(PETS))
        for index in range(40):
            assert capture.grab()
            if index % 20 == 0:
                found.append(capture.retrieve()[1])
    if not found:
        pytest.skip('neither Penn-Fudan nor the sample video is there')
    return found


def detector(size=(320, 256), device='cpu', fixed=True, **values):
    wanted = {'weights': WEIGHTS, **values}
    return SsdDetector(
        DetectorSettings(width=size[0], height=size[1], **wanted), device, fixed=fixed)


def frames_of(images):
    return [Frame.of(image, float(number)) for number, image in enumerate(images)]


def assert_same(found, expected, boxes=1e-3, scores=1e-5):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert len(one) == len(other)
        np.testing.assert_allclose(one.boxes, other.boxes, atol=boxes)
        np.testing.assert_allclose(one.scores, other.scores, atol=scores)
        np.testing.assert_array_equal(one.labels, other.labels)


@pytest.mark.parametrize('values', [
    {}, {'box_voting': False}, {'classes': (), 'score_floor': 0.05},
    {'classes': ('car', 'person', 'dog'), 'nms_iou': 0.7, 'score_floor': 0.02},
    {'resize': 'letterbox'}, {'resize': 'corner', 'classes': ()}, {'max_detections': 3}])
def test_detections_are_those_of_open_shapes(images, values):
    expected = detector(fixed=False, **values).detect(frames_of(images))
    assert sum(map(len, expected)) >= 2 * len(images)
    # in one batch, of several sizes, and one by one
    ours = detector(**values)
    assert_same(ours.detect(frames_of(images)), expected)
    assert_same([ours.detect([frame])[0] for frame in frames_of(images)], expected)


@pytest.mark.parametrize('shape', [(576, 768), (1, 1), (3, 1000), (2000, 2)])
def test_images_of_any_shape_give_the_same(shape):
    image = np.random.default_rng(3).integers(0, 256, (*shape, 3)).astype(np.uint8)
    some = [Frame.of(image, 0.0)]
    for resize in ('stretch', 'letterbox'):
        values = {'size': (128, 96), 'classes': (), 'score_floor': 0.01, 'resize': resize}
        assert_same(detector(**values).detect(some), detector(fixed=False, **values).detect(some))


def test_raw_outputs_are_those_of_open_shapes(images):
    ours, open_shapes = detector(classes=()), detector(classes=(), fixed=False)
    found, raw = ours.detect_densely(frames_of(images[:3]))
    assert_same(found, ours.detect(frames_of(images[:3])), 0, 0)
    _, expected = open_shapes.detect_densely(frames_of(images[:3]))
    torch.testing.assert_close(raw.scores, expected.scores, atol=1e-5, rtol=0)
    torch.testing.assert_close(raw.boxes, expected.boxes, atol=1e-2, rtol=1e-5)
    assert torch.equal(raw.anchors, expected.anchors)
    assert torch.equal(raw.labels, expected.labels)


def test_what_suppression_leaves_open_is_found_out(images, monkeypatch):
    expected = detector().detect(frames_of(images))
    for name in ('ROUNDS', 'MOST_CANDIDATES'):
        with monkeypatch.context() as patch:
            patch.setattr(fixed_selection, name, 1)
            ours = detector()
            with torch.inference_mode():
                tables = ours._on_device.run(frames_of(images), '').tables
            assert not tables[:, :, CONVERGED].all()
            assert_same(ours.detect(frames_of(images)), expected)


def test_one_download_brings_the_detections_of_all_frames(images):
    ours = detector()
    with downloads() as counted:
        found = ours.detect(frames_of(images))
    assert sum(map(len, found)) > 0 and counted.count == 1
    with downloads() as counted:
        ours.detect_densely(frames_of(images[:1]))
    assert counted.count == 1


@pytest.mark.parametrize('resize', ['stretch', 'letterbox'])
@pytest.mark.parametrize('voting', [True, False])
def test_nothing_synchronises_before_the_download(images, resize, voting):
    ours = detector(resize=resize, box_voting=voting)
    # what is the same for all frames of a size is brought once
    ours.detect(frames_of(images[:2]))
    others = frames_of([image[::-1].copy() for image in images[:2]])
    with torch.inference_mode():
        for frame in others:
            ours._on_device._uploads.fetch(frame)
        with no_waiting():
            ours._on_device.run(others, '')
            ours._on_device.anchors(others)


def test_an_image_that_is_there_already_is_not_brought_again(images):
    ours, (frame,) = detector(), frames_of(images[:1])
    resident.Uploads(torch.device('cpu')).prefetch(frame)
    kept, = frame.copies.values()
    ours.detect([frame])
    assert list(frame.copies.values()) == [kept]


def test_replays_that_use_their_memory_again_change_nothing(images, monkeypatch):
    expected = detector(fixed=False).detect(frames_of(images))
    monkeypatch.setattr(resident, 'CudaGraph', Replayed)
    ours = detector()
    assert_same(ours.detect(frames_of(images)), expected)
    first, raw = ours.detect_densely(frames_of(images[:1]))
    kept = [column.clone() for column in (raw.scores, raw.boxes, raw.anchors)]
    assert_same([ours.detect([frame])[0] for frame in frames_of(images)], expected)
    assert_same(first, expected[:1])
    assert all(torch.equal(now, before) for now, before in zip(
        (raw.scores, raw.boxes, raw.anchors), kept, strict=True))
    # the network once per number of images, whatever their sizes
    assert ours._on_device._graph.recorded == len({1, len(images)})
    assert ours._on_device._lay.recorded == len({image.shape for image in images})


@pytest.mark.parametrize('image, complaint', [
    (None, 'has no image, and this detector needs one'),
    (np.zeros((4, 4, 3), np.float32), 'is of type float32')])
def test_a_frame_without_usable_image_is_refused(image, complaint):
    with pytest.raises(FrameError, match=complaint):
        detector().detect([Frame(image, 0.0, (4, 4))])


def test_a_network_that_gives_nan_gives_no_boxes(images):
    ours = detector()
    for tensor in ours._network.parameters():
        tensor.fill_(torch.nan)
    found, _ = ours.detect_densely(frames_of(images[:1]))
    assert len(found[0]) == 0
    assert ours.detect([]) == []


def test_the_cpu_keeps_open_shapes_if_nothing_is_said():
    assert detector(fixed=None)._on_device is None


# on a GPU

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')


@gpu
@pytest.mark.parametrize('graphs', [True, False])
def test_a_gpu_gives_what_the_cpu_gives(images, graphs):
    from mot_ros.tracking.config.compute import Compute

    here = detector(score_floor=0.3)
    there = SsdDetector(
        DetectorSettings(width=320, height=256, weights=WEIGHTS, score_floor=0.3), 'cuda',
        Compute(graphs=graphs))
    there.warm_up()
    expected = here.detect(frames_of(images))
    assert_same(there.detect(frames_of(images)), expected, 0.2, 1e-3)
    for _ in range(2):
        found = [there.detect([frame])[0] for frame in frames_of(images)]
        assert_same(found, expected, 0.2, 1e-3)


@gpu
@pytest.mark.parametrize('resize', ['stretch', 'letterbox'])
def test_a_gpu_is_not_waited_for(images, resize):
    ours = detector(device='cuda', fixed=None, resize=resize)
    ours.detect(frames_of(images[:1]))
    expected = ours.detect(frames_of(images[:1]))
    frames = frames_of(images[:1])
    mode = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode('error')
    try:
        with torch.inference_mode():
            seen = ours._on_device.run(frames, '')
    finally:
        torch.cuda.set_sync_debug_mode(mode)
    assert_same(ours._read_tables(frames, seen), expected, 0, 0)


@gpu
def test_memory_of_a_gpu_does_not_grow(images):
    ours = detector(device='cuda', fixed=None)
    held = []
    for _ in range(30):
        ours.detect(frames_of(images[:1]))
        held.append(torch.cuda.memory_allocated())
    assert held[-1] <= held[10]
