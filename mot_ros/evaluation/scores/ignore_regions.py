# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""
What is neither right nor wrong: tracks on distractors and in regions to ignore.

Rule `mot16` is TrackEval's for MOT16, 17 and 20: in each frame tracks are assigned to all boxes
of the truth, whatever their class, by the largest sum of overlaps of .5 and more; a track that
gets a distractor is taken out of that frame. Rule `kitti` does the same with what is not
considered, and then takes out tracks that got nothing and lie in a region to ignore with more
than half of their area, as TrackEval does for KITTI. Rule `kitti_labels` also takes out tracks
that got nothing and are 25 pixels high at most, as TrackEval does. Rule `crp` is SiamMOT's: a
track that overlaps a region to ignore by .2 is taken out, whatever else it overlaps. Rule `tao`
is TrackEval's for TAO: where the truth is not exhaustive, and in frames without truth unless the
sequence is known to hold nothing, tracks that got nothing are taken out. Rule `mot15` takes
nothing out.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mot_ros.data.annotated import Annotated
from mot_ros.data.datasets.mot import Doubles, MotRows, NO_ID
from mot_ros.evaluation.scores.metrics import overlaps

LEAST_OVERLAP = 0.5
LEAST_OVERLAP_CRP = 0.2
LEAST_HEIGHT = 25
EPSILON = float(np.finfo(np.float64).eps)


def considered(sequence: Annotated) -> MotRows:
    """Return the truth that is scored."""
    return sequence.truth[sequence.truth.values != 0]


def without_ignored(sequence: Annotated, tracks: MotRows) -> MotRows:
    """Return the tracks without what the rule of the sequence takes out."""
    if sequence.rule in ('mot15', 'mot16', 'kitti') and not sequence.distractors.any() and \
            not (sequence.truth.ids == NO_ID).any():
        return tracks
    keep = np.ones(len(tracks), np.bool_)
    for frame in np.unique(tracks.frames).tolist():
        mine = slice(*np.searchsorted(tracks.frames, (frame, frame + 1)))
        theirs = slice(*np.searchsorted(sequence.truth.frames, (frame, frame + 1)))
        keep[mine] = _kept(
            sequence, sequence.truth[theirs], sequence.distractors[theirs], tracks.boxes[mine])
    return tracks[keep]


def _kept(
        sequence: Annotated, truth: MotRows, distractors: NDArray[np.bool_], seen: Doubles
        ) -> NDArray[np.bool_]:
    """Return (N,) which boxes of one frame stay."""
    objects = truth.ids != NO_ID
    regions = truth.boxes[~objects]
    if sequence.rule == 'crp':
        beside = (overlaps(seen, regions) >= LEAST_OVERLAP_CRP).any(axis=1)
        return cast(NDArray[np.bool_], ~beside)
    rows, columns = assign(overlaps(truth.boxes[objects], seen), LEAST_OVERLAP)
    free = np.ones(len(seen), np.bool_)
    free[columns] = False
    if sequence.rule == 'tao':
        unknown = not sequence.exhaustive or (not objects.any() and not sequence.negative)
        return cast(NDArray[np.bool_], ~free) if unknown else np.ones(len(seen), np.bool_)
    kept = np.ones(len(seen), np.bool_)
    kept[columns] = ~distractors[objects][rows]
    beside = (_share_inside(seen, regions) > LEAST_OVERLAP + EPSILON).any(axis=1)
    if sequence.rule == 'kitti_labels':
        beside |= seen[:, 3] - seen[:, 1] <= LEAST_HEIGHT + EPSILON
    return kept & ~(free & beside)


def assign(similarity: Doubles, least: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of the pairs that sum up to most, none of them under `least`."""
    score = np.where(similarity < least - EPSILON, 0.0, similarity)
    rows, columns = linear_sum_assignment(-score)
    good = score[rows, columns] > EPSILON
    return rows[good], columns[good]


def _share_inside(seen: Doubles, regions: Doubles) -> Doubles:
    """Return (N, M) which part of the area of each box lies in each region."""
    corner = np.maximum(seen[:, None, :2], regions[None, :, :2])
    side = np.maximum(np.minimum(seen[:, None, 2:], regions[None, :, 2:]) - corner, 0)
    area = np.prod(seen[:, 2:] - seen[:, :2], axis=1)
    return cast(Doubles, side.prod(axis=2) / area[:, None])
