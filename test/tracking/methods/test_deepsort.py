# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""DeepSORT: the cascade, and what happens where looks say nothing."""

import pytest

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.types import Detections, TrackState
from test.tracking.scenes import (
    BLANK,
    BLUE,
    detections,
    painted,
    person,
    RED,
    ScriptedDetector,
    watch,
)

NOBODY = (BLANK, Detections.empty())
C, T, L = TrackState.CONFIRMED, TrackState.TENTATIVE, TrackState.LOST


def shot(*people, score=0.9):
    return painted(people), detections([box for box, _ in people], score)


def result(film, preset='accurate', **changes):
    values = {(name.replace('__', '.') if '__' in name else f'deepsort.{name}'): value
              for name, value in changes.items()}
    settings = build(Settings, {'method': 'deepsort', 'preset': preset, **values})
    detector = ScriptedDetector()
    return watch(make_tracker(settings, detector), detector, film)


def states(results):
    return [t.states.tolist() for t in results]


HERE = shot((person(300), RED))


@pytest.mark.parametrize('count, expected', [(1, [C, C, C]), (2, [T, C, C]), (3, [T, T, C])])
def test_a_track_is_confirmed_when_seen_in_so_many_frames_its_birth_included(count, expected):
    assert states(result([HERE] * 3, n_init=count)) == [[state] for state in expected]


def test_a_tentative_track_gets_no_second_chance_and_a_confirmed_one_keeps_its_rank():
    assert states(result([HERE, NOBODY, HERE])) == [[T], [], [T]]
    assert states(result([HERE] * 3 + [NOBODY] * 2 + [HERE]))[-3:] == [[L], [L], [C]]


@pytest.mark.parametrize('max_age', [0, 1, 30])
def test_a_track_dies_after_more_misses_than_max_age(max_age):
    film = [HERE] * 3 + [NOBODY] * (max_age + 1)
    assert [len(t) for t in result(film, max_age=max_age)[-2:]] == [1, 0]


def test_the_most_recently_seen_track_comes_first():
    """Of two tracks that motion allows, the one that waits for longer goes without."""
    both = shot((person(300), RED), (person(312), RED))
    # nearer to where the one was who has been lost for longer
    film = [both] * 5 + [shot((person(312), RED))] * 4 + [shot((person(303), RED))]
    assert result(film, appearance__type='none')[-1].observed.ids.tolist() == [2]


def test_appearance_decides_between_tracks_lost_together():
    film = [shot((person(300), RED), (person(340), BLUE))] * 5 + [NOBODY] * 5 + [
        shot((person(340), RED), (person(300), BLUE))]
    last = result(film)[-1]
    assert [int(last.ids[last.sources == source][0]) for source in (0, 1)] == [1, 2]
    last = result(film, appearance__type='none')[-1]
    assert [int(last.ids[last.sources == source][0]) for source in (0, 1)] == [2, 1]


def test_appearance_does_not_override_the_motion_gate():
    film = [HERE] * 10 + [NOBODY] + [shot((person(700), RED))] * 3
    assert result(film)[-1].observed.ids.tolist() == [2]


def test_another_appearance_is_matched_by_iou_only_if_just_seen():
    blue = shot((person(300), BLUE))
    assert result([HERE] * 5 + [blue])[-1].observed.ids.tolist() == [1]
    assert result([HERE] * 5 + [NOBODY] + [blue] * 3)[-1].observed.ids.tolist() == [2]


def test_an_earlier_appearance_is_matched_within_the_budget():
    blue = shot((person(300), BLUE))
    film = [HERE] * 5 + [blue] * 20 + [NOBODY] + [HERE] * 3
    assert result(film)[-1].observed.ids.tolist() == [1]
    assert result(film, budget=10)[-1].observed.ids.tolist() == [2]


def test_weak_detections_do_not_exist():
    assert len(result([shot((person(300), RED), score=0.4)] * 5)[-1]) == 0
    assert len(result([shot((person(300), RED), score=0.4)] * 5, preset='paper')[-1]) == 1
