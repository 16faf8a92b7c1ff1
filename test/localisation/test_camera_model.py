# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Rays and pixels are inverse to each other, through every lens, with binning and roi."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from mot_ros.benchmarking.located_people import LENSES, pinhole
from mot_ros.localisation.camera_model import CameraInfoError, CameraModel

LENS = st.sampled_from(['', *LENSES])
STEP = 1e-3


def info(lens='', d=None, **fields):
    given = {
        'distortion_model': lens, 'd': LENSES.get(lens, ()) if d is None else d,
        'k': [640.0, 0, 639.5, 0, 650.0, 359.5, 0, 0, 1],
        'p': [600.0, 0, 630.0, -60.0, 0, 610.0, 365.0, 0, 0, 0, 1, 0],
        'width': 1280, 'height': 720, 'binning_x': 0, 'binning_y': 0,
        'roi': SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0)}
    return SimpleNamespace(**{**given, **fields})


@settings(max_examples=40, deadline=None)
@given(
    LENS, st.booleans(), st.integers(0, 4), st.integers(0, 2),
    st.randoms(use_true_random=False))
def test_pixels_and_jacobians_are_those_of_the_rays(lens, rectified, binning, offset, random):
    roi = SimpleNamespace(x_offset=40 * offset, y_offset=20 * offset, width=0, height=0)
    camera = CameraModel.of(
        info(lens, binning_x=binning, binning_y=binning, roi=roi), rectified=rectified)
    scale = max(binning, 1)
    pixels = np.array([
        [random.uniform(200, 1000) / scale, random.uniform(100, 600) / scale] for _ in range(6)])
    rays = camera.rays(pixels)
    np.testing.assert_allclose(camera.pixels(rays), pixels, atol=1e-3)
    slow = np.stack([
        (camera.rays(pixels + step) - camera.rays(pixels - step)) / (2 * STEP)
        for step in STEP * np.eye(2)], 2)
    np.testing.assert_allclose(camera.jacobians(rays), slow, rtol=2e-2, atol=2e-5)


@pytest.mark.parametrize('fields, size', [
    ({}, (1280, 720)), ({'binning_x': 2, 'binning_y': 4}, (640, 180)),
    ({'roi': SimpleNamespace(x_offset=10, y_offset=20, width=300, height=200)}, (300, 200)),
    ({'binning_x': 2, 'binning_y': 2,
      'roi': SimpleNamespace(x_offset=10, y_offset=20, width=300, height=200)}, (150, 100))])
def test_the_size_is_that_of_the_image(fields, size):
    assert CameraModel.of(info(**fields), rectified=False).size == size


def test_no_pixel_and_no_ray_is_no_error():
    for lens in ('', *LENSES):
        camera = pinhole(lens, LENSES.get(lens, ()))
        assert camera.rays(np.zeros((0, 2))).shape == (0, 2)
        assert camera.jacobians(np.zeros((0, 2))).shape == (0, 2, 2)


@pytest.mark.parametrize('lens', ['thin_prism', 'double_sphere', ''])
def test_another_lens_is_refused_by_name(lens):
    with pytest.raises(CameraInfoError, match=repr(lens)):
        CameraModel.of(info(lens, d=(0.1, 0.2, 0.3)), rectified=False)
