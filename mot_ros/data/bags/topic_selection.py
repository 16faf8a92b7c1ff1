# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Which topics of a bag are meant: images, truth, and detections."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mot_ros.data.annotated import SequenceRef
from mot_ros.data.bags.annotated import AnnotatedBag
from mot_ros.data.bags.bag_layout import is_bag, no_bag
from mot_ros.data.bags.plain import PlainBag
from mot_ros.data.bags.source import BagSource
from mot_ros.data.bags.topics import DETECTIONS_TOPIC, TRUTH_TOPIC
from mot_ros.data.bags.types import DETECTIONS
from mot_ros.data.image_reading import AUTO, ImageReading
from mot_ros.tracking.errors import SourceError


@dataclass(frozen=True)
class BagPlace:
    """A sequence in a bag, with the topics of its images and, where wanted, its detections."""

    place: SequenceRef
    images: str
    detections: str | None


def bag_place(
        path: Path, topic: str | None, truth: str | None, rate: float | None = None,
        tolerance: float | None = None, *, detections: bool = False,
        reading: ImageReading = AUTO) -> BagPlace:
    """
    Return the sequence, without truth where the bag has none.

    `truth` is a topic or the path of a MOT text file; None stands for TRUTH_TOPIC, else for the
    only topic of boxes beside DETECTIONS_TOPIC. With `detections` they are looked for: in
    DETECTIONS_TOPIC, else in the only topic of boxes beside the truth.
    """
    if not is_bag(path):
        raise SourceError(no_bag(path))
    source = BagSource(path, topic, reading=reading)
    boxes = [found.name for found in source.bag.topics if found.type == DETECTIONS]
    named: str | Path | None = truth
    if truth is not None and Path(truth).exists():
        named = Path(truth)
    elif truth is None:
        candidates = [name for name in boxes if name != DETECTIONS_TOPIC]
        if len(candidates) == 1:
            named = candidates[0]
        elif candidates:
            named = source.bag.choose(
                TRUTH_TOPIC if TRUTH_TOPIC in candidates else None, [DETECTIONS], 'boxes')
    found = _detections(path, [name for name in boxes if name != named]) if detections else None
    whole = path.resolve()
    name = whole.name if whole.is_dir() else whole.stem
    place: SequenceRef = PlainBag(
        name, path, source.topic, found, reading) if named is None else AnnotatedBag(
        name, path, source.topic, named, rate, tolerance, reading=reading)
    return BagPlace(place, source.topic, found)


def _detections(path: Path, boxes: list[str]) -> str:
    if DETECTIONS_TOPIC in boxes:
        return DETECTIONS_TOPIC
    if len(boxes) != 1:
        raise SourceError(
            f'{path} has {len(boxes)} topics that could hold detections '
            f'({", ".join(boxes) or "none"}); one of them has to be {DETECTIONS_TOPIC}')
    return boxes[0]
