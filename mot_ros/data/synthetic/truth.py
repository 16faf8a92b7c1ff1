# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Ground truth of one synthetic frame, exact because the frame was drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.mot import MotRows
from mot_ros.tracking.types import Detections, Floats, Ints

Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SyntheticTruth:
    """
    Hold all people of whom a pixel would lie in the image without occlusion.

    `boxes` (N, 4) float32 are amodal: xyxy pixels around the whole figure, hidden parts and
    those outside the image too. `visible` (N, 4) are modal: around the visible pixels, all 0
    where there is none. `visibilities` (N,) are the visible part of all pixels of the figure, in
    [0, 1]. `ids` (N,) from 1, `labels` (N,). `camera` (2, 3) maps where a still camera would see
    a point at rest to where it is in the image; None where no such map exists.
    """

    boxes: Floats
    visible: Floats
    visibilities: Floats
    ids: Ints
    labels: Ints
    camera: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Any) -> SyntheticTruth:
        return SyntheticTruth(
            self.boxes[index], self.visible[index], self.visibilities[index], self.ids[index],
            self.labels[index], self.camera)

    @staticmethod
    def of(rows: Iterable[tuple[Any, Any, float, int, int]],
           camera: NDArray[np.float64] | None = None) -> SyntheticTruth:
        """Join rows of (box, visible box, visibility, id, label)."""
        listed = list(rows)
        boxes, visible, visibilities, ids, labels = (
            zip(*listed, strict=True) if listed else ((),) * 5)
        return SyntheticTruth(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(visible, np.float32).reshape(-1, 4), np.array(visibilities, np.float32),
            np.array(ids, np.int64), np.array(labels, np.int64), camera)

    def seen(self, least: float = 0.0) -> SyntheticTruth:
        """Return the people of a visibility above `least`."""
        return self[self.visibilities > least]

    def detections(self, *, amodal: bool = True) -> Detections:
        """Return the detections of a perfect detector: all visible people, with score 1."""
        there = self.seen()
        return Detections(
            there.boxes if amodal else there.visible, np.ones(len(there), np.float32),
            there.labels)


def apparent_shift(before: SyntheticTruth, after: SyntheticTruth) -> Floats:
    """
    Return |dx| of the box centres over the width of the earlier box, for all who are in both.

    A search region of side r loses a target that moves more than (r - 1) / 2 widths between two
    frames.
    """
    _, first, second = np.intersect1d(before.ids, after.ids, return_indices=True)
    old, new = before.boxes[first], after.boxes[second]
    moved = np.abs(new[:, [0, 2]].sum(axis=1) - old[:, [0, 2]].sum(axis=1)) / 2
    shift: Floats = moved / (old[:, 2] - old[:, 0])
    return shift


def rows_of(truths: Iterable[SyntheticTruth], least: float = 0.0) -> tuple[MotRows, Ints, Floats]:
    """
    Return amodal boxes of numbered frames with their labels and visibilities, row by row.

    Value 1 marks boxes to consider: those of a visibility above `least`.
    """
    listed = list(truths)
    none = SyntheticTruth.of([])
    lengths = [len(truth) for truth in listed]

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(truth, name) for truth in (none, *listed)])

    visibilities = joined('visibilities')
    rows = MotRows(
        np.repeat(np.arange(1, len(listed) + 1), lengths), joined('ids'),
        joined('boxes').astype(np.float64), (visibilities > least).astype(np.float64))
    return rows, joined('labels'), visibilities
