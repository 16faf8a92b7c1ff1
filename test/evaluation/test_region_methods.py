# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
SiamMOT and Tracktor scored on made-up scenes, with networks that know what is within reach.

What the numbers say is what geometry and solver allow (conformance test 17), not what trained
networks do.
"""

import numpy as np
import pytest

from mot_ros.data.datasets.mot import MotRows
from mot_ros.evaluation.scores.metrics import score
from mot_ros.tracking.methods.siammot.tracker import SiamMot
from mot_ros.tracking.methods.tracktor import Tracktor
from test.tracking.oracle import follow, Objects, OracleDetector
from test.tracking.region_settings import CODE, settings_of
from test.tracking.scenes import person, SIZE

FRAMES = 40
TRACKTOR = {'motion': 'none', 'class_aware': False}


def row(speed, count=4, hide=()):
    """Return a scene of people in a row who walk right; some hide in frames 10 to 19."""
    def scene(number):
        boxes = [person(100 + 180 * k + speed * number) for k in range(count)]
        inside = [k for k in range(count) if boxes[k][0] < SIZE[0] - 5]
        return Objects(
            [boxes[k] for k in inside], [k + 1 for k in inside],
            visible=[not (k in hide and 10 <= number < 20) for k in inside])

    return scene


def crossing(speed):
    return lambda number: Objects(
        [person(484 + speed * (number - 20)), person(500 - speed * (number - 20))], [1, 2])


def rows(frames, ids, boxes):
    return MotRows(
        np.array(frames, np.int64), np.array(ids, np.int64),
        np.array(boxes, np.float64).reshape(-1, 4), np.ones(len(frames)))


def scores(scene, method, **changes):
    """Return the scores of a method in a scene; who is hidden is not to be found."""
    make = SiamMot if method == 'siammot' else Tracktor
    base = CODE if method == 'siammot' else TRACKTOR
    tracker = make(OracleDetector(scene), settings_of(method, **{**base, **changes}))
    truth, found = ([], [], []), ([], [], [])
    for number, tracks in enumerate(follow(tracker, FRAMES), 1):
        there = scene(number - 1)
        for name, box, shown in zip(there.names, there.boxes, there.visible, strict=True):
            if shown:
                for column, value in zip(truth, (number, name, box), strict=True):
                    column.append(value)
        seen = tracks.observed
        for identity, box in zip(seen.ids.tolist(), seen.boxes, strict=True):
            for column, value in zip(found, (number, identity, box), strict=True):
                column.append(value)
    return score(rows(*truth), rows(*found))


@pytest.mark.parametrize('scene, method, changes, idf1', [
    (row(4), 'tracktor', {}, 1.0),
    (row(4), 'siammot', {}, 1.0),
    # three quarters of a width per frame
    (row(30), 'tracktor', {}, 0.05),
    (row(30), 'siammot', {}, 0.05),
    (row(30), 'siammot', {'search': 3.0}, 1.0),
    # two who are out of sight for ten frames
    (row(4, hide=(1, 2)), 'tracktor', {}, 0.86),
    (row(4, hide=(1, 2)), 'siammot', {'tau': 1}, 0.86),
    (row(1.5, hide=(1, 2)), 'siammot', {}, 1.0),
    (row(4, hide=(1, 2)), 'siammot', {}, 0.86),
    (row(4, hide=(1, 2)), 'siammot', {'velocity': True}, 1.0),
    (row(12, hide=(1, 2)), 'siammot', {}, 0.84),
    (row(12, hide=(1, 2)), 'siammot', {'velocity': True}, 0.99),
    # of two boxes in one place one is suppressed, and looked for where it was
    (crossing(8), 'siammot', {}, 0.98),
    (crossing(8), 'siammot', {'tau': 1}, 0.75),
    (crossing(12), 'siammot', {}, 0.75),
    (crossing(12), 'siammot', {'velocity': True}, 0.98),
])
def test_identities(scene, method, changes, idf1):
    assert scores(scene, method, **changes).idf1 == pytest.approx(idf1, abs=0.03)


def test_detections_keep_the_boxes_right_whatever_the_ids():
    slow, fast = (scores(row(speed), 'tracktor') for speed in (4, 30))
    assert slow.mota == 1.0
    assert fast.misses == fast.false_positives == 0
    # everybody is new in every frame
    assert fast.switches > 0.9 * fast.truth_boxes
