# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import copy

import cv2
import numpy as np
import pytest
import torch

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors.ssd.mobilenet import SsdDetector
from mot_ros.tracking.detectors.ssd.raw_outputs import RawDetections
from mot_ros.tracking.methods.smot import redetection
from mot_ros.tracking.methods.smot.redetection import Redetector
from mot_ros.tracking.methods.smot.tracker import Smot
from mot_ros.tracking.methods.smot.tracking_anchors import TrackingAnchors
from mot_ros.tracking.runtime import padding as buckets
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights
from test.tracking.methods.replays import downloads, Replayed
from test.tracking.methods.smot.test_tracking_anchors import ssd_anchors
from test.tracking.waiting import no_waiting

SSD = ssd_anchors()
INDEX = TrackingAnchors(SSD)
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')


@pytest.fixture(params=[False, True], ids=['open', 'buckets'])
def redetect(request):
    """Return redetection of any number of tracks, and in buckets."""
    return lambda raw, boxes, labels, count: Redetector(
        INDEX, count, fixed=request.param)(raw, boxes, labels)


def raw_of(anchors, classes=2, seed=0):
    """Return outputs of chance: scores, and boxes near the anchors."""
    random = torch.manual_seed(seed)
    scores = torch.rand(1, len(anchors), classes, generator=random)
    boxes = anchors + torch.rand(len(anchors), 4, generator=random) * 4
    return RawDetections(scores, torch.arange(classes) * 10, boxes[None], anchors[None])


BOXES = np.array([
    [41.3, 43.1, 80.2, 139.4], [203.7, 101.9, 290.6, 251.2], [100.3, 61.7, 131.1, 99.2]],
    np.float32)
LABELS = np.array([0, 10, 10])


@pytest.mark.parametrize('count', [1, 5, 20])
def test_score_and_box_are_means_over_the_anchors(redetect, count):
    raw = raw_of(SSD)
    found = redetect(raw, BOXES, LABELS, count)
    for row, (box, label) in enumerate(zip(BOXES, LABELS, strict=True)):
        overlaps = iou(box[None], SSD.numpy())[0]
        # of several anchors that overlap it equally any may be the last one
        best = INDEX.nearest(torch.from_numpy(box[None]), count).rows[0].numpy()
        weights = overlaps[best] / overlaps[best].sum()
        scores = raw.scores[0, best, label // 10].numpy()
        assert found.scores[row] == pytest.approx((weights * scores).sum(), abs=1e-5)
        np.testing.assert_allclose(
            found.boxes[row], weights @ raw.boxes[0, best].numpy(), atol=1e-3)
        assert found.overlaps[row] == pytest.approx(overlaps.max(), abs=1e-6)


def test_one_anchor_is_the_best_anchor_exactly(redetect):
    raw = raw_of(SSD)
    found = redetect(raw, BOXES, LABELS, 1)
    best = iou(BOXES, SSD.numpy()).argmax(axis=1)
    assert (found.boxes == raw.boxes[0, best].numpy()).all()
    assert (found.scores == raw.scores[0, best, torch.tensor([0, 1, 1])].numpy()).all()


def test_a_track_is_scored_by_its_own_class_alone(redetect):
    raw = raw_of(SSD)
    raw.scores[:, :, 1] = 0
    found = redetect(raw, BOXES, LABELS, 5)
    assert (found.scores > 0).tolist() == [True, False, False]
    # a class that the detector does not look for is not seen
    assert redetect(raw, BOXES, np.array([0, 7, 20]), 5).scores[1:].tolist() == [0, 0]


def test_faint_scores_count_as_they_are(redetect):
    """The published code takes probabilities below .01 for 0, which pulls tracks down."""
    raw = raw_of(SSD)
    raw.scores[:] = 0.009
    found = redetect(raw, BOXES, LABELS, 5)
    np.testing.assert_allclose(found.scores, 0.009, rtol=1e-5)


def test_outputs_that_are_not_finite_are_not_seen(redetect):
    raw = raw_of(SSD)
    raw.boxes[:, INDEX.nearest(torch.from_numpy(BOXES[:1]), 1).rows[0]] = torch.nan
    raw.boxes[:, INDEX.nearest(torch.from_numpy(BOXES[1:2]), 1).rows[0]] = torch.inf
    found = redetect(raw, BOXES, LABELS, 3)
    assert found.scores[:2].tolist() == [0, 0] and found.overlaps[:2].tolist() == [0, 0]
    assert (found.boxes[:2] == BOXES[:2]).all()
    assert found.scores[2] > 0


def test_nothing_is_seen_of_a_box_far_outside(redetect):
    found = redetect(raw_of(SSD), BOXES[:1] + 5000, LABELS[:1], 5)
    assert found.overlaps.tolist() == [0]


def tracks_of(count, seed=0):
    """Return boxes (N, 4) and labels (N,) of tracks here and there."""
    random = np.random.default_rng(seed)
    start = random.uniform(-20, 280, (count, 2))
    boxes = np.concatenate([start, start + random.uniform(5, 150, (count, 2))], axis=1)
    return boxes.astype(np.float32), random.integers(0, 3, count) * 10


def assert_same(found, expected, boxes=1e-3, scores=1e-5):
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=boxes)
    np.testing.assert_allclose(found.scores, expected.scores, atol=scores)
    np.testing.assert_allclose(found.overlaps, expected.overlaps, atol=scores)


@pytest.mark.parametrize('count', [1, 16, 17, 70, 300])
def test_what_fills_a_bucket_changes_nothing(count):
    raw, (boxes, labels) = raw_of(SSD), tracks_of(count)
    expected = Redetector(INDEX, 5, fixed=False)(raw, boxes, labels)
    assert len(expected.scores) == count
    assert_same(Redetector(INDEX, 5, fixed=True)(raw, boxes, labels), expected)
    single = Redetector(INDEX, 5, fixed=True)(raw, boxes[-1:], labels[-1:])
    assert single.scores[0] == pytest.approx(expected.scores[-1], abs=1e-6)


def test_one_download_is_enough_and_none_without_tracks():
    raw, (boxes, labels) = raw_of(SSD), tracks_of(20)
    look = Redetector(INDEX, 5, fixed=True)
    with downloads() as counted:
        look(raw, boxes, labels)
        assert counted.count == 1
        nothing = look(raw, boxes[:0], labels[:0])
        assert counted.count == 1
    assert nothing.boxes.shape == (0, 4) and nothing.scores.shape == nothing.overlaps.shape == (0,)


def test_nothing_synchronises_before_the_download():
    raw, (boxes, labels) = raw_of(SSD), tracks_of(20)
    look = Redetector(INDEX, 5, fixed=True)
    look(raw, boxes, labels)
    tracks = buckets.to_device_padded(np.column_stack([boxes, labels]), 64, INDEX.device)
    with torch.inference_mode(), no_waiting():
        look._table(raw.scores[0], raw.boxes[0], raw.labels, tracks)


def test_replays_that_use_their_memory_again_change_nothing(monkeypatch):
    monkeypatch.setattr(redetection, 'CudaGraph', Replayed)
    look = Redetector(INDEX, 5, fixed=True)
    for seed, count in enumerate((3, 10, 40, 5, 33)):
        raw, tracks = raw_of(SSD, seed=seed), tracks_of(count, seed)
        # on the CPU a download is no copy
        found = copy.deepcopy(look(raw, *tracks))
        look(raw_of(SSD, seed=9), *tracks_of(count, 9))
        assert_same(found, Redetector(INDEX, 5, fixed=False)(raw, *tracks))
    assert look._graph.recorded == 2


@gpu
@pytest.mark.parametrize('graphs', [True, False])
def test_a_gpu_gives_the_same(graphs):
    raw = raw_of(SSD)
    there = RawDetections(*(
        column.cuda() for column in (raw.scores, raw.labels, raw.boxes, raw.anchors)))
    look = Redetector(TrackingAnchors(there.anchors[0]), 5, graphs=graphs)
    for count in (3, 20, 300, 4):
        tracks = tracks_of(count, count)
        assert_same(look(there, *tracks), Redetector(INDEX, 5)(raw, *tracks))


# the whole of it

@pytest.fixture(scope='module')
def film():
    """Return the first 40 frames of PETS09-S2L1."""
    weights_file = weights.cache_root() / weights.MANIFEST['ssd-mobilenetv3-coco'].file
    video = weights.cache_root().parent / 'videos' / 'vtest.avi'
    for path in (weights_file, video):
        if not path.is_file():
            pytest.skip(f'{path} is not there: run scripts/setup, which puts it there')
    capture = cv2.VideoCapture(str(video))
    return [Frame.of(capture.read()[1], number / 10) for number in range(40)]


def followed(film, fixed, device='cpu', **values):
    """Return the tracks of each frame, and how often numbers were asked for in each."""
    detector = SsdDetector(
        DetectorSettings(width=512, height=384, weights='ssd-mobilenetv3-coco'), device,
        fixed=fixed)
    settings = build(Settings, {'method': 'smot', **{
        f'smot.{name}': value
        for name, value in {
            'link': False, 'new_track_thresh': 0.4, 'keep': 0.2, **values}.items()}})
    tracker, results, asked = Smot(detector, settings, fixed=fixed), [], []
    for frame in film:
        with downloads() as counted:
            results.append(tracker.update(frame))
        asked.append(counted.count)
    return results, asked


@pytest.mark.parametrize('motion, anchors', [('velocity', 3), ('none', 10)])
def test_smot_follows_the_same_people_with_two_downloads_a_frame(film, motion, anchors):
    expected, _ = followed(film, False, motion=motion, anchors=anchors)
    found, asked = followed(film, True, motion=motion, anchors=anchors)
    assert max(len(tracks) for tracks in expected) >= 5
    for one, other in zip(found, expected, strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.states.tolist() == other.states.tolist()
        # also where several anchors overlap a track equally: ties go by distance and number
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-2)
    # of the first frame also the anchors, for grids that all frames of its size have
    assert max(asked) == 2


@gpu
def test_smot_follows_the_same_people_on_a_gpu(film):
    expected, _ = followed(film, False)
    found, asked = followed(film, None, 'cuda')
    same = [one.ids.tolist() == other.ids.tolist()
            for one, other in zip(found, expected, strict=True)]
    assert np.mean(same) > 0.9
    assert max(asked) == 2
