# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Which network looks, what labels mean on both sides, and what becomes of boxes."""

import numpy as np
import pytest

from mot_ros.tracking.detectors.rcnn.feature_detector import as_feature_detector, LabelMap
from mot_ros.tracking.methods.siammot.rcnn_frontend import RcnnFrame, RcnnFrontend
from mot_ros.tracking.types import Detections, Frame
from test.tracking.oracle import (
    GivenDetector,
    Objects,
    oracle_beside,
    OracleDetector,
    OracleHeads,
)
from test.tracking.region_settings import settings_of
from test.tracking.scenes import BLANK, person, SIZE


def tracks_at(boxes, labels):
    """Return what is searched: boxes with labels."""
    return Detections(boxes, np.ones(len(boxes), np.float32), np.array(labels))


@pytest.mark.parametrize('source, target, expected', [
    (('person', 'car'), ('person', 'car'), [-1, 0, 1, -1]),
    (('car', 'person', 'tree'), ('person', 'car'), [-1, 1, 0, -1]),
    (('person',), ('person', 'car'), [-1, 0, -1, -1]),
    # a detector that tells no names: its numbers are taken for the network's
    ((), ('person', 'car'), [-1, 0, 1, -1]),
    ((), ('person',), [0, 0, 0, 0]),
    # and back
    (('person', 'car'), (), [-1, 0, 1, 2]),
])
def test_labels_are_matched_by_name(source, target, expected):
    labels = np.array([-1, 0, 1, 2])
    assert LabelMap(source, target).of(labels).tolist() == expected


def test_detections_of_unknown_classes_are_left_out():
    found = Detections([person(100), person(200), person(300)], [0.9, 0.8, 0.7], [0, 1, 2])
    known = LabelMap(('car', 'tree', 'person'), ('person', 'car')).of_known(found)
    assert known.labels.tolist() == [1, 0]
    assert known.scores.tolist() == pytest.approx([0.9, 0.7])


def test_a_detector_that_sees_is_looked_through():
    detector = OracleDetector(lambda number: Objects([], []))
    assert as_feature_detector(detector) is detector
    assert as_feature_detector(GivenDetector(detector.scene)) is None
    settings = settings_of()
    frontend = RcnnFrontend(detector, settings)
    assert frontend.network is detector
    assert RcnnFrontend(detector, settings, frontend).network is detector


def test_a_loaded_network_is_handed_on(monkeypatch):
    made = []

    def load(settings):
        made.append(settings.rcnn.weights)
        return OracleDetector(lambda number: Objects([], []))

    monkeypatch.setattr('mot_ros.tracking.methods.siammot.rcnn_frontend._load', load)
    given = GivenDetector(lambda number: Objects([], []))
    first = RcnnFrontend(given, settings_of(rcnn__weights='a'))
    same = RcnnFrontend(given, settings_of(rcnn__weights='a', siammot__alpha=0.1), first)
    assert same.network is first.network
    other = RcnnFrontend(given, settings_of(rcnn__weights='b'), same)
    assert other.network is not first.network
    assert made == ['a', 'b']


@pytest.mark.parametrize('amodal', [False, True])
def test_what_is_left_of_boxes_in_the_image(amodal):
    heads = OracleHeads(Objects([], []), (1000, 600), amodal=amodal)
    boxes = np.array([
        [10, 10, 50, 50], [-30, 10, 10, 50], [-50, 10, 0.5, 50], [-50, 10, -10, 50],
        [990, 590, 1100, 700], [np.nan, 0, 1, 1], [0, 0, np.inf, 9], [30, 30, 20, 50],
    ], np.float32)
    cut, here = heads.in_image(boxes)
    assert here.tolist() == [True, True, False, False, True, False, False, False]
    assert np.isfinite(cut).all()
    left = [-30, 10, 10, 50] if amodal else [0, 10, 10, 50]
    assert cut[1].tolist() == left


def test_a_track_of_a_class_that_the_network_does_not_know_is_not_here():
    scene = Objects([person(300), person(500)], [7, 8])
    given = GivenDetector(lambda number: scene, ('person', 'tree'))
    with oracle_beside(given.scene):
        frontend = RcnnFrontend(given, settings_of())
    heads = OracleHeads(scene)
    found = RcnnFrame(frontend, heads).refine(tracks_at(scene.boxes, [0, 1]))
    assert found.here.tolist() == [True, False]
    assert found.scores[0] == pytest.approx(0.9)


def test_a_track_must_be_in_the_image_before_and_after_the_box_head():
    frontend = RcnnFrontend(OracleDetector(lambda number: Objects([], [])), settings_of())
    heads = OracleHeads(Objects([], []))
    asked = np.array([person(300), person(300), person(-100)], np.float32)
    answers = np.array([person(310), person(-100), person(300)], np.float32)
    heads.refine = lambda boxes, labels: (answers, np.full(3, 0.9, np.float32))
    image, tracks = RcnnFrame(frontend, heads), tracks_at(asked, [0, 0, 0])
    assert image.refine(tracks).here.tolist() == [True, False, False]
    heads.refine = lambda boxes, labels: (
        asked, np.array([0.9, np.nan, 0.9], np.float32))
    assert image.refine(tracks).here.tolist() == [True, False, False]


def test_a_box_that_turns_out_to_be_of_an_unwanted_class_starts_nothing():
    scene = Objects([person(300), person(500)], [7, 8], labels=[0, 1])
    given = GivenDetector(lambda number: scene)
    for wanted, labels in ((['person'], [0]), ([], [0, 1])):
        settings = settings_of(detector__classes=wanted)
        with oracle_beside(given.scene):
            frontend = RcnnFrontend(given, settings)
        frame = Frame(BLANK, 0.0, SIZE)
        found = frontend.detect(frame, 'given').detections
        assert found.labels.tolist() == labels
