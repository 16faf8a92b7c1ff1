# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The scale of cosine distances, and re-identification across cameras by hand."""

from pathlib import Path

import numpy as np
import pytest

from mot_ros.benchmarking.cross_camera import cross_camera
from mot_ros.benchmarking.distance_scale import (
    CosinePairs,
    even_cosine,
    joined,
    later_pairs,
    scale_to,
)
from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.datasets.reid_crops import ReidCrop
from mot_ros.tracking.errors import ConfigError


def normal(same: float, different: float, spread: float = .08) -> CosinePairs:
    rng = np.random.default_rng(0)
    return CosinePairs(rng.normal(same, spread, 400), rng.normal(different, spread, 4000))


def test_the_even_cosine_of_two_equal_bells_is_halfway() -> None:
    assert even_cosine(normal(.8, .5)) == pytest.approx(.65, abs=.01)
    # whatever their numbers
    assert even_cosine(joined([normal(.8, .5)] * 3)) == pytest.approx(.65, abs=.01)
    assert np.isnan(even_cosine(CosinePairs(np.ones(3), np.zeros(0))))


def test_without_overlap_it_lies_between() -> None:
    assert .3 < even_cosine(CosinePairs(np.full(5, .9), np.full(9, .3))) < .9


def test_distances_are_scaled_onto_those_of_the_reference() -> None:
    reference, pairs = normal(.9, .7), normal(.7, .1)
    scale = scale_to(reference, pairs)
    assert scale == pytest.approx(.2 / .6, abs=.02)
    shrunk = CosinePairs(1 - scale * (1 - pairs.same), 1 - scale * (1 - pairs.different))
    assert even_cosine(shrunk) == pytest.approx(even_cosine(reference), abs=.01)


def test_pairs_are_of_frames_so_far_apart() -> None:
    truth = MotRows(np.array([1, 1, 3, 3]), np.array([1, 2, 2, 1]), np.zeros((4, 4)), np.ones(4))
    embedded = np.array([[1, 0], [0, 1], [0, 1], [.6, .8]], np.float32)
    pairs = later_pairs(truth, embedded, [1, 2])
    assert sorted(pairs.same.tolist()) == pytest.approx([.6, 1])
    assert sorted(pairs.different.tolist()) == pytest.approx([0, .8])


def test_people_weigh_alike_across_cameras() -> None:
    """The first has two queries of which one is right, the second one, which is wrong."""
    crops = [ReidCrop(Path(), person, camera) for person, camera in (
        (1, 0), (2, 0), (1, 1), (1, 1), (2, 1), (3, 1))]
    east, north = [1.0, 0.0], [0.0, 1.0]
    embedded = np.array([east, north, east, north, east, north], np.float32)
    assert cross_camera(crops, embedded) == pytest.approx((.25, (.75 + .5) / 2, 3))
    with pytest.raises(ConfigError, match='seen by two cameras'):
        cross_camera(crops[:2], embedded[:2])
