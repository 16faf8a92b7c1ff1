# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Map the score and size of a detection to the probability that it is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
import json
import math

import numpy as np

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.types import Floats

KEY = 'calibration'
"""Where a file of weights keeps its map, as JSON."""
LEAST = 1e-4
"""Scores are kept this far from 0 and 1, where the logit ends."""
LEAST_HEIGHT = 0.02
"""Lower people are taken for this high, as a part of the image's short side."""


@dataclass(frozen=True)
class ScoreCalibration:
    """
    A logistic map: logit p = offset + slope * logit(score) + height * log(h) + curve * log(h)^2.

    `h` is the height of the box as a part of the image's short side. `slope` is positive, so that
    of two boxes of one height the one with the better score stays the better one. Raises
    ValueError for other numbers.
    """

    offset: float
    slope: float
    height: float = 0.0
    curve: float = 0.0

    def __post_init__(self) -> None:
        values = (self.offset, self.slope, self.height, self.curve)
        if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
            raise ValueError(f'calibration has numbers {values}; they must be finite')
        if self.slope <= 0:
            raise ValueError(f'calibration has slope {self.slope}; it must be positive')

    def apply(self, scores: Floats, heights: Floats) -> Floats:
        """Return the probability (N,) of each score (N,) at each relative height (N,)."""
        terms = features(scores, heights)
        numbers = np.array([self.offset, self.slope, self.height, self.curve])
        probabilities: Floats = (1 / (1 + np.exp(-(terms @ numbers)))).astype(np.float32)
        return probabilities

    def to_json(self) -> str:
        """Return the text that from_json reads."""
        return json.dumps(asdict(self))


def features(scores: Floats, heights: Floats) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return 1, logit of the score, log of the height and its square (N, 4)."""
    bounded = np.clip(np.asarray(scores, np.float64), LEAST, 1 - LEAST)
    logarithm = np.log(np.clip(np.asarray(heights, np.float64), LEAST_HEIGHT, 1))
    return np.stack([
        np.ones_like(bounded), np.log(bounded / (1 - bounded)), logarithm, logarithm ** 2], 1)


def from_metadata(metadata: Mapping[str, str]) -> ScoreCalibration | None:
    """
    Return the map that a file of weights keeps, or None.

    Raises WeightsError for one that is damaged.
    """
    text = metadata.get(KEY)
    return None if text is None else from_json(text)


def from_json(text: str) -> ScoreCalibration:
    """Return the map that to_json has written; WeightsError for any other text."""
    try:
        return ScoreCalibration(**json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise WeightsError(
            f'the calibration is {text[:80]!r}: {error}; make it again with mot_ros calibrate'
        ) from error
