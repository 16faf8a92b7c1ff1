# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Tracktor's engine over a box head that knows the truth where it overlaps what it is asked."""

import cv2
import numpy as np
import pytest

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.methods.siammot.tracker import SiamMot
from mot_ros.tracking.methods.tracktor import Tracktor
from mot_ros.tracking.types import Frame, TrackState
from test.tracking.oracle import (
    follow,
    GivenDetector,
    Objects,
    oracle_beside,
    OracleDetector,
    RATE,
    who,
)
from test.tracking.region_settings import CODE as SIAM_CODE
from test.tracking.region_settings import settings_of
from test.tracking.scenes import BLANK, person, SIZE

C, L = TrackState.CONFIRMED, TrackState.LOST
TABLE_1 = {'motion': 'none', 'class_aware': False}
"""The row "Faster-RCNN (Tracktor)" of SiamMOT's table 1."""
PUBLISHED = {
    'alpha': 0.5, 'beta': 0.5, 'overlap': 0.3, 'track_overlap': 0.6, 'suppress': 'apart',
    'motion': 'none',
}
"""Tracktor's own thresholds."""


def tracker_of(scene, first_id=1, **changes):
    return Tracktor(
        OracleDetector(scene), settings_of('tracktor', **{**TABLE_1, **changes}), first_id)


def moving(speed, start=100.0):
    return lambda number: Objects([person(start + speed * number)], [7])


def test_the_box_head_carries_a_track_on():
    results = follow(tracker_of(moving(5)), 20)
    assert [t.ids.tolist() for t in results] == [[1]] * 20
    assert results[-1].boxes[0] == pytest.approx(person(195), abs=0.01)
    assert results[-1].scores[0] == pytest.approx(0.9), 'that of the box head alone'


def test_it_is_asked_about_the_last_box():
    tracker = tracker_of(moving(5))
    follow(tracker, 3)
    asked, labels = tracker._frontend.network.seen[-1].asked[-1]
    assert asked[0] == pytest.approx(person(105), abs=0.01)
    assert labels.tolist() == [0]


def test_how_fast_one_may_be_without_motion_and_with_a_search():
    """Geometry alone: the sweep of conformance test 17."""
    def kept(make, share, method, **changes):
        settings = settings_of(method, **changes)
        tracker = make(OracleDetector(moving(40 * share)), settings)
        return follow(tracker, 12)[-1].observed.ids.tolist() == [1]

    shares = [0.1, 0.3, 0.45, 0.6, 0.9, 1.2]
    held = {
        'tracktor': [kept(Tracktor, share, 'tracktor', **TABLE_1) for share in shares],
        'emm, r = 2': [kept(SiamMot, share, 'siammot', **SIAM_CODE) for share in shares],
        'emm, r = 3': [
            kept(SiamMot, share, 'siammot', **SIAM_CODE, search=3.0) for share in shares]}
    # a box that moves by d of its width still overlaps by (1 - d) / (1 + d)
    assert held == {
        'tracktor': [True, True, True, False, False, False],
        'emm, r = 2': [True, True, True, False, False, False],
        'emm, r = 3': [True, True, True, True, True, False]}
    # where boxes do not overlap as much, the box head has nothing to hold on to
    strict = Tracktor(
        OracleDetector(moving(16), overlap=0.5), settings_of('tracktor', **TABLE_1))
    assert follow(strict, 12)[-1].observed.ids.tolist() != [1]
    searching = SiamMot(OracleDetector(moving(16), overlap=0.5), settings_of(**SIAM_CODE))
    assert follow(searching, 12)[-1].observed.ids.tolist() == [1]


def textured(speed, objects):
    """Return images and a scene of patterned boxes that move right over a plain ground."""
    coat = np.random.default_rng(0).integers(0, 255, (8, 4, 3)).astype(np.uint8)
    coat = cv2.resize(coat, (40, 100), interpolation=cv2.INTER_CUBIC)

    def scene(number):
        return Objects([person(200 + speed * number, 150 + 150 * k) for k in range(objects)],
                       list(range(objects)))

    images = []
    for number in range(8):
        image = BLANK.copy()
        for x1, y1, x2, y2 in scene(number).boxes.astype(int).tolist():
            image[y1:y2, x1:x2] = coat
        images.append(image)
    return images, scene


@pytest.mark.parametrize('motion', ['farneback', 'dis'])
@pytest.mark.parametrize('reduction', ['mean', 'median'])
def test_flow_carries_boxes_to_where_the_box_head_finds_them(motion, reduction):
    images, scene = textured(24, 2)
    lost = follow(tracker_of(scene), 8, images=images)[-1]
    assert not {1, 2} & set(lost.observed.ids.tolist())
    flowing = tracker_of(scene, motion=motion, flow_reduction=reduction)
    found = follow(flowing, 8, images=images)[-1]
    assert who(found, scene(7)) == {0: 1, 1: 2}


def test_the_camera_carries_boxes_too():
    rng = np.random.default_rng(0)
    ground = np.kron(
        rng.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8 + 60, 3)).astype(np.uint8),
        np.ones((8, 8, 1), np.uint8))
    images = [np.ascontiguousarray(ground[:, shift:shift + SIZE[0]])
              for shift in range(0, 240, 30)]

    def scene(number):
        return Objects([person(600 - 30 * number)], [7])

    assert follow(tracker_of(scene), 8, images=images)[-1].observed.ids.tolist() != [1]
    carried = tracker_of(scene, motion='camera')
    assert follow(carried, 8, images=images)[-1].observed.ids.tolist() == [1]
    # also in frames that are not looked into
    jumping = tracker_of(scene, motion='camera')
    first = follow(jumping, 1, images=images)[0]
    assert first.ids.tolist() == [1]
    for number in (1, 2, 3):
        skipped = jumping.propagate(Frame(images[number], number / RATE, SIZE))
        assert skipped.boxes[0] == pytest.approx(person(600 - 30 * number), abs=3)
    assert follow(jumping, 5, 4, images)[0].observed.ids.tolist() == [1]


def test_a_track_below_alpha_dies_at_once_or_is_asked_about_for_tau_frames():
    def scene(number):
        return Objects([person(300)], [7], visible=[number not in (3, 4)])

    assert [len(t) for t in follow(tracker_of(scene), 6)] == [1, 1, 1, 0, 0, 1]
    patient = follow(tracker_of(scene, tau=3), 6)
    assert [t.states.tolist() for t in patient] == [[C]] * 3 + [[L]] * 2 + [[C]]
    assert patient[-1].ids.tolist() == [1]


def test_published_thresholds():
    def scene(number):
        return Objects([person(300), person(314)], [7, 8])

    # they overlap by .48: two tracks may, a detection with a track may not
    results = follow(tracker_of(scene), 3)
    assert results[-1].ids.tolist() == [1, 2]
    results = follow(Tracktor(
        OracleDetector(scene), settings_of('tracktor', **PUBLISHED)), 3)
    assert results[-1].ids.tolist() == [1]

    def meeting(number):
        return Objects([person(300), person(400 - 8.6 * min(number, 10))], [7, 8])

    results = follow(Tracktor(
        OracleDetector(meeting), settings_of('tracktor', **PUBLISHED)), 14)
    assert results[-1].ids.tolist() == [1, 2]


def test_one_who_leaves_is_gone():
    results = follow(tracker_of(moving(-10, 60)), 12)
    assert [len(t) for t in results] == [1] * 8 + [0] * 4


def test_boxes_of_another_detector():
    scene = moving(5)
    settings = settings_of('tracktor', **TABLE_1, detections='kept', rcnn__weights='')
    with oracle_beside(scene):
        tracker = Tracktor(GivenDetector(scene), settings)
    first, second = follow(tracker, 2)
    assert first.scores[0] == pytest.approx(0.7)
    assert second.ids.tolist() == [1]
    assert second.scores[0] == pytest.approx(0.9)
    with pytest.raises(WeightsError):
        Tracktor(GivenDetector(scene), settings)


def test_it_changes_at_work():
    images, scene = textured(12, 1)
    tracker = tracker_of(scene)
    detector = tracker._frontend.network
    follow(tracker, 2, images=images)
    for motion in ('dis', 'farneback', 'camera', 'none'):
        tracker.configure(
            settings_of('tracktor', **{**TABLE_1, 'motion': motion}), detector)
        assert (tracker._tracks.flow is not None) == (motion in ('dis', 'farneback'))
        assert (tracker._tracks.camera is not None) == (motion == 'camera')
        assert follow(tracker, 3, 2, images)[0].ids.tolist() == [1]
    tracker.configure(settings_of('tracktor', **TABLE_1), OracleDetector(scene))
    assert follow(tracker, 4, 3, images)[0].ids.tolist() == [1], 'the same weights, loaded anew'
    tracker.configure(settings_of('tracktor', **TABLE_1, rcnn__weights='others'), detector)
    assert follow(tracker, 5, 4, images)[0].ids.tolist() == [2]
    assert tracker.needs_image
    tracker.reset()
    assert tracker.next_id == 1


def test_the_same_frames_give_the_same_tracks():
    images, scene = textured(12, 2)
    settings = settings_of('tracktor', **{**TABLE_1, 'motion': 'dis'})
    one, other = (Tracktor(OracleDetector(scene), settings) for _ in range(2))
    both = [(follow(one, n + 1, n, images)[0], follow(other, n + 1, n, images)[0])
            for n in range(8)]
    one.reset()
    again = follow(one, 8, images=images)
    for number, (first, second) in enumerate(both):
        for name, column in first.columns().items():
            assert (column == second.columns()[name]).all(), name
            assert (column == again[number].columns()[name]).all(), name


def test_a_frame_may_be_blank():
    tracker = tracker_of(lambda number: Objects([], []), motion='dis')
    assert len(tracker.update(Frame(BLANK, 0.0, SIZE))) == 0
