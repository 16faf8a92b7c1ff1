# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Looking for objects in a part of the image only."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.external import ExternalDetections
from mot_ros.tracking.detectors.wrappers.region import limited, read_mask
from mot_ros.tracking.errors import ConfigError, FrameError
from mot_ros.tracking.types import Detections, Frame, UNKNOWN_SIZE


class WhiteDetector:
    """Finds what is white, and remembers what it was shown."""

    class_names = ('thing',)
    device = 'cpu'

    def __init__(self):
        self.shown = []

    def detect(self, frames):
        self.shown += [frame.size for frame in frames]
        return [self._detect(np.asarray(frame.image)) for frame in frames]

    def _detect(self, image):
        _, _, stats, _ = cv2.connectedComponentsWithStats((image[:, :, 0] > 250).astype(np.uint8))
        boxes = stats[1:, :4].astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
        count = len(boxes)
        return Detections(boxes, np.full(count, 0.9), np.zeros(count, np.int64))


def frame(*boxes, size=(200, 100)):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = 255
    return Frame.of(image, 0.0)


def of(**values):
    return build(Settings, {name.replace('__', '.'): value for name, value in values.items()})


LEFT, RIGHT = (10, 20, 30, 60), (120, 20, 150, 60)


def test_no_region_is_the_detector_itself():
    detector = WhiteDetector()
    assert limited(detector, Settings()) is detector


def test_only_the_region_is_shown_and_boxes_stay_in_the_whole_image():
    detector = WhiteDetector()
    found, = limited(detector, of(roi__x=100, roi__y=10, roi__width=80)).detect(
        [frame(LEFT, RIGHT)])
    assert detector.shown == [(80, 90)]
    assert found.boxes.tolist() == [list(RIGHT)]
    assert limited(detector, of(roi__x=100)).class_names == ('thing',)


def test_a_region_reaches_no_further_than_the_image():
    detector = WhiteDetector()
    limited(detector, of(roi__x=150, roi__width=5000, roi__height=40)).detect([frame()])
    assert detector.shown == [(50, 40)]
    with pytest.raises(FrameError, match=r'\(200, 0\).*200x100'):
        limited(detector, of(roi__x=200)).detect([frame()])


def test_what_lies_where_the_mask_is_black_is_left_out(tmp_path):
    path = tmp_path / 'mask.png'
    # of half the size of the image: it is stretched
    mask = np.zeros((50, 100), np.uint8)
    mask[:, 50:] = 1
    cv2.imwrite(str(path), mask)
    detector = WhiteDetector()
    found, = limited(detector, of(mask=str(path))).detect([frame(LEFT, RIGHT)])
    assert found.boxes.tolist() == [list(RIGHT)]
    assert detector.shown == [(200, 100)], 'the detector sees the whole image'
    both, = limited(detector, of(mask=str(path), roi__width=100)).detect([frame(LEFT, RIGHT)])
    assert len(both) == 0


def test_masks_that_cannot_work_are_refused(tmp_path):
    (tmp_path / 'text.png').write_text('no picture')
    cv2.imwrite(str(tmp_path / 'black.png'), np.zeros((5, 5), np.uint8))
    for name, words in (('none.png', 'cannot be read'), ('text.png', 'no image'),
                        ('black.png', 'black everywhere')):
        with pytest.raises(ConfigError, match=words):
            read_mask(str(tmp_path / name))
    assert read_mask('') is None


def test_external_boxes_are_chosen_by_their_centre():
    boxes = Detections(
        np.array([LEFT, RIGHT], np.float32), np.array([0.9, 0.8]), np.array([0, 1]))
    settings = of(detector__type='external', roi__x=100)
    for size in ((200, 100), UNKNOWN_SIZE):
        found, = make_detector(settings).detect([Frame(None, 0.0, size, boxes)])
        assert found.boxes.tolist() == [list(RIGHT)]
        assert found.labels.tolist() == [1]


def test_external_detections_are_taken_as_they_come():
    boxes = Detections(
        np.array([LEFT, RIGHT, LEFT], np.float32), np.array([0.3, 0.9, 0.05]),
        np.array([4, 1, 2]))
    detector = ExternalDetections(0.1)
    found, = detector.detect([Frame(None, 0.0, UNKNOWN_SIZE, boxes)])
    assert found.labels.tolist() == [4, 1], 'in their order, without the weakest'
    assert detector.class_names == ()
    with pytest.raises(FrameError, match='detections'):
        detector.detect([Frame(None, 0.0, UNKNOWN_SIZE)])
    with pytest.raises(FrameError, match='both sides'):
        Frame(np.zeros((0, 0, 3), np.uint8), 0.0, UNKNOWN_SIZE)
