# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings that change under a tracker at work, and frames that are not looked into."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mot_ros.tracking.config import APPEARANCE_METHODS, BOX_METHODS, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.types import Detections, Frame, TrackState
from test.tracking.methods.test_methods import as_bytes
from test.tracking.scenes import BLANK, detections, feed, person, ScriptedDetector, SIZE

RATE = 30.0

every_method = pytest.mark.parametrize('method', BOX_METHODS)


def walk(frames, speed=3.0, first=0):
    return [detections([person(200 + speed * number)]) for number in range(first, first + frames)]


def settings_of(method, **values):
    return build(Settings, {
        'method': method, **{name.replace('__', '.'): value for name, value in values.items()}})


@every_method
def test_between_two_looks_tracks_move_on_and_nothing_is_lost(method):
    every = 5
    settings = settings_of(method, detect_every=every)
    detector = ScriptedDetector()
    tracker = make_tracker(settings, detector)
    script = [seen if number % every == 0 else Detections.empty()
              for number, seen in enumerate(walk(60))]
    results = feed(tracker, detector, script)
    for number, tracks in enumerate(results[20:], 20):
        assert tracks.observed.ids.tolist() == [1], number
        x = (tracks.boxes[0, 0] + tracks.boxes[0, 2]) / 2
        assert x == pytest.approx(200 + 3 * number, abs=4.0), 'it moves between the looks'
        assert (tracks.sources[0] >= 0) == (number % every == 0)
        assert tracks.unseen[0] == pytest.approx(number % every / 30, abs=1e-5)
    moved = np.diff([tracks.boxes[0, 0] for tracks in results[20:]])
    assert (moved > 0.5).all()


@every_method
def test_one_who_is_gone_is_lost_at_the_next_look_and_not_before(method):
    settings = settings_of(method, detect_every=3)
    detector = ScriptedDetector()
    tracker = make_tracker(settings, detector)
    # frame 12 is looked into, 13 and 14 are not
    results = feed(tracker, detector, walk(13) + [Detections.empty()] * 5)
    assert [len(tracks.observed) for tracks in results[12:16]] == [1, 1, 1, 0]
    assert (results[15].states == TrackState.LOST).all()


@every_method
def test_skipping_counts_no_misses(method):
    # sort forgets a track after one missed frame; seen at every look it lives
    detector = ScriptedDetector()
    tracker = make_tracker(settings_of(method, detect_every=4), detector)
    results = feed(tracker, detector, walk(80))
    assert {identity for tracks in results for identity in tracks.ids.tolist()} == {1}


@every_method
def test_looking_at_every_frame_is_what_was(method):
    plain, other = ScriptedDetector(), ScriptedDetector()
    script = walk(20)
    a = feed(make_tracker(settings_of(method), plain), plain, script)
    b = feed(make_tracker(settings_of(method, detect_every=1), other), other, script)
    for one, two in zip(a, b, strict=True):
        np.testing.assert_array_equal(one.boxes, two.boxes)


def test_after_a_failed_look_the_next_frame_is_looked_into():
    detector = ScriptedDetector()
    tracker = make_tracker(settings_of('sort', detect_every=3), detector)
    looks = []

    def detect(frames):
        looks.append(frames[0].stamp)
        if len(looks) == 2:
            raise FrameError('bad luck')
        return [detector.next]

    tracker.configure(settings_of('sort', detect_every=3), _Of(detect))
    for number in range(8):
        try:
            tracker.update(Frame(None, float(number), SIZE))
        except FrameError:
            continue
    assert looks == [0.0, 3.0, 4.0, 7.0]


@pytest.mark.parametrize('method, every', [
    *((method, 1) for method in BOX_METHODS), *((method, 3) for method in APPEARANCE_METHODS)])
def test_a_frame_that_cannot_be_used_changes_nothing(method, every):
    def detect(frames):
        frames[0].require_image('none is here')
        return [script[round(frames[0].stamp * RATE)]]

    def tracked(*, disturbed):
        tracker = make_tracker(settings_of(method, detect_every=every), _Of(detect))
        results = []
        for number in range(len(script)):
            if disturbed and number:
                with pytest.raises(FrameError):
                    tracker.update(Frame(BLANK.astype(np.float32), (number - .5) / RATE, SIZE))
            results.append(tracker.update(Frame(BLANK, number / RATE, SIZE)))
        return results

    script = walk(12)
    assert as_bytes(tracked(disturbed=True)) == as_bytes(tracked(disturbed=False))


class _Of:
    class_names = ()

    def __init__(self, detect):
        self.detect = detect


def test_skipping_can_be_switched_off_at_once_and_a_reset_looks():
    detector = ScriptedDetector()
    tracker = make_tracker(settings_of('sort', detect_every=100), detector)
    feed(tracker, detector, walk(2))
    tracker.configure(settings_of('sort', detect_every=1), detector)
    assert feed(tracker, detector, walk(1, first=2), start=2 / 30)[0].sources.tolist() == [0]
    tracker.configure(settings_of('sort', detect_every=100), detector)
    feed(tracker, detector, walk(2, first=3), start=3 / 30)
    tracker.reset()
    assert feed(tracker, detector, walk(1))[0].ids.tolist() == [1]


@every_method
def test_thresholds_change_and_tracks_live_on(method):
    detector = ScriptedDetector()
    settings = settings_of(method)
    tracker = make_tracker(settings, detector)
    before = feed(tracker, detector, walk(5))[-1]
    own = getattr(settings, method)
    tracker.configure(
        dataclasses.replace(settings, **{method: dataclasses.replace(own, match_iou=0.25)}),
        detector)
    after = feed(tracker, detector, walk(1, first=5), start=5 / 30)[-1]
    assert after.ids.tolist() == before.ids.tolist() == [1]
    assert after.ages[0] > before.ages[0]


@pytest.mark.parametrize('method, change', [
    ('bytetrack', {'bytetrack__motion': 'xyah'}), ('bytetrack', {'bytetrack__nominal_rate': 20.0}),
    ('sort', {'sort__nominal_rate': 20.0}), ('sort', {'method': 'bytetrack'}),
    ('bytetrack', {'method': 'sort'})])
def test_another_motion_or_method_drops_tracks_and_ids_go_on(method, change):
    detector = ScriptedDetector()
    tracker = make_tracker(settings_of(method), detector)
    feed(tracker, detector, walk(5))
    tracker.configure(settings_of(**{'method': method, **change}), detector)
    tracks = feed(tracker, detector, walk(1, first=5), start=5 / 30)[0]
    assert tracks.ids.tolist() == [2]
    assert tracks.ages.tolist() == [0.0]
    tracker.reset()
    assert feed(tracker, detector, walk(1))[0].ids.tolist() == [1], 'a reset begins at 1'


@every_method
def test_a_new_detector_is_used_from_the_next_frame(method):
    old, new = ScriptedDetector(), ScriptedDetector()
    tracker = make_tracker(settings_of(method), old)
    feed(tracker, old, walk(3))
    tracker.configure(settings_of(method), new)
    old.next, new.next = detections([person(900)]), walk(1, first=3)[0]
    assert tracker.update(Frame(BLANK, 3 / 30, SIZE)).ids.tolist() == [1]
    assert tracker.needs_image == (method not in ('bytetrack', 'sort'))
