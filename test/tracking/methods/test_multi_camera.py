# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Several cameras with one detector: the same tracks as each alone, from one batch a moment."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.ssd.mobilenet import SsdDetector
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.methods.multi_camera import Cameras
from mot_ros.tracking.types import Detections, Frame
from mot_ros.tracking.weights import store as weights
from test.tracking.scenes import detections, person

PETS = weights.cache_root().parent / 'videos' / 'vtest.avi'
IMAGE = np.zeros((60, 80, 3), np.uint8)


class Counting:
    """Finds a person where the image is not black, and notes the sizes of its batches."""

    class_names = ('person',)

    def __init__(self):
        self.batches = []

    def detect(self, frames):
        self.batches.append(len(frames))
        return [self._find(frame) for frame in frames]

    def _find(self, frame):
        if frame.image is None:
            raise FrameError('no image')
        lit = np.flatnonzero(frame.image.any(axis=(0, 2)))
        return detections([person(lit[0] + 20.0, w=30, h=40, cy=30)]) if len(lit) \
            else Detections.empty()


def lit(column, stamp):
    image = IMAGE.copy()
    image[:, column] = 200
    return Frame.of(image, stamp)


def cameras_of(count, **settings):
    detector = Counting()
    return Cameras(build(Settings, {'method': 'sort', **settings}), detector, count), detector


def same(found, expected, rounding):
    assert (found is None) == (expected is None)
    if found is not None:
        for name, column in found.columns().items():
            np.testing.assert_allclose(
                column, expected.columns()[name], rtol=0, err_msg=name,
                atol=rounding if column.dtype == np.float32 else 0)


@pytest.fixture(scope='module')
def footage():
    """Three stretches of a real video as three cameras, the last of them smaller."""
    if not PETS.exists():
        pytest.skip(f'{PETS} is not there: run `mot_ros demo` once')
    capture = cv2.VideoCapture(str(PETS))
    images = [capture.read()[1] for _ in range(60)]
    capture.release()
    streams = [images[:10], images[25:35], [cv2.resize(i, (384, 288)) for i in images[50:]]]
    return [[Frame.of(image, 1 + number / 10) for number, image in enumerate(stream)]
            for stream in streams]


@pytest.mark.parametrize('values', [
    {'method': 'bytetrack', 'preset': 'fast'},
    {'method': 'sort', 'detect_every': 2, 'preset': 'fast'},
    {'method': 'smiletrack', 'appearance.type': 'colour', 'preset': 'fast'},
    {'method': 'smot', 'preset': 'fast'},
    {'method': 'siammot', 'rcnn.short_side': 240, 'rcnn.long_side': 320},
    {'method': 'tracktor', 'rcnn.short_side': 240, 'rcnn.long_side': 320},
], ids=lambda values: values['method'])
def test_tracks_are_those_of_independent_trackers(footage, values):
    settings = build(Settings, {'device': 'cpu', **values})
    as_alone(settings, make_detector(settings), footage)


@pytest.mark.parametrize('method', ['bytetrack', 'smot'])
def test_the_way_of_a_gpu_keeps_cameras_apart_too(footage, method):
    settings = build(Settings, {
        'device': 'cpu', 'detector.weights': 'ssd-coco', 'method': method, 'preset': 'fast'})
    as_alone(settings, SsdDetector(settings.detector, 'cpu', fixed=True), footage,
             rounding=0.01)


def as_alone(settings, detector, footage, rounding=0.0):
    """Compare cameras that share a detector with trackers that use it one after the other."""
    alone = [make_tracker(settings, detector) for _ in footage]
    cameras = Cameras(settings, detector, len(footage))
    tracked = 0
    for moment, frames in enumerate(zip(*footage, strict=True)):
        # the second camera has half the rate of the others
        given = [frame if moment % 2 == 0 or number != 1 else None
                 for number, frame in enumerate(frames)]
        found = cameras.update(given)
        assert cameras.problems == ['', '', '']
        for frame, tracks, tracker in zip(given, found, alone, strict=True):
            # the guard counts time from the first frame
            expected = None if frame is None else tracker.update(
                dataclasses.replace(frame, stamp=round(frame.stamp - 1, 9)))
            same(tracks, expected, rounding)
            tracked += 0 if tracks is None else len(tracks)
    assert tracked > 20


def test_one_batch_per_moment_of_the_cameras_that_detect():
    cameras, detector = cameras_of(3, detect_every=2)
    cameras.update([lit(3, 0.0), lit(20, 0.0), None])
    cameras.update([lit(4, 0.1), lit(21, 0.1), lit(40, 0.1)])
    cameras.update([lit(5, 0.2), lit(22, 0.2), lit(41, 0.2)])
    assert detector.batches == [2, 1, 2]


def test_the_same_frame_for_every_camera_is_a_batch_too():
    cameras, detector = cameras_of(4)
    frame = lit(3, 0.0)
    found = cameras.update([frame] * 4)
    assert detector.batches == [4]
    assert [tracks.ids.tolist() for tracks in found] == [[1]] * 4


def test_a_refused_frame_costs_its_camera_that_frame():
    cameras, detector = cameras_of(3)
    cameras.update([lit(3, 0.0), lit(20, 0.0), lit(40, 0.0)])
    broken = Frame(None, 0.1, (80, 60))
    found = cameras.update([lit(4, 0.1), broken, lit(41, 0.1)])
    assert [None if tracks is None else tracks.ids.tolist() for tracks in found] == [
        [1], None, [1]]
    assert cameras.problems == ['', 'no image', '']
    assert detector.batches[1:] == [3, 1, 1, 1], 'after the batch each is asked about once'
    found = cameras.update([lit(5, 0.2), lit(22, 0.2), lit(42, 0.2)])
    assert [tracks.ids.tolist() for tracks in found] == [[1]] * 3
    assert detector.batches[-1] == 3
    assert cameras.problems == [''] * 3


def test_each_camera_has_its_own_guard():
    cameras, detector = cameras_of(2)
    cameras.update([lit(3, 10.0), lit(20, 10.0)])
    found = cameras.update([lit(4, 10.0), lit(21, 5.0)])
    assert found[0] is None
    assert found[1].ids.tolist() == [1]
    assert 'came twice' in cameras.problems[0]
    assert 'jumped back' in cameras.problems[1]
    assert detector.batches == [2, 1]


def test_reset_forgets_the_tracks_of_all():
    cameras, _ = cameras_of(2)
    cameras.update([lit(3, 0.0), lit(20, 0.0)])
    cameras.reset(keep_ids=True)
    found = cameras.update([lit(60, 0.0), lit(60, 0.0)])
    assert [tracks.ids.tolist() for tracks in found] == [[2], [2]]


def test_a_wrong_number_of_frames_is_an_error():
    cameras, _ = cameras_of(2)
    with pytest.raises(ValueError, match='3 frames came for 2 cameras'):
        cameras.update([None] * 3)


def test_a_detector_asked_about_other_frames_answers_itself():
    from mot_ros.tracking.detectors.wrappers.shared import SharedDetector

    detector = Counting()
    shared = SharedDetector(detector)
    one, other = shared.seat(), shared.seat()
    one.announce(lit(3, 0.0))
    other.announce(lit(20, 0.0))
    assert len(one.detect([lit(9, 0.0), lit(9, 0.1), lit(9, 0.2)])) == 3
    assert detector.batches == [3]
