# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""With `backend: onnx` our networks run in onnxruntime, and see what they see in torch."""

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

from mot_ros.ros.pipeline.engine import Engine
from mot_ros.tracking.appearance.factory import make_embedder
from mot_ros.tracking.appearance.slm_onnx import OnnxSlmEmbedder
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.onnx_file.detector import OnnxDetector
from mot_ros.tracking.detectors.rcnn.detector_onnx import OnnxRcnnDetector
from mot_ros.tracking.detectors.ssd.mobilenet_onnx import OnnxSsdDetector
from mot_ros.tracking.errors import ConfigError, FrameError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.methods.siammot.template_memory import emm_options, imm_options
from mot_ros.tracking.nets.slm.variants import make_slm
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights
from test.tracking.detectors.onnx_file.onnx_files import write_constant

PETS = weights.cache_root().parent / 'videos' / 'vtest.avi'
SEEN = {'rcnn.short_side': 384, 'rcnn.long_side': 640}
"""Settings with which networks are quick and still find the people of PETS."""


@pytest.fixture(scope='module', autouse=True)
def cache(tmp_path_factory):
    """Let the graphs of this module lie in a folder of their own."""
    folder = tmp_path_factory.mktemp('cache')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(folder))
        yield folder / 'mot_ros' / 'onnx'


@pytest.fixture(scope='module')
def frames():
    """Return 30 frames of PETS."""
    if not PETS.is_file():
        pytest.skip(f'{PETS} is not there: run scripts/setup, which puts it there')
    capture = cv2.VideoCapture(str(PETS))
    return [Frame.of(capture.read()[1], index / 10) for index in range(30)]


def settings_of(backend, **values):
    return build(Settings, {
        'backend': backend, 'device': 'cpu',
        **{name.replace('__', '.'): value for name, value in values.items()}})


def both(**values):
    """Return the detector of the same settings with either backend."""
    return [make_detector(settings_of(backend, **values)) for backend in ('torch', 'onnx')]


def close(found, wanted, tolerance):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=0, atol=tolerance)


# whole trackers

@pytest.mark.parametrize('method, values', [
    ('bytetrack', {'detector__type': 'ssd'}),
    ('smiletrack', {'detector__type': 'ssd', 'appearance__type': 'slm'}),
    ('smot', {}), ('tracktor', SEEN), ('siammot', SEEN),
    ('siammot', {**SEEN, 'rcnn.weights': 'siammot-small-imm'})])
def test_the_same_tracks_come_out(frames, method, values):
    tracks = []
    for backend in ('torch', 'onnx'):
        settings = settings_of(backend, method=method, **values)
        tracker = make_tracker(settings, make_detector(settings))
        tracks.append([tracker.update(Frame.of(frame.image, frame.stamp)) for frame in frames])
    for ours, theirs in zip(*tracks, strict=True):
        assert ours.ids.tolist() == theirs.ids.tolist()
        assert ours.labels.tolist() == theirs.labels.tolist()
        close(theirs.boxes, ours.boxes, 0.05)
        close(theirs.scores, ours.scores, 1e-3)
    assert sum(len(found) for found in tracks[0]) > 60
    assert len({identity for found in tracks[0] for identity in found.ids}) > 2


# networks, with their own weights and real images

@pytest.mark.parametrize('width, height', [(1024, 768), (480, 256)])
def test_every_anchor_of_the_ssd_is_the_same(frames, width, height):
    ours, theirs = both(detector__type='ssd', detector__width=width, detector__height=height)
    assert isinstance(theirs, OnnxSsdDetector) and theirs.provider == 'CPU'
    some = frames[::12]
    wanted, found = ours.raw(some), theirs.raw(some)
    close(found.boxes, wanted.boxes, 0.01)
    close(found.scores, wanted.scores, 1e-4)
    close(found.anchors, wanted.anchors, 0)
    for one, other in zip(ours.detect(some), theirs.detect(some), strict=True):
        close(other.boxes, one.boxes, 0.01)
        assert len(one) > 1


@pytest.mark.parametrize('count', [1, 3, 9])
def test_images_go_through_the_graph_together(frames, count):
    theirs = make_detector(settings_of(
        'onnx', detector__type='ssd', detector__width=480, detector__height=256))
    images = theirs._images(frames[:count])
    together = theirs._network(images)
    alone = [theirs._network(image[None]) for image in images]
    for whole, *parts in zip(together, *alone, strict=True):
        close(whole, torch.cat(parts), 1e-4)


@pytest.fixture(scope='module', params=['small', 'code', 'article'])
def slm(request, tmp_path_factory):
    """Return weights of each variant: the shipped ones, else some that are nobody's."""
    if request.param == 'small':
        return 'slm-small'
    torch.manual_seed(4)
    path = tmp_path_factory.mktemp('slm') / f'{request.param}.safetensors'
    network = make_slm(request.param)
    safetensors.torch.save_file(network.state_dict(), path)
    return str(path)


def test_embeddings_of_any_number_of_crops_are_the_same(frames, slm):
    ours, theirs = (
        make_embedder(settings_of(backend, appearance__type='slm', appearance__weights=slm))
        for backend in ('torch', 'onnx'))
    assert isinstance(theirs, OnnxSlmEmbedder) and theirs.provider == 'CPU'
    random = np.random.default_rng(2)
    corners = random.uniform(0, 500, (70, 2))
    boxes = np.concatenate([corners, corners + random.uniform(9, 200, (70, 2))], 1)
    for count in (0, 1, 5, 70):
        some = boxes[:count].astype(np.float32)
        wanted = ours.embed(frames[3], some)
        close(theirs.embed(frames[3], some), wanted, 1e-4)
    # they do tell one crop from another
    assert (wanted @ wanted.T).min() < 0.99


@pytest.fixture(scope='module', params=['siammot-small', 'siammot-small-imm'])
def sights(request, frames):
    """Return what both backends see in two frames, and their motion models with options."""
    settings = settings_of('torch', method='siammot', **SEEN)
    ours, theirs = both(method='siammot', **{**SEEN, 'rcnn.weights': request.param})
    options = (imm_options if request.param.endswith('imm') else emm_options)(settings.siammot)
    return [
        ([detector.see(frame) for frame in (frames[0], frames[4])], detector.motion, options)
        for detector in (ours, theirs)]


def boxes_of(count):
    """Return boxes (count, 4) in the image, over its border and outside."""
    random = np.random.default_rng(count)
    sides = np.exp(random.uniform(2, 5.5, (count, 2)))
    corners = random.uniform([-40, -40], [780, 580], (count, 2))
    return np.concatenate([corners, corners + sides], 1).astype(np.float32)


def test_detections_are_the_same(sights):
    (ours, *_), (theirs, *_) = sights
    for one, other in zip(ours, theirs, strict=True):
        assert other.size == (512, 384)
        for level, own in zip(one.features[:4], other.features, strict=True):
            close(own, level, 1e-3)
        wanted, found = one.detections(), other.detections()
        close(found.boxes, wanted.boxes, 0.01)
        close(found.scores, wanted.scores, 1e-4)
        assert len(wanted) > 1


@pytest.mark.parametrize('count', [0, 1, 7, 300])
def test_boxes_are_judged_alike(sights, count):
    (ours, *_), (theirs, *_) = sights
    boxes, labels = boxes_of(count), np.zeros(count, np.int64)
    wanted, found = (sight.judge(boxes, labels) for sight in (ours[0], theirs[0]))
    close(found[0], wanted[0], 0.01)
    close(found[1], wanted[1], 1e-4)


@pytest.mark.parametrize('count', [1, 7, 40])
def test_any_number_of_tracks_is_found_alike(sights, count):
    results = []
    for (first, second), motion, options in sights:
        boxes = first.inward(boxes_of(count))
        with torch.inference_mode():
            memory = motion.remember(first.features, boxes, options)
            results.append(motion.search(second.features, memory, options))
    (wanted, visibility), (found, seen) = results
    close(found, wanted, 0.01)
    close(seen, visibility, 1e-4)


# what is made when, and where

def test_graphs_of_each_size_are_made_once(frames, cache):
    detector = make_detector(settings_of('onnx', method='tracktor', **SEEN))
    assert isinstance(detector, OnnxRcnnDetector) and detector.provider == ''
    before = set(cache.glob('*'))
    small = Frame.of(np.ascontiguousarray(frames[0].image[:, :300]), 0.0)
    width, height = detector.see(small).size
    detector.detect([small])
    new = set(cache.glob('*')) - before
    assert sorted(path.name.rpartition('-')[0] for path in new) == [
        f'siammot-boxes-{width}x{height}', f'siammot-image-{width}x{height}']
    assert detector.provider == 'CPU'
    again = make_detector(settings_of('onnx', method='tracktor', **SEEN))
    again.detect([small])
    assert set(cache.glob('*')) == before | new


@pytest.mark.parametrize('method', ['siammot', 'bytetrack'])
def test_the_backend_can_change_between_two_frames(frames, method):
    values = {'method': method, **SEEN}
    engine = Engine(settings_of('torch', **values), make_detector, make_tracker)
    assert engine.device == 'cpu'
    for frame in frames[:3]:
        before = engine.tracker.update(frame).ids.tolist()
    engine.configure(settings_of('onnx', **values))
    assert engine.device == 'cpu, onnxruntime CPU'
    for frame in frames[3:6]:
        after = engine.tracker.update(frame).ids.tolist()
    # templates of the one are not looked for in features of the other
    if method == 'siammot':
        assert before and min(after) > max(before)
    else:
        assert before and set(before) <= set(after)


def test_a_frame_without_image_costs_that_frame():
    detector = make_detector(settings_of('onnx', method='tracktor', **SEEN))
    with pytest.raises(FrameError):
        detector.detect([Frame(None, 0.0, (64, 64))])


@pytest.mark.parametrize('kind', ['prb', 'gluon_ssd'])
def test_a_detector_without_export_is_refused(kind):
    with pytest.raises(ConfigError, match=f'no export of detector.type {kind}: set backend to to'):
        make_detector(settings_of('onnx', detector__type=kind))


def test_a_file_of_ones_own_runs_in_onnxruntime_anyway(tmp_path):
    path = write_constant(
        Path(tmp_path / 'net.onnx'), {'scores': np.zeros((1, 9, 2)), 'boxes': np.zeros((1, 9, 4))},
        (1, 3, 64, 64), {'names': "['a', 'b']"})
    made = make_detector(settings_of(
        'onnx', detector__type='onnx', detector__weights=str(path), detector__layout='ssd',
        detector__pixels='unit', detector__names='', detector__classes=()))
    assert isinstance(made, OnnxDetector)


def test_no_detector_needs_no_onnxruntime(monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    make_detector(settings_of('onnx', detector__type='external'))
    with pytest.raises(ConfigError, match='backend onnx needs onnxruntime'):
        make_detector(settings_of('onnx', detector__type='ssd'))
