# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A Faster R-CNN and its tracks in fixed shapes: the same as without, and nobody waits."""

import dataclasses
import gc
from types import SimpleNamespace
import weakref

import cv2
import numpy as np
import pytest
import torch

from mot_ros.tracking.config import RcnnSettings, Settings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.config.methods.siammot import SiamMotSettings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors.rcnn import graphs as rcnn_graphs
from mot_ros.tracking.detectors.rcnn import roi_heads_fixed
from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.methods import make_method
from mot_ros.tracking.methods.siammot.rcnn_frontend import RcnnFrontend
from mot_ros.tracking.methods.siammot.template_memory import (
    emm_options,
    imm_options,
    TemplateMemory,
)
from mot_ros.tracking.nets.ops import nms as nms_module
from mot_ros.tracking.runtime import padding as buckets
from mot_ros.tracking.types import Detections, Frame
from mot_ros.tracking.weights import store as weights
from test.tracking.waiting import no_waiting

PETS = weights.cache_root().parent / 'videos' / 'vtest.avi'
EMM, IMM = 'siammot-small', 'siammot-small-imm'
OPTIONS = {EMM: emm_options(SiamMotSettings()), IMM: imm_options(SiamMotSettings())}
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')


@pytest.fixture(scope='module')
def frames():
    """Return every fifth frame of the first 20 s of PETS09-S2L1."""
    if not PETS.is_file():
        pytest.skip(f'{PETS} is not there: run scripts/setup, which puts it there')
    capture, found = cv2.VideoCapture(str(PETS)), []
    for number in range(200):
        assert capture.grab()
        if number % 5 == 0:
            found.append(Frame.of(capture.retrieve()[1], number / 10))
    return found


def detector(
        name=EMM, fixed=True, device='cpu', graphs=True, precision='float32', **values):
    return RcnnDetector(
        RcnnSettings(weights=name, **values), device, compute=Compute(precision, graphs),
        fixed=fixed)


@pytest.fixture(scope='module')
def both():
    """Return the same detector in fixed shapes and without."""
    return detector(), detector(fixed=False)


def assert_same(found, expected, least=1):
    assert len(found) == len(expected) >= least
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)


def test_the_same_objects_are_found(both, frames):
    fixed, dynamic = both
    for frame in frames[::8]:
        assert_same(fixed.detect([frame])[0], dynamic.detect([frame])[0], 10)


@pytest.mark.parametrize('values', [
    {'amodal': True}, {'max_detections': 3}, {'per_level': 40, 'proposals': 25},
    {'score_floor': 0.0, 'max_detections': 400}, {'short_side': 200, 'long_side': 260}])
def test_whatever_the_settings_are(values, frames):
    values = {'short_side': 288, 'long_side': 512, **values}
    expected = detector(fixed=False, **values).detect(frames[:1])[0]
    assert_same(detector(**values).detect(frames[:1])[0], expected)


def test_in_lower_precision_too(frames):
    values = {'short_side': 288, 'long_side': 512, 'precision': 'bfloat16', 'score_floor': 0.5}
    expected = detector(fixed=False, **values).detect(frames[:1])[0]
    fixed = detector(**values)
    found = fixed.detect(frames[:1])[0]
    assert len(found) == len(expected) > 2
    # eight bits, added up in another order
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.5)
    np.testing.assert_allclose(found.scores, expected.scores, atol=0.02)
    assert fixed.extract_features(frames[0])._graphs.table.cells.dtype == torch.bfloat16


def test_boxes_of_another_detector_take_the_place_of_proposals(both, frames):
    fixed, dynamic = both
    given = dynamic.detect(frames[:1])[0]
    given = dataclasses.replace(given, boxes=given.boxes + np.float32(4))
    expected = dynamic.extract_features(frames[0]).detections(given)
    assert_same(fixed.extract_features(frames[0], detect=False).detections(given), expected, 10)
    assert len(fixed.extract_features(frames[0]).detections(Detections.empty())) == 0


def test_its_own_objects_are_found_even_where_nobody_said_they_would_be_asked_for(both, frames):
    fixed, dynamic = both
    found = fixed.extract_features(frames[0], detect=False).detections()
    assert_same(found, dynamic.detect(frames[:1])[0], 10)


def test_the_box_head_judges_alike(both, frames):
    fixed, dynamic = both
    boxes = np.array([[300, 200, 340, 300], [-50, -50, 20, 60], [0, 0, 768, 576]], np.float32)
    labels = np.zeros(3, np.int64)
    placed, scores = fixed.extract_features(frames[0]).refine(boxes, labels)
    expected = dynamic.extract_features(frames[0]).refine(boxes, labels)
    np.testing.assert_allclose(placed, expected[0], atol=1e-2)
    np.testing.assert_allclose(scores, expected[1], atol=1e-5)
    placed, scores = fixed.extract_features(frames[0]).refine(boxes[:0], labels[:0])
    assert placed.shape == (0, 4) and scores.shape == (0,)


@pytest.mark.parametrize('name', [EMM, IMM])
@pytest.mark.parametrize('amodal', [False, True])
def test_tracks_are_followed_alike_wherever_they_are(name, amodal, frames):
    """Search and box head in one go, and one after the other with a look in between."""
    settings = build(Settings, {
        'method': 'siammot', 'rcnn.weights': name, 'device': 'cpu', 'rcnn.amodal': amodal,
        'rcnn.short_side': 288, 'rcnn.long_side': 512})
    boxes = np.array([
        [300, 200, 340, 300], [-30, 100, 20, 250], [740, 500, 800, 640], [-300, 0, -200, 90],
        [764, 300, 900, 400], [100, 100, 101, 101], [0, 0, 768, 576]], np.float32)
    expected = SimpleNamespace(boxes=boxes, labels=np.zeros(len(boxes), np.int64))
    every, answers = np.ones(len(boxes), np.bool_), []
    for fixed in (False, True):
        network = RcnnDetector(settings.rcnn, 'cpu', fixed=fixed)
        frontend, memory = RcnnFrontend(network, settings), TemplateMemory(network.motion)
        memory.update_templates(
            frontend.detect(frames[0]).heads, boxes, every[:0], every, settings.siammot)
        answers.append(
            frontend.detect(frames[1]).search(memory, expected, settings.siammot, 1.5))
    for one, other, loose in zip(*answers, (2e-2, 1e-4, 1e-4, 0), strict=True):
        np.testing.assert_allclose(one, other, atol=loose)
    here = answers[0][3]
    assert here.any() and not here.all()


@pytest.mark.parametrize('name', [EMM, IMM])
def test_padding_changes_no_row(name, frames):
    """The same tracks among one empty row, and among many with other things in them."""
    fixed = detector(name, short_side=288, long_side=512)
    heads = fixed.extract_features(frames[0])
    graphs, options = heads._graphs, OPTIONS[name]
    asked = torch.tensor([[100.0, 60, 120, 110, 0, 0], [10, 20, 40, 90, 0, 1]])
    templates, = graphs.extract_templates(fixed.motion, options)(asked)
    follow = graphs.search_tracks(fixed.motion, options)
    alone, = follow(torch.cat([asked, torch.zeros(1, 6)]), templates)
    wild = torch.tensor([
        [float('nan')] * 4 + [0, 1], [float('inf')] * 4 + [0, 0], [1e9, 1e9, 2e9, 2e9, 0, 1]])
    among, = follow(torch.cat([asked, wild]), templates)
    torch.testing.assert_close(among[:2], alone[:2], rtol=1e-4, atol=1e-3)
    assert alone.isfinite().all()


@pytest.mark.parametrize('name', [EMM, IMM])
@pytest.mark.parametrize('amodal', [False, True])
def test_nobody_waits(name, amodal, frames):
    fixed = detector(name, short_side=192, long_side=256, amodal=amodal)
    heads = fixed.extract_features(frames[0])
    graphs = heads._graphs
    work = (graphs.search_tracks(fixed.motion, OPTIONS[name]),
            graphs.extract_templates(fixed.motion, OPTIONS[name]))
    image = torch.from_numpy(frames[0].image)
    asked = torch.zeros(4, 6)
    with no_waiting():
        table, = graphs.detect(image)
        graphs.extract_features(image)
        templates, = work[1](asked)
        followed, = work[0](asked, templates)
        judged, = graphs.refine(asked[:, :5])
        found, = graphs.detect_at(asked[:, :5])
    assert table.shape == found.shape == (100, 8)
    assert followed.shape == (4, 10) and judged.shape == (4, 5)
    assert all(part.dtype == torch.float32 for part in (table, followed, judged, found))


def test_what_does_not_settle_is_found_as_ever(both, frames, monkeypatch):
    fixed, dynamic = both
    given = dynamic.detect(frames[:1])[0]
    expected = dynamic.detect(frames[:1])[0], dynamic.extract_features(frames[0]).detections(given)
    monkeypatch.setattr(nms_module, 'ROUNDS', 1)
    heads = fixed.extract_features(frames[0])
    assert not heads._graphs.detect(torch.from_numpy(frames[0].image))[0][0, -1]
    assert_same(heads.detections(), expected[0], 10)
    assert_same(heads.detections(given), expected[1], 10)


def test_only_the_last_image_can_be_asked_about(frames):
    fixed = detector(short_side=192, long_side=256)
    fixed.extract_features(frames[0])
    first, second = fixed.extract_features(frames[0]), fixed.extract_features(frames[5])
    second.detections()
    for question in (first.detections, lambda: first.refine(np.ones((1, 4)), np.zeros(1, int))):
        with pytest.raises(RuntimeError, match='earlier image'):
            question()
    # one of another size has work of its own, as many as are kept
    small = Frame.of(np.ascontiguousarray(frames[0].image[::2, ::2]), 0.0)
    fixed.extract_features(small)
    second.refine(np.ones((1, 4), np.float32), np.zeros(1, np.int64))
    for rows in range(100, 110):
        fixed.extract_features(Frame.of(np.zeros((rows, 150, 3), np.uint8), 0.0))
    assert len(fixed._graphs) <= 4


def test_a_size_is_recorded_once_it_comes_again(frames):
    values = {'short_side': 192, 'long_side': 256}
    once, never = detector(**values), detector(graphs=False, **values)
    kept = [once.extract_features(frames[0])._graphs for _ in range(4)]
    assert [graphs.recorded for graphs in kept] == [False, True, True, True]
    assert kept[1] is kept[2] is kept[3]
    assert never.extract_features(frames[0])._graphs is never.extract_features(frames[0])._graphs


def test_what_is_recorded_goes_with_its_size(frames):
    fixed = detector(short_side=192, long_side=256)
    heads = fixed.extract_features(frames[0])
    heads.extract_templates(
        fixed.motion, OPTIONS[EMM], np.ones((1, 4), np.float32), np.zeros(1, int))
    graphs = weakref.ref(heads._graphs)
    fixed._graphs.clear()
    gc.disable()
    try:
        del heads
        assert graphs() is None, 'a GPU does not wait for the garbage collector'
    finally:
        gc.enable()


def test_a_frame_that_cannot_be_seen_is_refused_first(frames):
    settings = build(Settings, {
        'method': 'siammot', 'rcnn.weights': EMM, 'device': 'cpu', 'siammot.camera': False})
    method = make_method(settings, detector())
    before = method.update(frames[0])
    with pytest.raises(FrameError, match='no image, and this detector needs one'):
        method.update(Frame(None, 0.5, frames[0].size))
    after = method.update(dataclasses.replace(frames[0], stamp=0.1))
    assert after.ids.tolist() == before.ids.tolist() and (after.ages == np.float32(0.1)).all()


def run(settings, frames, **kind):
    network = RcnnDetector(
        settings.rcnn, settings.device, settings.detector.classes, settings.compute, **kind)
    method = make_method(settings, network)
    return [method.update(dataclasses.replace(frame)) for frame in frames]


def assert_same_tracks(found, expected, boxes=1e-2, scores=1e-4):
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        for name in ('ids', 'states', 'labels', 'sources'):
            assert getattr(one, name).tolist() == getattr(other, name).tolist(), (number, name)
        np.testing.assert_allclose(one.boxes, other.boxes, atol=boxes)
        np.testing.assert_allclose(one.scores, other.scores, atol=scores)
        np.testing.assert_allclose(one.visibilities, other.visibilities, atol=scores)


SHORT_LIVES = {
    # few pixels and little trust, so that tracks come and go
    'rcnn.short_side': 384, 'rcnn.long_side': 640, 'device': 'cpu'}


@pytest.mark.parametrize('name, method, changes, count', [
    (EMM, 'siammot', {'siammot.camera': False, 'siammot.beta': 0.6, 'siammot.tau': 3,
                      'siammot.dormant_time': 0.0}, 40),
    (EMM, 'siammot', {'siammot.stretch': 2.0}, 8),
    (IMM, 'siammot', {'siammot.camera': False, 'siammot.beta': 0.6}, 16),
    (EMM, 'tracktor', {}, 16)])
def test_whole_runs_give_the_same_tracks(name, method, changes, count, frames, monkeypatch):
    # so small that tracks fill one after the other
    monkeypatch.setattr(buckets, 'BUCKETS', (2, 4, 6))
    settings = build(Settings, {
        'method': method, 'rcnn.weights': name, **SHORT_LIVES, **changes})
    found = run(settings, frames[:count], fixed=True)
    assert_same_tracks(found, run(settings, frames[:count], fixed=False))
    numbers = [len(tracks) for tracks in found]
    assert max(numbers) > 4, 'several buckets are met'
    if count == 40:
        assert max(tracks.ids.max(initial=0) for tracks in found) > max(numbers) + 5, (
            'tracks come and go')


class InPlace:
    """Does work as a recorded graph does: inputs and outputs always lie in the same memory."""

    def __init__(self, work, device, on=True):
        self._work, self._memory = work, {}

    def __call__(self, *inputs):
        key = tuple((tensor.shape, tensor.dtype, tensor.stride()) for tensor in inputs)
        with torch.inference_mode():
            if key not in self._memory:
                places = tuple(tensor.clone() for tensor in inputs)
                self._memory[key] = places, tuple(self._work(*places))
            places, outputs = self._memory[key]
            for place, tensor in zip(places, inputs, strict=True):
                place.copy_(tensor)
            for place, tensor in zip(outputs, self._work(*places), strict=True):
                place.copy_(tensor)
        return outputs


@pytest.mark.parametrize('name', [EMM, IMM])
def test_memory_that_is_used_again_and_again_does_no_harm(name, frames, monkeypatch):
    settings = build(Settings, {
        'method': 'siammot', 'rcnn.weights': name, 'siammot.camera': False,
        'siammot.beta': 0.6, **SHORT_LIVES})
    expected = run(settings, frames[:12], fixed=False)
    monkeypatch.setattr(rcnn_graphs, 'CudaGraph', InPlace)
    monkeypatch.setattr(buckets, 'BUCKETS', (2, 4, 6))
    assert_same_tracks(run(settings, frames[:12], fixed=True), expected)


class Beside:
    """Another detector, which sees three people wherever they are."""

    class_names = ('car', 'person')

    def __init__(self, found):
        self.found = found

    def detect(self, frames):
        return [self.found for _ in frames]


@pytest.mark.parametrize('detection_source', ['given', 'kept', 'own'])
def test_beside_another_detector_too(detection_source, frames, monkeypatch):
    settings = build(Settings, {
        'method': 'siammot', 'rcnn.weights': EMM, **SHORT_LIVES, 'detector.classes': ['person'],
        'siammot.detections': detection_source, 'siammot.beta': 0.3, 'detector.type': 'external'})
    there = RcnnDetector(settings.rcnn, 'cpu').detect(frames[:1])[0][:3]
    given = dataclasses.replace(there, labels=there.labels + 1)
    results = []
    for fixed in (True, False):
        monkeypatch.setattr(
            'mot_ros.tracking.methods.siammot.rcnn_frontend._load',
            lambda settings, fixed=fixed: RcnnDetector(settings.rcnn, 'cpu', fixed=fixed))
        method = make_method(settings, Beside(given))
        results.append([method.update(dataclasses.replace(frame)) for frame in frames[:4]])
    assert len(results[0][0]) > 1 and set(results[0][0].labels.tolist()) == {1}
    assert_same_tracks(*results)


@pytest.mark.parametrize('method, changes, asked', [
    ('siammot', {'siammot.camera': False}, 1), ('siammot', {'siammot.camera': True}, 2),
    ('tracktor', {'tracktor.motion': 'none'}, 1)])
def test_a_frame_is_answered_in_one_go(method, changes, asked, frames, monkeypatch):
    download, calls = roi_heads_fixed.download, []
    monkeypatch.setattr(
        roi_heads_fixed, 'download', lambda parts: calls.append(len(parts)) or download(parts))
    settings = build(Settings, {
        'method': method, 'rcnn.weights': EMM, **changes, **SHORT_LIVES})
    method = make_method(settings, RcnnDetector(settings.rcnn, 'cpu', fixed=True))
    assert len(method.update(frames[0])) > 1
    assert len(calls) == 1
    method.update(frames[1])
    assert len(calls) == 1 + asked


@CUDA
def test_a_gpu_finds_the_same(frames):
    here, there = detector(fixed=False), detector(fixed=None, device='cuda')
    for frame in frames[:12:4]:
        expected, found = here.detect([frame])[0], there.detect([frame])[0]
        assert abs(len(found) - len(expected)) <= 1
        count = min(len(found), len(expected), 10)
        np.testing.assert_allclose(found.boxes[:count], expected.boxes[:count], atol=0.5)
        np.testing.assert_allclose(found.scores[:count], expected.scores[:count], atol=1e-2)


@CUDA
@pytest.mark.parametrize('name', [EMM, IMM])
@pytest.mark.parametrize('graphs', [False, True])
def test_a_gpu_gives_the_same_tracks(name, graphs, frames):
    values = {'method': 'siammot', 'rcnn.weights': name, 'siammot.camera': False}
    here = run(build(Settings, {**values, 'device': 'cpu'}), frames, fixed=False)
    there = run(build(Settings, {**values, 'device': 'cuda', 'graphs': graphs}), frames)
    assert_same_tracks(there, here, 0.5, 1e-2)


@CUDA
@pytest.mark.parametrize('name', [EMM, IMM])
@pytest.mark.parametrize('graphs', [False, True])
def test_a_gpu_is_never_waited_for(name, graphs, frames):
    there = detector(name, fixed=None, device='cuda', graphs=graphs)
    device = torch.device('cuda')
    image = torch.from_numpy(frames[0].image).to(device)
    asked = torch.zeros(16, 6, device=device)
    # from the second one on work is recorded, for which it may wait
    there.detect(frames[:1])
    recorded = there.extract_features(frames[0])._graphs
    assert recorded.recorded == graphs
    remember, follow = (
        getattr(recorded, kind)(there.motion, OPTIONS[name])
        for kind in ('extract_templates', 'search_tracks'))

    def frame():
        recorded.detect(image)
        templates, = remember(asked)
        follow(asked, templates)
        recorded.refine(asked[:, :5])

    frame()
    torch.cuda.set_sync_debug_mode('error')
    try:
        frame()
        assert there.extract_features(frames[1])._table is not None
    finally:
        torch.cuda.set_sync_debug_mode('default')
