# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from mot_ros.tracking.detectors.postprocess.calibration import (
    from_json,
    from_metadata,
    KEY,
    ScoreCalibration,
)
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.weights import store as weights

numbers = st.floats(-5, 5)


@given(offset=numbers, slope=st.floats(.01, 5), height=numbers, curve=numbers,
       tall=st.floats(0, 2))
def test_is_a_probability_that_rises_with_the_score(offset, slope, height, curve, tall):
    scores = np.linspace(0, 1, 101)
    found = ScoreCalibration(offset, slope, height, curve).apply(scores, np.full(101, tall))
    assert found.dtype == np.float32
    assert (found >= 0).all() and (found <= 1).all()
    assert (np.diff(found) >= 0).all()


def test_by_hand():
    one = ScoreCalibration(0.0, 1.0)
    np.testing.assert_allclose(one.apply(np.array([.3]), np.array([.5])), [.3], rtol=1e-6)
    two = ScoreCalibration(np.log(2.0), 1.0, 1.0)
    # odds of 1, twice as many, at half the height half as many
    np.testing.assert_allclose(two.apply(np.array([.5]), np.array([.5])), [.5], rtol=1e-6)
    assert len(one.apply(np.zeros(0), np.zeros(0))) == 0


def test_goes_through_its_text():
    one = ScoreCalibration(-1.5, 2.25, 0.5, -0.125)
    assert from_json(one.to_json()) == from_metadata({KEY: one.to_json()}) == one
    assert from_metadata({}) is None


@pytest.mark.parametrize('text', [
    '', '3', '[]', '{}', '{"offset": 0, "slope": 0}', '{"offset": 0, "slope": -1}',
    '{"offset": NaN, "slope": 1}', '{"offset": "0", "slope": 1}', '[' * 100000,
    '{"offset": 0, "slope": 1, "more": 2}'])
def test_refuses_other_text(text):
    with pytest.raises(WeightsError, match='calibrate'):
        from_json(text)


def test_nanodet_brings_its_own():
    found = from_metadata(weights.metadata('nanodet-coco'))
    assert found is not None
    low, high = found.apply(np.array([.3, .8]), np.array([.4, .4]))
    assert low < .2 and high > .9
