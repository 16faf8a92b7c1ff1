# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Tracklets joined by their looks after the fact: what SiamMOT+ adds to SiamMOT.

The paper (arXiv 2105.11595) joins disjoint tracklets with an off-the-shelf re-ID network and says
no more; this is ours. A tracklet is followed by the one that looks most like it among those that
begin after its end, each follows and is followed once, and all links are chosen together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.mot import MotRows, NO_ID
from mot_ros.tracking.appearance.embedder import Embedder, unit
from mot_ros.tracking.association.assignment import assign, Pairs
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.types import Doubles, Floats, Frame, Ints


@dataclass(frozen=True)
class MergeRules:
    """
    Which tracklets may be one: alike by a cosine of `similarity`, at most `gap` seconds apart.

    With `speed` above 0 the second one begins no further from the end of the first than one
    height of its box, and `speed` heights more for every second between; that is for cameras
    that stand. `samples` boxes of each tracklet are looked at.
    """

    similarity: float = 0.8
    gap: float = 10.0
    speed: float = 0.0
    samples: int = 10


@dataclass(frozen=True, eq=False)
class Tracklets:
    """
    What is known of T tracklets: `ids` (T,), ascending, and their ends.

    `starts`, `ends` (T,) in seconds, `first`, `last` (T, 4) the boxes there, `looks` (T, D) the
    mean embeddings, of unit length or zero.
    """

    ids: Ints
    starts: Doubles
    ends: Doubles
    first: Doubles
    last: Doubles
    looks: Floats


def merge(
        rows: MotRows, frames: Iterable[Frame], index_of: Callable[[Frame], int],
        embedder: Embedder, rules: MergeRules) -> dict[int, int]:
    """
    Return the id to be used for each id: the lowest of the tracklets that were found to be one.

    `frames` are the images that the rows are of, row frame = `index_of` + 1. Tracklets in frames
    that are missing are not in the result.
    """
    tracklets = look_at(rows, frames, index_of, embedder, rules.samples)
    names = joined(tracklets, linked(tracklets, rules))
    return dict(zip(tracklets.ids.tolist(), names.tolist(), strict=True))


def look_at(
        rows: MotRows, frames: Iterable[Frame], index_of: Callable[[Frame], int],
        embedder: Embedder, samples: int) -> Tracklets:
    """Go through the images once and return every tracklet of which something was seen."""
    wanted = chosen(rows, samples)
    stamps = np.full(rows.last_frame + 1, np.nan)
    looks: dict[int, Floats] = {}
    for frame in frames:
        number = index_of(frame) + 1
        if number > rows.last_frame:
            break
        stamps[number] = frame.stamp
        span = rows.span(number)
        mine = np.flatnonzero(wanted[span]) + span.start
        if len(mine):
            found = embedder.embed(frame, rows.boxes[mine].astype(np.float32))
            for identity, embedding in zip(rows.ids[mine].tolist(), found, strict=True):
                looks[identity] = looks.get(identity, np.zeros_like(embedding)) + embedding
    ids = np.array(sorted(looks), np.int64)
    places = by_id(rows.ids)
    seen = [place[~np.isnan(stamps[rows.frames[place]])]
            for place in (places[identity] for identity in ids.tolist())]
    begin = np.array([place[0] for place in seen], np.int64)
    end = np.array([place[-1] for place in seen], np.int64)
    table = np.array([looks[identity] for identity in ids.tolist()], np.float32)
    return Tracklets(
        ids, stamps[rows.frames[begin]], stamps[rows.frames[end]], rows.boxes[begin],
        rows.boxes[end], unit(table.reshape(len(ids), embedder.dimension)))


def chosen(rows: MotRows, samples: int) -> NDArray[np.bool_]:
    """
    Return which rows to look at (N,): of each of `samples` parts of a tracklet the clearest.

    That is the box that others in its frame cover least, then the one with the best value, then
    the first.
    """
    covered = _covered(rows)
    found = np.zeros(len(rows), np.bool_)
    for mine in by_id(rows.ids).values():
        for part in np.array_split(mine, min(samples, len(mine))):
            found[part[np.lexsort((-rows.values[part], covered[part]))[0]]] = True
    return found


def linked(tracklets: Tracklets, rules: MergeRules) -> Ints:
    """Return the row of the tracklet that follows each one, or -1 (T,)."""
    gap = tracklets.starts[None, :] - tracklets.ends[:, None]
    alike = tracklets.looks @ tracklets.looks.T
    possible = (gap > 0) & (gap <= rules.gap) & (alike >= np.float32(rules.similarity))
    if rules.speed:
        start, end = (
            (boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (tracklets.first, tracklets.last))
        apart = np.linalg.norm(end[:, None] - start[None], axis=2)
        height = (tracklets.last[:, 3] - tracklets.last[:, 1])[:, None]
        possible &= apart <= height * (1 + rules.speed * gap)
    rows, cols = np.nonzero(possible)
    matches = assign(
        Pairs(rows, cols, alike[rows, cols]), alike.shape, float(np.float32(rules.similarity)))
    follower = np.full(len(tracklets.ids), -1)
    follower[matches.rows] = matches.cols
    return follower


def joined(tracklets: Tracklets, follower: Ints) -> Ints:
    """Return the lowest id of the chain that each tracklet belongs to (T,)."""
    names = np.zeros(len(follower), np.int64)
    for head in np.setdiff1d(np.arange(len(follower)), follower).tolist():
        chain = [head]
        while follower[chain[-1]] >= 0:
            chain.append(int(follower[chain[-1]]))
        names[chain] = tracklets.ids[chain].min()
    return names


def by_id(ids: Ints) -> dict[int, Ints]:
    """Return the rows of each id that is one, in their order."""
    names, counts = np.unique(ids, return_counts=True)
    # without any id there is one group, which is empty
    groups = np.split(np.argsort(ids, kind='stable'), np.cumsum(counts)[:-1])[:len(names)]
    return {name: rows for name, rows in zip(names.tolist(), groups, strict=True)
            if name != NO_ID}


def _covered(rows: MotRows) -> Doubles:
    """Return the largest IoU of each box with another one of its frame (N,)."""
    covered = np.zeros(len(rows))
    for number in np.unique(rows.frames).tolist():
        span = rows.span(number)
        boxes = rows.boxes[span].astype(np.float32)
        overlap = iou(boxes, boxes)
        np.fill_diagonal(overlap, 0)
        covered[span] = overlap.max(axis=1, initial=0.0)
    return covered


def lasting(
        rows: MotRows, names: Mapping[int, int], least_boxes: int, least_score: float) -> set[int]:
    """
    Return which of the new names have that many boxes, and that mean value, or more.

    The published evaluation of SiamMOT leaves the others out without saying so: those with
    fewer than 5 boxes or a mean score below 0.7.
    """
    renamed = np.array([names.get(identity, NO_ID) for identity in rows.ids.tolist()], np.int64)
    return {name for name, mine in by_id(renamed).items()
            if len(mine) >= least_boxes and rows.values[mine].mean() >= least_score}
