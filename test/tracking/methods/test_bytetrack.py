# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.tracking.config import ByteTrackSettings, Settings
from mot_ros.tracking.methods.bytetrack import ByteTrack
from mot_ros.tracking.types import Detections, TrackState
from test.tracking.scenes import detections, person, run

NOBODY = Detections.empty()
HERE = [person(300)]


def bytetrack(**values):
    chosen = ByteTrackSettings(**{
        'track_high_thresh': 0.5, 'track_low_thresh': 0.1, 'new_track_thresh': 0.6,
        'match_iou': 0.2, 'lost_buffer': 1.0, 'nominal_rate': 30.0, 'motion': 'xyah', **values})
    return lambda detector: ByteTrack(detector, Settings(bytetrack=chosen))


def states(results):
    return [t.states.tolist() for t in results]


C, T, L = TrackState.CONFIRMED, TrackState.TENTATIVE, TrackState.LOST


def test_births_are_confirmed_at_once_only_in_the_first_frame():
    script = [detections(HERE), detections([*HERE, person(700)]),
              detections([*HERE, person(700)])]
    assert states(run(bytetrack(), script)) == [[C], [C, T], [C, C]]


def test_a_tentative_track_gets_no_second_chance():
    script = [NOBODY, detections(HERE), NOBODY, detections(HERE), detections(HERE)]
    results = run(bytetrack(), script)
    assert states(results) == [[], [T], [], [T], [C]]
    assert results[-1].ids.tolist() == [2]


@pytest.mark.parametrize('score, born', [(0.6, True), (0.5999, False), (0.5, False)])
def test_the_birth_threshold_counts_itself_in(score, born):
    assert len(run(bytetrack(), [detections(HERE, score)])[-1]) == born


@pytest.mark.parametrize('score, kept', [
    (0.5, True), (0.3, True), (0.1, True), (0.0999, False)])
def test_doubtful_detections_continue_a_track_down_to_the_low_threshold(score, kept):
    script = [detections(HERE)] * 3 + [detections(HERE, score)]
    assert states(run(bytetrack(fuse_score=False), script))[-1] == [C if kept else L]


def test_doubtful_detections_neither_start_nor_revive_a_track():
    script = [detections(HERE)] * 3 + [NOBODY] + [detections(HERE, 0.3)] * 3
    results = run(bytetrack(), script)
    assert states(results)[-1] == [L]
    assert len(results[-1]) == 1


def test_the_doubtful_pass_asks_for_more_overlap():
    # shifted by 20 of 40 pixels: IoU 1/3, enough for the first pass, not for the second
    for score, expected in ((0.9, C), (0.3, L)):
        script = [detections(HERE)] * 3 + [detections([person(320)], score)]
        assert states(run(bytetrack(), script))[-1][0] == expected


def test_a_lost_track_is_revived_with_its_id_within_the_buffer_and_not_after():
    for pause, kept in ((29, True), (30, True), (31, False)):
        script = [detections(HERE)] * 3 + [NOBODY] * pause
        assert len(run(bytetrack(), script)[-1]) == kept
        back = run(bytetrack(), [*script, detections(HERE), detections(HERE)])
        assert back[-1].observed.ids.tolist() == [1 if kept else 2]


def test_the_buffer_is_in_seconds_at_every_frame_rate():
    for rate in (5.0, 10.0, 30.0):
        pause = int(0.8 * rate)
        script = [detections(HERE)] * 5 + [NOBODY] * pause + [detections(HERE)]
        assert run(bytetrack(), script, rate)[-1].observed.ids.tolist() == [1]
        pause = int(1.2 * rate)
        script = [detections(HERE)] * 5 + [NOBODY] * pause
        assert len(run(bytetrack(), script, rate)[-1]) == 0


def test_score_fusion_prefers_the_surer_detection():
    script = [detections(HERE)] * 3 + [detections([person(300), person(303)], [0.55, 0.99])]
    assert run(bytetrack(fuse_score=True), script)[-1].sources[0] == 1
    assert run(bytetrack(fuse_score=False), script)[-1].sources[0] == 0


def test_a_detection_goes_to_a_believed_track_before_a_tentative_one():
    script = [detections(HERE), detections([*HERE, person(330)]), detections([person(315)])]
    results = run(bytetrack(), script)
    assert states(results)[1] == [C, T]
    assert results[-1].ids.tolist() == [1]


def test_of_a_lost_and_a_living_track_in_one_place_the_older_goes_on_without_a_hole():
    """A young track walks onto the place of a lost one: the older id takes over at once."""
    places = [315 - i for i in range(14)]
    script = [detections(HERE)] * 10 + [NOBODY] * 2 + [detections([person(x)]) for x in places]
    # so strict that the lost track cannot take the detections before the two coincide
    results = run(bytetrack(match_iou=0.75), script)[13:]
    shown = [t.observed.ids.tolist() for t in results]
    merged = shown.index([1])
    assert merged > 3
    assert shown == [[2]] * merged + [[1]] * (len(shown) - merged)
    assert results[merged].ids.tolist() == [1]
    assert results[-1].boxes[0] == pytest.approx(person(302), abs=2)


def test_crossing_people_keep_their_ids():
    script = []
    for i in range(60):
        a, b = person(200 + 5 * i, 300), person(500 - 5 * i, 320)
        script.append(detections([a, b]))
    results = run(bytetrack(), script)
    last = results[-1]
    by_id = dict(zip(last.ids.tolist(), last.boxes[:, 0].tolist(), strict=True))
    assert by_id[1] > by_id[2]
    assert set(by_id) == {1, 2}


def test_occluded_people_are_found_again():
    script = []
    for i in range(60):
        hidden = 20 <= i < 40
        script.append(NOBODY if hidden else detections([person(100 + 4 * i)]))
    results = run(bytetrack(), script)
    assert {i for t in results for i in t.observed.ids.tolist()} == {1}
    assert len(results[-1].observed) == 1


def test_lost_tracks_have_an_unseen_time_and_are_predicted():
    script = [detections([person(100 + 3 * i)]) for i in range(20)] + [NOBODY] * 10
    last = run(bytetrack(), script)[-1]
    assert last.states.tolist() == [L]
    assert last.unseen[0] == pytest.approx(10 / 30, abs=1e-6)
    assert np.mean(last.boxes[0, [0, 2]]) == pytest.approx(100 + 3 * 29, abs=3)
