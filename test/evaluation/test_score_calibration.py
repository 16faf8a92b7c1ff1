# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mot_ros.evaluation.detection_matches import DetectionMatches
from mot_ros.evaluation.score_calibration import fit, leave_one_out, residual
from mot_ros.tracking.detectors.postprocess.calibration import ScoreCalibration
from mot_ros.tracking.errors import SourceError

TRUE = ScoreCalibration(0.5, 2.0, 0.8, 0.1)


def scene(seed, count=4000, calibration=TRUE, people=None):
    """Return detections that are right with the probability that a map gives."""
    random = np.random.default_rng(seed)
    scores, heights = random.uniform(.05, .95, count), random.uniform(.05, 1, count)
    chance = calibration.apply(scores, heights)
    people = count if people is None else people
    return DetectionMatches(
        scores, random.random(count) < chance, heights, np.ones(people), np.arange(people),
        np.ones(people))


def test_finds_the_map_that_made_the_data():
    found = fit([scene(0), scene(1)])
    scores, heights = np.meshgrid(np.linspace(.1, .9, 9), np.linspace(.1, 1, 9))
    np.testing.assert_allclose(
        found.apply(scores.ravel(), heights.ravel()), TRUE.apply(scores.ravel(), heights.ravel()),
        atol=.05)


def test_scenes_count_the_same_whatever_their_size():
    other = ScoreCalibration(-1.0, 2.0)
    few, many = scene(2, 3000, other), scene(3, 30000, other)
    one = fit([scene(0), few])
    assert one.offset == pytest.approx(fit([scene(0), many]).offset, abs=.3)


def test_residual_is_small_for_the_right_map_and_large_for_a_wrong_one():
    error, bias = residual(scene(4), TRUE)
    assert error < .05 and abs(bias) < .03
    error, bias = residual(scene(4), ScoreCalibration(3.0, 2.0, 0.8, 0.1))
    assert error > .1 and bias > .1
    assert residual(scene(4, 0), TRUE) == (0, 0)
    for error, _ in leave_one_out([scene(0), scene(1), scene(2)]):
        assert error < .06


def test_only_the_best_detections_are_fitted():
    few = scene(0, people=500)
    junk = DetectionMatches(
        np.concatenate([few.scores, np.full(20000, .04)]),
        np.concatenate([few.right, np.zeros(20000, bool)]),
        np.concatenate([few.heights, np.full(20000, .5)]),
        few.people_heights, few.ids, few.found)
    assert fit([few]) == fit([junk])


def test_nothing_to_learn_from_is_said():
    with pytest.raises(SourceError, match='both'):
        fit([scene(0, calibration=ScoreCalibration(50.0, 1.0))])
    upside_down = scene(0)
    with pytest.raises(SourceError, match='more often right'):
        fit([DetectionMatches(1 - upside_down.scores, upside_down.right, np.full(4000, .5),
                     upside_down.people_heights, upside_down.ids, upside_down.found)])
