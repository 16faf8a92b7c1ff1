# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from hypothesis import given
from hypothesis import strategies as st
import pytest

from mot_ros.tracking.detectors.nanodet.input_size import (
    input_size,
    MOST_PIXELS,
    MOST_SIDE,
    SHORT_SIDE,
    STEP,
)

sides = st.integers(1, 8000)


@pytest.mark.parametrize(('image', 'wanted'), [
    ((640, 480), (512, 384)), ((768, 576), (512, 384)), ((1920, 1080), (576, 320)),
    ((1080, 1920), (320, 576)), ((3840, 2160), (576, 320)), ((1242, 375), (992, 288)),
    ((200, 200), (384, 384)),
])
def test_usual_images(image, wanted):
    assert input_size(image) == wanted


@given(width=sides, height=sides, short=st.sampled_from([0, 32, 224, 384, 1000]))
def test_is_in_steps_bounded_and_the_same_turned(width, height, short):
    found = input_size((width, height), short)
    assert all(side % STEP == 0 and STEP <= side <= MOST_SIDE for side in found)
    wanted = short or SHORT_SIDE
    # half a step of rounding
    assert min(found) <= max(wanted + STEP / 2, STEP)
    assert input_size((height, width), short) == found[::-1]
    if max(width, height) <= 10 * min(width, height) and wanted > 300:
        assert found[0] * found[1] <= 1.3 * MOST_PIXELS * wanted ** 2


@given(width=st.integers(100, 4000), height=st.integers(100, 4000))
def test_keeps_proportions_to_half_a_step(width, height):
    found = input_size((width, height))
    if max(width, height) > 4 * min(width, height):
        return
    scale = (found[0] * found[1] / (width * height)) ** .5
    assert abs(found[0] - width * scale) <= STEP
    assert abs(found[1] - height * scale) <= STEP
