# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""BoT-SORT: the better of overlap and looks, and the camera's motion taken out."""

import numpy as np
import pytest

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.types import Detections, TrackState
from test.tracking.methods.test_smiletrack import ids, pan, shot
from test.tracking.scenes import (
    BLANK,
    BLUE,
    detections,
    painted,
    person,
    random_script,
    RED,
    run,
    ScriptedDetector,
    watch,
)

C, T, L = TrackState.CONFIRMED, TrackState.TENTATIVE, TrackState.LOST


def settings_of(preset='accurate', **changes):
    values = {(name.replace('__', '.') if '__' in name else f'botsort.{name}'): value
              for name, value in changes.items()}
    return build(Settings, {'method': 'botsort', 'preset': preset, **values})


def result(film, preset='accurate', **changes):
    detector = ScriptedDetector()
    tracker = make_tracker(settings_of(preset, **changes), detector)
    return watch(tracker, detector, film)


def owners(results):
    """Return the id that each detection of the last frame got."""
    last = results[-1]
    count = int((last.sources >= 0).sum())
    return [int(last.ids[last.sources == source][0]) for source in range(count)]


CLOSE = [
    *[shot((person(300), RED), (person(316), BLUE))] * 10, *[(BLANK, Detections.empty())] * 3,
    shot((person(316), RED), (person(300), BLUE))]
"""Two side by side change places; the right one of each pair overlaps by 3/7."""


def test_appearance_outweighs_iou_where_both_are_near():
    assert owners(result(CLOSE)) == [1, 2]
    assert owners(result(CLOSE, appearance__type='none')) == [2, 1]


@pytest.mark.parametrize('least, expected', [(0.42, [1, 2]), (0.44, [2, 1])])
def test_appearance_counts_only_above_proximity_iou(least, expected):
    assert owners(result(CLOSE, proximity_iou=least)) == expected


def test_appearance_counts_only_within_its_threshold():
    # cosine of a little over nothing: half of one minus that is nearly 1/2
    film = [shot((person(300), RED))] * 10 + [shot((person(330), BLUE))]
    assert result(film)[-1].states.tolist()[0] == L
    assert result(film, appearance_thresh=0.5)[-1].states.tolist() == [C]


def test_the_motion_of_the_camera_is_taken_out():
    for kind in ('colour', 'none'):
        assert ids(result(pan(), appearance__type=kind))[-1] == [1]
        assert ids(result(pan(), appearance__type=kind, camera_motion__mode='off'))[-1] == [2]


@pytest.mark.parametrize('method', ['botsort', 'smiletrack'])
def test_without_appearance_on_a_standing_camera_it_is_bytetrack(method):
    script = random_script(np.random.default_rng(11), frames=150)
    plain = build(Settings, {
        'method': method, 'appearance.type': 'none', 'smiletrack.biou_buffer': 0.0,
        'smiletrack.height_iou_power': 0.0, 'smiletrack.direction_weight': 0.0})
    byte = build(Settings, {'method': 'bytetrack'})
    for one, two in zip(run(lambda detector: make_tracker(plain, detector), script),
                        run(lambda detector: make_tracker(byte, detector), script), strict=True):
        assert one.ids.tolist() == two.ids.tolist()
        assert one.sources.tolist() == two.sources.tolist()
        np.testing.assert_allclose(one.boxes, two.boxes)


def test_doubtful_detections_teach_nothing():
    film = [shot((person(300), RED))] * 10 + [
        (painted([(person(300), BLUE)]), detections([person(300)], 0.2))] * 30 + [
        shot((person(325), RED))]
    # IoU 0.23 is not enough by itself with a score of 0.75, but the looks of the first frames are
    assert result(film, match_iou=0.5)[-1].states.tolist() == [C]
