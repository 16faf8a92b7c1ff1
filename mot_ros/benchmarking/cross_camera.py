# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Re-identification across cameras, on crops of people, and near-duplicates between sets."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.reid_crops import ReidCrop
from mot_ros.data.photographs import read_photograph
from mot_ros.tracking.appearance.embedder import Embedder
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.types import Floats, Frame, Ints

HASH = 8
"""Rows and columns of the brightness differences that a crop's hash consists of."""
NEAR = 4
"""Bits that the hashes of two copies of a crop may differ in, of HASH x HASH."""


def embed_crops(embedder: Embedder, crops: Sequence[ReidCrop]) -> Floats:
    """Return the embedding (N, D) of each whole crop."""
    found = np.zeros((len(crops), embedder.dimension), np.float32)
    for row, crop in enumerate(crops):
        image = read_photograph(crop.path)
        height, width = image.shape[:2]
        whole = np.array([[0, 0, width, height]], np.float32)
        found[row] = embedder.embed(Frame.of(image, 0.0), whole)[0]
    return found


def cross_camera(crops: Sequence[ReidCrop], embedded: Floats) -> tuple[float, float, int]:
    """
    Return rank-1, mAP and the number of queries of people seen by two cameras.

    The gallery is every crop of the first camera, a query one crop of the last one. Each crop
    of the last camera is a query once; people weigh alike, however many crops there are of them.
    Raises ConfigError if nobody is seen by both cameras.
    """
    people = np.array([crop.person for crop in crops])
    cameras = np.array([crop.camera for crop in crops])
    gallery = np.flatnonzero(cameras == cameras.min())
    queries = np.flatnonzero(
        (cameras == cameras.max()) & np.isin(people, people[gallery]) & (
            cameras.max() > cameras.min()))
    if not len(queries):
        raise ConfigError('nobody among these crops is seen by two cameras')
    scores = np.array([_ranked(people[gallery] == people[query], embedded[gallery],
                               embedded[query]) for query in queries])
    means = np.array([scores[people[queries] == who].mean(axis=0)
                      for who in np.unique(people[queries])])
    first, precision = means.mean(axis=0).tolist()
    return first, precision, len(queries)


def _ranked(same: NDArray[np.bool_], gallery: Floats, query: Floats) -> tuple[float, float]:
    """Return whether the most similar crop is of the same person, and the average precision."""
    hits = same[np.argsort(-(gallery @ query), kind='stable')]
    places = np.flatnonzero(hits) + 1
    return float(hits[0]), float(np.mean(np.arange(1, len(places) + 1) / places))


def near_duplicates(one: Sequence[ReidCrop], other: Sequence[ReidCrop]) -> int:
    """
    Count the crops of one set that the other set has a near copy of.

    Copies are crops whose difference hashes differ in NEAR bits at most: another size,
    compression or brightness does not hide them.
    """
    first, second = (np.stack([_hash(crop) for crop in crops]) for crops in (one, other))
    # signs are -1 and 1, so that a product counts the bits that agree
    least = HASH * HASH - 2 * NEAR
    return int((first @ second.T >= least).any(axis=1).sum())


def _hash(crop: ReidCrop) -> Ints:
    """Return the signs (HASH * HASH,) of differences between neighbours in a small grey copy."""
    grey = cv2.cvtColor(read_photograph(crop.path), cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (HASH + 1, HASH), interpolation=cv2.INTER_AREA).astype(np.int64)
    return np.where(np.diff(small, axis=1) > 0, 1, -1).ravel()
