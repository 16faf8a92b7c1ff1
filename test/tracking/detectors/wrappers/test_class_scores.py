# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors.wrappers.class_scores import ClassScores, parse, with_class_scores
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.types import Detections, Frame


class Fixed:
    """A detector that sees a person, a car and a dog, each with the same score."""

    class_names = ('person', 'car', 'dog')

    def __init__(self, score=0.75):
        boxes = np.array([[0, 0, 20, 60], [100, 0, 160, 40], [200, 0, 230, 20]], np.float32)
        self.found = Detections(boxes, np.full(3, score, np.float32), np.arange(3))

    def detect(self, frames):
        return [self.found for _ in frames]


def settings(scores='', **more):
    return build(Settings, {'detector.class_scores': scores, **more})


def test_each_class_has_its_own_least_score():
    frame = Frame(None, 0.0, (640, 480))
    detector = with_class_scores(Fixed(), settings('car=0.8, dog=0.75'))
    (found,) = detector.detect([frame])
    assert found.labels.tolist() == [0, 2], 'one exactly at its score is kept'
    assert list(detector.class_names) == ['person', 'car', 'dog']
    assert with_class_scores(Fixed(), settings()).__class__ is Fixed


def test_tracks_are_those_of_the_classes_that_are_sure_enough():
    chosen = settings('car=0.8', method='bytetrack', **{'bytetrack.new_track_thresh': 0.5})
    detector = with_class_scores(Fixed(), chosen)
    tracker = make_tracker(chosen, detector)
    for number in range(5):
        tracks = tracker.update(Frame(None, number / 10, (640, 480)))
    assert sorted(tracks.observed.labels.tolist()) == [0, 2]


@pytest.mark.parametrize(
    'wrong', ['car', 'car=', '=0.5', 'car=much', 'car=1.5', 'car=nan', 'car=0.5,'])
def test_what_is_no_class_with_a_score_is_named(wrong):
    with pytest.raises(ConfigError, match=r'class_scores has .*give NAME=SCORE'):
        parse(wrong)


def test_unknown_classes_and_methods_that_ask_the_network():
    with pytest.raises(ConfigError, match=r"has 'horse', .* its classes are person, car, dog$"):
        ClassScores(Fixed(), {'horse': 0.5})
    for values in ({'method': 'siammot'}, {'method': 'smot'}, {'detector.type': 'rcnn'}):
        with pytest.raises(ConfigError, match='reads the network directly'):
            with_class_scores(Fixed(), settings('car=0.8', **values))
    # a name may hold the sign
    assert parse('a=b=0.5,c=1') == {'a=b': 0.5, 'c': 1.0}
