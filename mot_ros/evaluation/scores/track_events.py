# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""
Match ground truth and tracks over time, and list the track events: switches, transfers, misses.

The matching is that of CLEAR MOT: a match of the last frame is kept while its IoU is large
enough, the rest is assigned by the largest sum of IoU. A *switch* is a change of the track on a
person, a *transfer* a change of the person under a track. Fragments and all scores are computed
by TrackEval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mot_ros.data.datasets.mot import Ints, MotRows
from mot_ros.evaluation.scores.ignore_regions import assign
from mot_ros.evaluation.scores.metrics import overlaps

PREFERENCE = 1000.0
"""Score of keeping a match, beside an IoU of at most 1."""
NOBODY = -1


@dataclass(frozen=True)
class Change:
    """A change of match: id `whose` had `before` in frame `since` and has `after` in `frame`."""

    frame: int
    whose: int
    before: int
    after: int
    since: int


@dataclass(frozen=True)
class Span:
    """Frames `first` to `last` of a ground-truth id, matched to one track or to NOBODY."""

    truth: int
    first: int
    last: int
    track: int


@dataclass(frozen=True, eq=False)
class TrackEvents:
    """
    Hold scored ground truth (N rows) and tracks (M rows) with the matches between them.

    `of_truth` (N,) is the matched row of the tracks, or -1; `of_track` (M,) is the reverse.
    """

    truth: MotRows
    tracks: MotRows
    of_truth: Ints
    of_track: Ints

    def switches(self) -> list[Change]:
        """Return the changes of the track on each person, in the order of frames."""
        partners = np.where(self.of_truth >= 0, self.tracks.ids[self.of_truth], NOBODY) \
            if len(self.tracks) else np.full(len(self.truth), NOBODY)
        return _changes(self.truth, partners)

    def transfers(self) -> list[Change]:
        """Return the changes of the person under each track, in the order of frames."""
        partners = np.where(self.of_track >= 0, self.truth.ids[self.of_track], NOBODY) \
            if len(self.truth) else np.full(len(self.tracks), NOBODY)
        return _changes(self.tracks, partners)

    def spans(self) -> list[Span]:
        """Return the spans of each person by track; a frame without the person ends a span."""
        found: list[Span] = []
        order = np.lexsort((self.truth.frames, self.truth.ids))
        known = sorted(set(self.truth.frames.tolist()))
        place = {frame: index for index, frame in enumerate(known)}
        for row in order.tolist():
            person, frame = int(self.truth.ids[row]), int(self.truth.frames[row])
            match = int(self.of_truth[row])
            track = int(self.tracks.ids[match]) if match >= 0 else NOBODY
            last = found[-1] if found else None
            if last and (last.truth, last.track) == (person, track) and (
                    place[last.last] + 1 == place[frame]):
                found[-1] = Span(person, last.first, frame, track)
            else:
                found.append(Span(person, frame, frame, track))
        return found

    def false_tracks(self) -> list[tuple[int, Ints]]:
        """Return (track, rows of its unmatched boxes), the track with most of them first."""
        rows = np.flatnonzero(self.of_track < 0)
        ids, counts = np.unique(self.tracks.ids[rows], return_counts=True)
        return [(int(ids[i]), rows[self.tracks.ids[rows] == ids[i]])
                for i in np.argsort(-counts, kind='stable')]


def match_events(truth: MotRows, tracks: MotRows, iou: float = 0.5) -> TrackEvents:
    """Match scored ground truth and tracks, frame by frame, at a least IoU."""
    of_truth = np.full(len(truth), NOBODY, np.int64)
    of_track = np.full(len(tracks), NOBODY, np.int64)
    together: dict[int, int] = {}
    for first, start in _common_frames(truth, tracks):
        people, ids = truth.ids[first].tolist(), tracks.ids[start]
        similarity = overlaps(truth.boxes[first], tracks.boxes[start])
        stayed = np.array([together.get(person, NOBODY - 1) for person in people])
        score = similarity + PREFERENCE * (stayed[:, None] == ids[None, :])
        score[similarity < iou - np.finfo(np.float64).eps] = 0
        rows, columns = assign(score, 0.0)
        of_truth[first.start + rows] = start.start + columns
        of_track[start.start + columns] = first.start + rows
        together = {people[row]: int(ids[column])
                    for row, column in zip(rows.tolist(), columns.tolist(), strict=True)}
    return TrackEvents(truth, tracks, of_truth, of_track)


def _common_frames(truth: MotRows, tracks: MotRows) -> Iterator[tuple[slice, slice]]:
    """Yield the row slices of each frame that both contain."""
    for frame in np.intersect1d(truth.frames, tracks.frames).tolist():
        at = (frame, frame + 1)
        yield (slice(*np.searchsorted(truth.frames, at).tolist()),
               slice(*np.searchsorted(tracks.frames, at).tolist()))


def _changes(rows: MotRows, partners: Ints) -> list[Change]:
    """Return the changes of each id's match; frames without a match do not count."""
    last: dict[int, tuple[int, int]] = {}
    found = []
    for frame, whose, partner in zip(
            rows.frames.tolist(), rows.ids.tolist(), partners.tolist(), strict=True):
        if partner == NOBODY:
            continue
        before, since = last.get(whose, (partner, frame))
        if before != partner:
            found.append(Change(frame, whose, before, partner, since))
        last[whose] = partner, frame
    return found
