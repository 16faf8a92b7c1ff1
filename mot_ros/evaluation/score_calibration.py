# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Fit a map from scores to probabilities on annotated scenes, and measure what it misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mot_ros.evaluation.detection_matches import DetectionMatches
from mot_ros.tracking.detectors.postprocess.calibration import features, ScoreCalibration
from mot_ros.tracking.errors import SourceError

RIDGE = 1e-3
"""Weight of the squares of the numbers, which keeps them finite where scenes are separable."""
ROUNDS = 50
PER_PERSON = 2
"""Detections per person that a map is fitted to."""
BINS = 10
"""Bins of probability whose residual is measured."""
FEWEST = 0.1
"""Least probability of a detection whose residual is measured."""


def fit(scenes: Sequence[DetectionMatches]) -> ScoreCalibration:
    """
    Fit the logistic map to the detections of scenes, each scene of equal weight.

    By Newton's method on the cross-entropy, of the PER_PERSON best detections per person of each
    scene: below them nearly all are false, and their number would decide the fit. Raises
    SourceError where detections are all right or all wrong, and where a better score is not
    more often right.
    """
    scenes = [_best(scene) for scene in scenes]
    rows = [features(scene.scores.astype(np.float32), scene.heights.astype(np.float32))
            for scene in scenes]
    terms = np.concatenate(rows)
    right = np.concatenate([scene.right for scene in scenes]).astype(np.float64)
    if not 0 < right.sum() < len(right):
        raise SourceError(
            f'{int(right.sum())} of {len(right)} detections are right; a calibration needs both '
            'kinds: give more annotated frames, or a lower detector.score_floor')
    weights = np.concatenate([np.full(len(row), 1 / len(row)) for row in rows if len(row)])
    numbers = np.array([0.0, 1.0, 0.0, 0.0])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-(terms @ numbers)))
        slope = terms.T @ (weights * (chance - right)) + RIDGE * numbers
        curvature = terms.T @ (terms * (weights * chance * (1 - chance))[:, None])
        step = np.linalg.solve(curvature + RIDGE * np.eye(len(numbers)), slope)
        numbers = numbers - step
        if np.abs(step).max() < 1e-9:
            break
    if not np.isfinite(numbers).all() or numbers[1] <= 0:
        raise SourceError(
            'better scores are not more often right in these frames: check that truth and images '
            'belong together')
    return ScoreCalibration(*(round(float(number), 5) for number in numbers))


def residual(scene: DetectionMatches, calibration: ScoreCalibration) -> tuple[float, float]:
    """
    Return how far probabilities are off in a scene: on average over bins, and with their sign.

    The first is the expected calibration error, the mean distance between probability and part
    right over BINS bins, weighed by their detections; the second is the mean of probability less
    part right. Only detections of probability FEWEST or more count: the many others, which are
    wrong and said to be, would hide the rest.
    """
    chance = calibration.apply(
        scene.scores.astype(np.float32), scene.heights.astype(np.float32)).astype(np.float64)
    counted = chance >= FEWEST
    if not counted.any():
        return 0.0, 0.0
    chance = chance[counted]
    excess = chance - scene.right[counted]
    level = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    sums = np.bincount(level, weights=excess, minlength=BINS).astype(np.float64)
    return float(np.abs(sums).sum() / len(chance)), float(excess.mean())


def leave_one_out(scenes: Sequence[DetectionMatches]) -> list[tuple[float, float]]:
    """Return the residual of each scene with a map that is fitted to the others."""
    return [
        residual(scene, fit([other for other in scenes if other is not scene]))
        for scene in scenes]


def _best(scene: DetectionMatches) -> DetectionMatches:
    """Return the scene with its best detections alone."""
    order = np.argsort(-scene.scores, kind='stable')[:PER_PERSON * len(scene.found)]
    return replace(
        scene, scores=scene.scores[order], right=scene.right[order],
        heights=scene.heights[order])
