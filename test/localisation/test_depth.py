# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Depths of boxes: against a loop over pixels, and people placed by them."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from mot_ros.benchmarking.located_people import (
    crowd,
    depth_image,
    disturbed,
    people_at,
    pinhole,
    pose_of,
    WALL,
)
from mot_ros.localisation.depth import (
    ACROSS,
    DOWN,
    LEAST,
    LEAST_SPREAD,
    NO_DEPTH,
    place_by_depth,
    read_depths,
    SAMPLES,
    SPREAD,
)
from mot_ros.localisation.placement import OF_ANOTHER, place
from mot_ros.localisation.placements import PlacementSource
from mot_ros.localisation.settings import PlacementSettings

SETTINGS = PlacementSettings()
CAMERA = pinhole()
POSE = pose_of(1.2, 5.0)


def slow_depth(image, box, unit):
    """Read one box pixel by pixel."""
    values = []
    for down in range(SAMPLES[1]):
        for across in range(SAMPLES[0]):
            x = box[0] + (box[2] - box[0]) * (
                ACROSS[0] + (ACROSS[1] - ACROSS[0]) * (across + 0.5) / SAMPLES[0])
            y = box[1] + (box[3] - box[1]) * (
                DOWN[0] + (DOWN[1] - DOWN[0]) * (down + 0.5) / SAMPLES[1])
            x = min(max(int(np.floor(x)), 0), image.shape[1] - 1)
            y = min(max(int(np.floor(y)), 0), image.shape[0] - 1)
            depth = float(image[y, x]) * unit
            if np.isfinite(depth) and depth > 0:
                values.append(depth)
    if len(values) < LEAST * SAMPLES[0] * SAMPLES[1]:
        return np.nan
    off = np.abs(np.array(values) - np.median(values))
    return np.median(np.array(values)[off <= max(SPREAD * np.median(off), LEAST_SPREAD)])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.booleans())
def test_depths_are_medians_without_outliers(seed, missing, whole):
    random = np.random.default_rng(seed)
    image = random.choice([2.0, 2.1, 2.2, 5.0, 9.0], (40, 60)).astype(np.float32)
    image[random.random(image.shape) < missing] = 0 if whole else random.choice(
        [0.0, np.nan, np.inf, -1.0])
    unit = 1.0
    if whole:
        image, unit = (image * 1000).astype(np.uint16), 0.001
    corners = random.uniform([-20, -20], [70, 50], (5, 2))
    boxes = np.concatenate([corners, corners + random.uniform(0.5, 40, (5, 2))], 1)
    np.testing.assert_allclose(
        read_depths(image, boxes, unit), [slow_depth(image, box, unit) for box in boxes],
        rtol=1e-5)


def test_people_are_placed_by_depth():
    random, relative, covered = np.random.default_rng(5), [], []
    for _ in range(12):
        people = crowd(random, 3, CAMERA, POSE, 1.5, 8.0)
        boxes = disturbed(random, people.boxes, 0.03, CAMERA)
        found = place(boxes, read_depths(depth_image(random, people, CAMERA, POSE), boxes),
                      CAMERA, POSE, SETTINGS)
        off = (found.centres - people.centres[found.rows])[:, :2]
        relative += (np.linalg.norm(off, axis=1)
                     / np.linalg.norm(people.feet[found.rows], axis=1)).tolist()
        scaled = np.linalg.solve(found.covariances[:, :2, :2], off[:, :, None])[:, :, 0]
        covered += ((off * scaled).sum(1) < 4.605).tolist()
    assert np.median(relative) < 0.02
    assert np.mean(covered) > 0.9


def test_without_depth_the_ground_decides():
    people = people_at(np.array([[4.0, 0.5], [6.0, -1.0]]), np.full(2, 1.7), CAMERA, POSE)
    found = place(people.boxes, np.array([np.nan, 6.0]), CAMERA, POSE, SETTINGS)
    assert found.sources.tolist() == [PlacementSource.GROUND_AND_HEIGHT, PlacementSource.DEPTH]
    assert found.without_depth == {NO_DEPTH: 1} and not found.left_out
    np.testing.assert_allclose(found.centres, people.centres, atol=0.2)
    alone = place_by_depth(people.boxes, np.array([np.nan, 6.0]), CAMERA, POSE, SETTINGS)
    assert alone.left_out == {0: NO_DEPTH} and alone.rows.tolist() == [1]


@pytest.mark.parametrize('depth', [2.0, WALL])
def test_the_depth_of_something_else_is_not_that_of_the_person(depth):
    people = people_at(np.array([[6.0, 0.5]]), np.full(1, 1.7), CAMERA, POSE)
    found = place(people.boxes, np.array([depth]), CAMERA, POSE, SETTINGS)
    assert found.sources.tolist() == [PlacementSource.GROUND_AND_HEIGHT]
    assert found.without_depth == {OF_ANOTHER: 1}
    np.testing.assert_allclose(found.centres, people.centres, atol=0.2)


def test_who_fills_the_image_is_placed_by_depth_alone():
    box = np.array([[400.0, 0.0, 900.0, 720.0]])
    found = place(box, np.array([0.9]), CAMERA, POSE, SETTINGS)
    assert found.sources.tolist() == [PlacementSource.DEPTH] and not found.left_out
    assert found.heights.tolist() == [SETTINGS.height]
    np.testing.assert_allclose(found.centres[0, 0], 0.9 + 0.12, atol=0.1)


def test_without_ground_the_depth_says_the_height():
    # on a stage half a metre above the plane
    people = people_at(np.array([[4.0, 0.5]]), np.full(1, 1.7), CAMERA, pose_of(0.7, 5.0))
    found = place_by_depth(
        people.boxes, np.array([3.9]), CAMERA, POSE, SETTINGS, on_ground=False)
    np.testing.assert_allclose(found.centres, people.centres + np.array([0, 0, 0.5]), atol=0.15)
    np.testing.assert_allclose(found.heights, people.heights, atol=0.15)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-3000, 3000)] * 4), max_size=4), st.floats(-1, 3),
       st.sampled_from([np.nan, 0.3, 4.0, 60.0]))
def test_whatever_comes_nothing_is_nan_and_everybody_is_accounted_for(corners, elevation, depth):
    boxes = np.array(corners, np.float64).reshape(-1, 4)
    boxes = np.concatenate([
        np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:]) + 1], 1)
    found = place(
        boxes, np.full(len(boxes), depth), CAMERA, pose_of(elevation),
        dataclasses.replace(SETTINGS, depth_sigma=0.0))
    assert np.isfinite(found.centres).all() and np.isfinite(found.covariances).all()
    assert sorted([*found.rows.tolist(), *found.left_out]) == list(range(len(boxes)))
    assert found.rows.tolist() == sorted(found.rows.tolist())
