# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A bag with its truth, in a topic of its own or in a MOT text file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from mot_ros.data.annotated import Annotated, checksum, SequenceRef
from mot_ros.data.bags.bag_layout import storage_files
from mot_ros.data.bags.boxes import boxes_of_topic, by_stamp, detections_of
from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.topics import DETECTIONS_TOPIC, TRUTH_TOPIC
from mot_ros.data.bags.types import DETECTIONS
from mot_ros.data.datasets.mot import MotRows, NO_ID
from mot_ros.data.datasets.mot_folder import read_scored
from mot_ros.data.image_reading import AUTO, ImageReading
from mot_ros.tracking.errors import SourceError

TOLERANCE = 0.5
"""How far a frame of a text file may be from its image, in frames, where nobody says."""


@dataclass(frozen=True)
class AnnotatedBag(SequenceRef):
    """
    Images of a topic, and boxes with ids in a Detection2DArray topic or a MOT text file.

    `topic` and a truth of None stand for the only topic of the kind that there is; of several
    topics of boxes, TRUTH_TOPIC and DETECTIONS_TOPIC are meant. Frame n of a text file belongs
    to the image that is nearest to (n - 1) / `rate` seconds after the first one, not further
    away than `tolerance` seconds; the rate is that of the images unless given.
    """

    bag: Path
    topic: str | None = None
    truth: str | Path | None = None
    rate: float | None = None
    tolerance: float | None = None
    classes: tuple[str, ...] = ()
    reading: ImageReading = AUTO

    def read(self) -> Annotated:
        """Read the truth, and the stamps of the images."""
        source = BagSource(self.bag, self.topic, reading=self.reading)
        stamps = np.array(source.stamps(), np.int64)
        found_notes: tuple[str, ...] = ()
        checksums = {file.name: checksum(file) for file in storage_files(self.bag)}
        if isinstance(self.truth, Path):
            rule, found, distractors = read_scored(self.truth, self.name, self.classes)
            found_notes = found.notes
            checksums[self.truth.name] = checksum(self.truth)
            rate = self.rate or source.fps
            aligned = by_stamp(
                found, stamps.tolist(), rate, self.tolerance or TOLERANCE / rate,
                str(self.truth))
            truth, distractors = aligned.rows, distractors[aligned.origin]
        else:
            if self.classes:
                raise SourceError(
                    f'{self.bag}: the boxes of a topic are scored whatever their class is; leave '
                    'the classes out')
            aligned = boxes_of_topic(source, _truth_topic(source, self.truth))
            regions = aligned.rows.ids == NO_ID
            truth = replace(aligned.rows, values=np.where(regions, 0.0, aligned.rows.values))
            rule = 'kitti' if regions.any() else 'mot15'
            distractors = (truth.values == 0) & ~regions & regions.any()
        return Annotated(
            name=self.name, size=source.size, rate=source.fps, stamps=stamps, rule=rule,
            truth=truth, distractors=distractors, scored=aligned.annotated,
            images=partial(BagSource, self.bag, source.topic, reading=self.reading),
            public=self._public(source),
            checksums=checksums, notes=[*found_notes, *aligned.mismatches])

    def _public(self, source: BagSource) -> partial[MotRows] | None:
        """Return what reads the detections, None where it is not clear which topic has them."""
        truth = '' if isinstance(self.truth, Path) else _truth_topic(source, self.truth)
        others = [name for name in _topics(source) if name != truth]
        if DETECTIONS_TOPIC in others:
            others = [DETECTIONS_TOPIC]
        if len(others) != 1:
            return None
        return partial(detections_of, self.bag, source.topic, others[0], self.reading)


def _truth_topic(source: BagSource, named: str | None) -> str:
    if named is None and TRUTH_TOPIC in _topics(source):
        named = TRUTH_TOPIC
    return source.bag.choose(named, [DETECTIONS], 'boxes')


def _topics(source: BagSource) -> list[str]:
    return [topic.name for topic in source.bag.topics if topic.type == DETECTIONS]
