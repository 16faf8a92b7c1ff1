# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""People on the ground: against a search for the likeliest place, and over many people."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from scipy.optimize import least_squares

from mot_ros.benchmarking.located_people import (
    crowd,
    disturbed,
    LENSES,
    people_at,
    pinhole,
    pose_of,
)
from mot_ros.localisation.box_edges import AXIS, EDGE
from mot_ros.localisation.ground import place_on_ground, TOES
from mot_ros.localisation.placements import PlacementSource
from mot_ros.localisation.settings import PlacementSettings
from mot_ros.localisation.transforms import Transform

SETTINGS = PlacementSettings()
IN_90 = {2: 4.605, 3: 6.251}
"""The 90 % quantile of chi square, by degrees of freedom."""


def likeliest(box, camera, pose, chosen):
    """Search distance, azimuth, height and pitch that explain the box best; slow and obvious."""
    tall = box[3] - box[1]
    sigma = np.hypot(chosen.box_sigma * tall, EDGE)

    def residuals(guess):
        distance, azimuth, height, pitch = guess
        c, s = np.cos(pitch), np.sin(pitch)
        turned = Transform(
            pose.rotation @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]), pose.translation)
        foot = pose.translation * [1, 1, 0] + distance * np.array(
            [np.cos(azimuth), np.sin(azimuth), 0])
        seen = turned.inverse.points(foot + np.outer([0, height, (1 - AXIS) * height], [0, 0, 1]))
        (_, low), (_, top), (middle, _) = camera.pixels(seen[:, :2] / seen[:, 2:])
        return [(low - box[3]) / sigma, (top - box[1]) / sigma,
                (middle - (box[0] + box[2]) / 2) / (sigma / np.sqrt(2)),
                (height - chosen.height) / chosen.height_sigma,
                pitch / np.radians(chosen.pitch_sigma)]

    return least_squares(residuals, [5.0, 0.0, chosen.height, 0.0], x_scale=[5, 0.1, 0.1, 0.01])


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from(['', *LENSES]), st.floats(0.4, 1.5),
    st.floats(0, 8), st.floats(-4, 4), st.floats(0.05, 1.0))
def test_the_place_is_the_likeliest_one(seed, lens, elevation, pitch, roll, pitch_sigma):
    random = np.random.default_rng(seed)
    camera = pinhole(lens, LENSES.get(lens, ()))
    pose = pose_of(elevation, pitch, roll)
    chosen = dataclasses.replace(SETTINGS, pitch_sigma=pitch_sigma, box_sigma=0.015)
    people = crowd(random, 1, camera, pose, 4.5, 10.0, height_sigma=0.05)
    boxes = disturbed(random, people.boxes, 0.01, camera)
    found = place_on_ground(boxes, camera, pose, chosen)
    if found.sources.tolist() != [PlacementSource.GROUND_AND_HEIGHT]:
        return
    best = likeliest(boxes[0], camera, pose, chosen)
    distance, azimuth, height, _ = best.x
    spread = np.sqrt(np.diag(np.linalg.inv(best.jac.T @ best.jac)))
    place = found.centres[0] - pose.translation
    # a closed form instead of a search: equal to a part of the uncertainty
    assert abs(np.hypot(*place[:2]) - TOES - distance) < 0.35 * spread[0] + 0.01
    assert abs(np.arctan2(place[1], place[0]) - azimuth) < 0.35 * spread[1] + 0.002
    assert abs(found.heights[0] - height) < 0.35 * spread[2]
    along = place[:2] / np.linalg.norm(place[:2])
    stated = np.sqrt(along @ found.covariances[0, :2, :2] @ along)
    assert 0.8 * spread[0] < stated < 1.25 * np.hypot(spread[0], 0.06)
    assert 0.8 < np.sqrt(found.covariances[0, 2, 2]) * 2 / spread[2] < 1.25


@pytest.mark.parametrize('elevation', [0.6, 1.2, 1.6])
@pytest.mark.parametrize('error, median', [(0.0, 0.05), (1.0, 0.06), (-1.0, 0.06)])
def test_errors_are_small_and_as_large_as_stated(elevation, error, median):
    random = np.random.default_rng(7)
    camera, pose = pinhole(), pose_of(elevation, 5.0)
    real = pose_of(elevation, 5.0 + error)
    people = crowd(random, 1500, camera, real)
    found = place_on_ground(
        disturbed(random, people.boxes, 0.03, camera), camera, pose, SETTINGS)
    assert len(found.rows) > 1400
    off = found.centres - people.centres[found.rows]
    distances = np.linalg.norm(people.feet[found.rows], axis=1)
    assert np.median(np.linalg.norm(off[:, :2], axis=1) / distances) < median
    for axes in (2, 3):
        part = off[:, :axes]
        scaled = np.linalg.solve(found.covariances[:, :axes, :axes], part[:, :, None])[:, :, 0]
        assert ((part * scaled).sum(1) < IN_90[axes]).mean() > 0.9


def test_the_frame_of_the_ground_may_be_anywhere():
    camera, pose = pinhole(), pose_of(1.2, 5.0)
    random = np.random.default_rng(0)
    boxes = crowd(random, 20, camera, pose).boxes
    here = place_on_ground(boxes, camera, pose, SETTINGS)
    move = pose_of(0.0, yaw=70.0)
    turn = Transform(move.rotation @ pose_of(0.0).rotation.T, np.array([3.0, -2.0, 0.0]))
    there = place_on_ground(boxes, camera, turn.after(pose), SETTINGS)
    moved = here.moved(turn)
    np.testing.assert_allclose(there.centres, moved.centres, atol=1e-9)
    np.testing.assert_allclose(there.covariances, moved.covariances, atol=1e-9)


def place_one(height=1.7, distance=5.0, elevation=1.2, cut=None, **changed):
    """Place one person straight ahead; `cut` changes their box."""
    camera, pose = pinhole(), pose_of(elevation, 0.0)
    person = people_at(np.array([[distance, 0.0]]), np.array([height]), camera, pose)
    boxes = person.boxes.copy()
    if cut is not None:
        cut(boxes[0])
    return place_on_ground(boxes, camera, pose, dataclasses.replace(SETTINGS, **changed))


def test_a_child_is_placed_by_the_feet():
    found = place_one(height=1.0)
    assert found.sources.tolist() == [PlacementSource.GROUND]
    np.testing.assert_allclose(found.centres, [[5.0, 0.0, 0.5]], atol=0.05)


def test_hidden_feet_do_not_count():
    def behind_a_table(box):
        box[3] -= 0.6 * (box[3] - box[1])

    found = place_one(cut=behind_a_table)
    assert found.sources.tolist() == [PlacementSource.HEIGHT]
    np.testing.assert_allclose(found.centres, [[5.0, 0.0, 0.85]], atol=0.15)


def test_feet_below_the_image_do_not_count():
    found = place_one(distance=1.5)
    assert found.sources.tolist() == [PlacementSource.HEIGHT]
    np.testing.assert_allclose(found.centres, [[1.5, 0.0, 0.85]], atol=0.25)
    assert found.covariances[0, 0, 0] > 0.05


def test_a_head_above_the_image_does_not_count():
    def above(box):
        box[1] = 0.0

    found = place_one(cut=above)
    assert found.sources.tolist() == [PlacementSource.GROUND]
    np.testing.assert_allclose(found.centres[0, :2], [5.0, 0.0], atol=0.05)


@pytest.mark.parametrize('elevation, box, reason', [
    (1.2, (600, 0, 700, 720), 'neither feet nor head are in the image'),
    (1.75, (600, 300, 700, 720), 'distance too uncertain'),
    (-0.5, (600, 300, 700, 600), 'the camera is not above the ground'),
    (2.5, (600, 100, 700, 200), 'seen at or above the horizon')])
def test_who_cannot_be_placed_is_left_out_with_the_reason(elevation, box, reason):
    found = place_on_ground(
        np.array([box], np.float64), pinhole(), pose_of(elevation), SETTINGS)
    assert found.left_out == {0: reason}
    assert found.centres.shape == (0, 3)


def test_a_frame_that_is_not_optical_is_found_out():
    found = place_on_ground(
        np.array([[600.0, 300, 700, 600]]), pinhole(), Transform(np.eye(3), np.array([0, 0, 1.2])),
        SETTINGS)
    assert found.left_out == {0: 'the camera looks up'}


def test_nobody_is_no_error():
    found = place_on_ground(np.zeros((0, 4)), pinhole(), pose_of(1.2), SETTINGS)
    assert found.covariances.shape == (0, 3, 3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-3000, 3000)] * 4), max_size=4),
       st.sampled_from(['', *LENSES]), st.floats(-1, 3), st.floats(-90, 90), st.floats(-180, 180))
def test_whatever_comes_nothing_is_nan_and_everybody_is_accounted_for(
        corners, lens, elevation, pitch, roll):
    boxes = np.array(corners, np.float64).reshape(-1, 4)
    boxes = np.concatenate([
        np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:]) + 1], 1)
    found = place_on_ground(
        boxes, pinhole(lens, LENSES.get(lens, ())), pose_of(elevation, pitch, roll), SETTINGS)
    assert np.isfinite(found.centres).all() and np.isfinite(found.covariances).all()
    assert sorted([*found.rows.tolist(), *found.left_out]) == list(range(len(boxes)))
    assert (np.linalg.eigvalsh(found.covariances) > -1e-9).all()
