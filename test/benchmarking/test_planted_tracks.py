# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Crowds: as many tracks as are asked for, and every network at work all the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from mot_ros.benchmarking.planted_tracks import crowded, laid_out, unhurt
from mot_ros.benchmarking.whole_frames import BenchImages, make
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector
from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.methods import make_tracker

SMALL = {
    'device': 'cpu', 'rcnn.short_side': 96, 'rcnn.long_side': 128, 'detector.width': 96,
    'detector.height': 64}
FOOTAGE = BenchImages.made_up((160, 120))


def settings_of(method, **changes):
    return build(Settings, {**SMALL, 'method': method, **changes})


@pytest.mark.parametrize('count', [0, 1, 7, 50, 200, 999])
def test_boxes_lie_side_by_side_in_the_image(count):
    boxes = laid_out(count, (1280, 720))
    assert boxes.shape == (count, 4)
    assert np.array_equal(iou(boxes, boxes) > 0, np.eye(count, dtype=bool))
    assert (boxes >= 0).all() and (boxes[:, 2] <= 1280).all() and (boxes[:, 3] <= 720).all()
    assert (boxes[:, 2:] - boxes[:, :2] > 4).all()


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('cameras', [1, 2])
def test_a_tracker_has_as_many_tracks_as_are_planted(method, cameras):
    update = make(settings_of(method), FOOTAGE, 6, cameras)
    for number, frame in enumerate(itertools.islice(FOOTAGE, 5)):
        found = update([frame.at(frame.stamp) for _ in range(cameras)])
        # of some methods a track is not believed at first
        assert [len(tracks.observed) for tracks in found] == [6] * cameras or number < 3
        assert all(tracks.ids.tolist() == [1, 2, 3, 4, 5, 6] for tracks in found)


@pytest.mark.parametrize('precision', ['float32', 'bfloat16'])
@pytest.mark.parametrize('method', METHODS)
def test_also_on_a_gpu(method, precision):
    if not torch.cuda.is_available():
        pytest.skip('no CUDA device')
    update = make(settings_of(method, device='cuda', precision=precision), FOOTAGE, 20)
    for number, frame in enumerate(itertools.islice(FOOTAGE, 5)):
        tracks, = update([frame])
        assert len(tracks.observed) == 20 or number < 3


def test_also_where_shapes_are_fixed():
    settings = unhurt(settings_of('siammot'))
    for count in (0, 5, 20):
        detector = crowded(
            RcnnDetector(settings.rcnn, 'cpu', fixed=True), settings, count, FOOTAGE.size)
        tracker = make_tracker(settings, detector)
        for frame in itertools.islice(FOOTAGE, 3):
            assert len(tracker.update(frame).observed) == count


def test_the_networks_do_all_their_work(monkeypatch):
    asked = []
    for name in ('detections', 'refine'):
        was = getattr(RoiHeads, name)

        def noted(self, *args, name=name, was=was):
            asked.append((name, len(args[0]) if args and args[0] is not None else None))
            return was(self, *args)

        monkeypatch.setattr(RoiHeads, name, noted)
    update = make(settings_of('siammot'), FOOTAGE, 4)
    for frame in itertools.islice(FOOTAGE, 2):
        update([frame])
    assert asked == [('detections', None), ('detections', None), ('refine', 4)]

    class Counting:
        class_names, seen = ('person',), 0

        def detect(self, frames):
            self.seen += len(frames)
            return []

    detector = Counting()
    tracker = make_tracker(
        settings_of('sort'), crowded(detector, settings_of('sort'), 3, FOOTAGE.size))
    for frame in itertools.islice(FOOTAGE, 4):
        tracker.update(frame)
    assert detector.seen == 4


def test_a_network_beside_the_detector_cannot_be_planted_in():
    settings = settings_of('siammot', **{'detector.type': 'ssd'})
    with pytest.raises(ConfigError, match="is 'ssd', and siammot sees through"):
        crowded(make_detector(settings), settings, 3, (160, 120))
