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
from mot_ros.tracking.detectors.ssd.mobilenet_onnx import OnnxSsdDetector
from mot_ros.tracking.errors import ConfigError, FrameError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.nets.slm.variants import make_slm
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights
from test.tracking.detectors.onnx_file.onnx_files import write_constant

PETS = weights.cache_root().parent / 'videos' / 'vtest.avi'

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
        'backend': backend, 'device': 'cpu', 'detector.calibration': 'none',
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
    ('smot', {})])
def test_the_same_tracks_come_out(frames, method, values):
    tracks = []
    for backend in ('torch', 'onnx'):
        settings = settings_of(backend, method=method, **values)
        tracker = make_tracker(settings, make_detector(settings))
        tracks.append([
            tracker.update(Frame.of(frame.image, frame.stamp)) for frame in frames[:15]])
    for ours, theirs in zip(*tracks, strict=True):
        assert ours.ids.tolist() == theirs.ids.tolist()
        assert ours.labels.tolist() == theirs.labels.tolist()
        close(theirs.boxes, ours.boxes, 0.05)
        close(theirs.scores, ours.scores, 1e-3)
    assert sum(len(found) for found in tracks[0]) > 30
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


# what is made when, and where

def test_graphs_of_each_size_are_made_once(frames, cache):
    values = {'detector__type': 'ssd', 'detector__width': 320, 'detector__height': 192}
    before = set(cache.glob('*'))
    detector = make_detector(settings_of('onnx', **values))
    assert isinstance(detector, OnnxSsdDetector)
    found = detector.detect(frames[:1])
    new = set(cache.glob('*')) - before
    assert [path.name.rpartition('-')[0] for path in new] == ['ssd-320x192']
    again = make_detector(settings_of('onnx', **values))
    close(again.detect(frames[:1])[0].boxes, found[0].boxes, 0)
    assert set(cache.glob('*')) == before | new


def test_the_backend_can_change_between_two_frames(frames):
    values = {'method': 'bytetrack'}
    engine = Engine(settings_of('torch', **values), make_detector, make_tracker)
    assert engine.device == 'cpu'
    for frame in frames[:3]:
        before = engine.tracker.update(frame).ids.tolist()
    engine.configure(settings_of('onnx', **values))
    assert engine.device == 'cpu, onnxruntime CPU'
    for frame in frames[3:6]:
        after = engine.tracker.update(frame).ids.tolist()
    assert before and set(before) <= set(after)


def test_a_frame_without_image_costs_that_frame():
    detector = make_detector(settings_of('onnx', detector__type='ssd'))
    with pytest.raises(FrameError):
        detector.detect([Frame(None, 0.0, (64, 64))])


@pytest.mark.parametrize('values', [
    {'method': 'siammot'}, {'method': 'tracktor'}, {'detector__type': 'rcnn'},
    {'method': 'siammot', 'detector__type': 'external'}])
def test_a_faster_rcnn_is_refused(values):
    settings = settings_of('onnx', **values)
    with pytest.raises(ConfigError, match='runs in torch alone: set backend to torch'):
        make_tracker(settings, make_detector(settings))


def test_a_refused_backend_changes_nothing(frames):
    engine = Engine(settings_of('torch', method='tracktor'), make_detector, make_tracker)
    before = engine.tracker.update(frames[0]).ids.tolist()
    with pytest.raises(ConfigError, match='runs in torch alone'):
        engine.configure(settings_of('onnx', method='tracktor'))
    assert before and engine.tracker.update(frames[1]).ids.tolist()[:1] == before[:1]


@pytest.mark.parametrize('kind', ['prb', 'gluon_ssd'])
def test_a_detector_without_export_is_refused(kind):
    with pytest.raises(ConfigError, match=f'detector.type {kind} runs in torch alone: set bac'):
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
