# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.


"""
What is neither right nor wrong: tracks on distractors and in regions to ignore.

Rule `mot16` is TrackEval's for MOT16, 17 and 20: in each frame tracks are assigned to all boxes
of the truth, whatever their class, by the largest sum of overlaps of .5 and more; a track that
gets a distractor is taken out of that frame. Rule `kitti` does the same with what is not
considered, and then takes out tracks that got nothing and lie in a region to ignore with more
than half of their area, as TrackEval does for KITTI. Rule `mot15` takes nothing out.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mot_ros.data.mot import Doubles, MotRows, NO_ID
from mot_ros.data.sequences import Sequence
from mot_ros.evaluation.metrics import overlaps

LEAST_OVERLAP = 0.5
EPSILON = float(np.finfo(np.float64).eps)


def considered(sequence: Sequence) -> MotRows:
    """Return the truth that is scored."""
    return sequence.truth[sequence.truth.values != 0]


def without_ignored(sequence: Sequence, tracks: MotRows) -> MotRows:
    """Return the tracks without what the rule of the sequence takes out."""
    regions = sequence.truth[sequence.truth.ids == NO_ID]
    objects = sequence.truth.ids != NO_ID
    truth, distractors = sequence.truth[objects], sequence.distractors[objects]
    if not distractors.any() and not len(regions):
        return tracks
    keep = np.ones(len(tracks), np.bool_)
    for frame in np.unique(tracks.frames).tolist():
        mine = slice(*np.searchsorted(tracks.frames, (frame, frame + 1)))
        theirs = slice(*np.searchsorted(truth.frames, (frame, frame + 1)))
        seen = tracks.boxes[mine]
        rows, columns = assign(overlaps(truth.boxes[theirs], seen), LEAST_OVERLAP)
        kept = np.ones(len(seen), np.bool_)
        kept[columns] = ~distractors[theirs][rows]
        free = np.ones(len(seen), np.bool_)
        free[columns] = False
        covered = _share_inside(seen, regions.at(frame).boxes) > LEAST_OVERLAP + EPSILON
        keep[mine] = kept & ~(free & covered.any(axis=1))
    return tracks[keep]


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
