# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""FixedShapeRoiHeads: the R-CNN on one image in fixed shapes, without synchronising."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.detectors.classes import Classes
from mot_ros.tracking.detectors.postprocess.selection_fixed import (
    BOX,
    COLUMNS,
    LABEL,
    SCORE,
    valid_rows,
)
from mot_ros.tracking.detectors.rcnn.graphs import Options, RcnnGraphs
from mot_ros.tracking.detectors.rcnn.roi_heads import inference_fp32, RoiHeads
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.imm import Imm
from mot_ros.tracking.runtime.padding import bucket, to_device_padded
from mot_ros.tracking.types import Detections, Floats, Ints


class Followed(NamedTuple):
    """
    What became of N tracks in an image.

    `found` (N, 4) are boxes and `visibilities` (N,) what the motion model says, `boxes` (N, 4)
    and `scores` (N,) what the box head makes of that, all in pixels of the image.
    """

    found: Floats
    visibilities: Floats
    boxes: Floats
    scores: Floats


class FixedShapeRoiHeads(RoiHeads):
    """
    A RoiHeads whose answers are computed by graphs, and fetched with one small download each.

    The first download of all brings the detections along, whatever it is for. Rows are padded to
    buckets; nothing hangs on that. Where suppression does not end within its rounds, detections
    are found as RoiHeads does it. When another image of this size is looked at this one is gone.
    """

    def __init__(
            self, graphs: RcnnGraphs, image: Tensor, classes: Classes, *, find: bool) -> None:
        super().__init__(
            graphs.network, graphs.features, graphs.size, graphs.source, classes, graphs.labels,
            graphs.settings)
        self._graphs = graphs
        self._turn = graphs.turn = graphs.turn + 1
        self._table: Tensor | None = None
        self._found: Detections | None = None
        with inference_fp32(self.device):
            if find:
                self._table, = graphs.look(image)
            else:
                graphs.look_only(image)

    @property
    def fixed(self) -> FixedShapeRoiHeads:
        """This."""
        return self

    def detections(self, given: Detections | None = None) -> Detections:
        """Return the objects in the image, best score first; see RoiHeads."""
        self._check()
        if given is None:
            if self._table is not None:
                self._download()
            return super().detections() if self._found is None else self._found
        inside = self._inside(given.boxes)
        rows = np.concatenate([inside, np.ones((len(inside), 1), np.float32)], axis=1)
        with inference_fp32(self.device):
            table, = self._graphs.find(to_device_padded(rows, bucket(len(rows)), self.device))
            found = self._read(fetched([table]).reshape(-1, COLUMNS))
        return super().detections(given) if found is None else found

    def judge(self, boxes: Floats, labels: Ints) -> tuple[Floats, Floats]:
        """Ask the box head about boxes (K, 4) as what their labels (K,) say; see RoiHeads."""
        self._check()
        if not len(boxes):
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        rows = np.concatenate([self._inside(boxes), _columns(labels)], axis=1)
        with inference_fp32(self.device):
            judged, = self._graphs.judge(to_device_padded(rows, bucket(len(rows)), self.device))
            answers = self._download(judged)[:len(rows)]
        return self._outside(answers[:, :4]), answers[:, 4]

    def follow(
            self, head: Emm | Imm, options: Options, templates: Tensor, slots: Ints,
            expected: Floats, labels: Ints) -> Followed:
        """
        Look for tracks around boxes `expected` (N, 4), and judge what is found as `labels` (N,).

        `templates` (S, ...) are what `remember` returned, one in each slot; `slots` (N,) says in
        which.
        """
        self._check()
        rows = np.concatenate([self._inside(expected), _columns(labels, slots)], axis=1)
        with inference_fp32(self.device):
            followed, = self._graphs.follow(head, options)(
                to_device_padded(rows, bucket(len(rows)), self.device), templates)
            answers = self._download(followed)[:len(rows)]
        return Followed(
            self._outside(answers[:, :4]), answers[:, 4], self._outside(answers[:, 5:9]),
            answers[:, 9])

    def remember(
            self, head: Emm | Imm, options: Options, boxes: Floats,
            slots: Ints) -> tuple[Tensor, Tensor]:
        """
        Return the slots (K,) and templates (K, ...) of boxes (K, 4), both on the device.

        The templates are to be copied at once: the next ones will lie in the same place.
        """
        self._check()
        rows = np.concatenate([self._inside(boxes), _columns(slots)], axis=1)
        with inference_fp32(self.device):
            asked = to_device_padded(rows, bucket(len(rows)), self.device)
            templates, = self._graphs.remember(head, options)(asked)
            return asked[:len(rows), 4].long(), templates[:len(rows)]

    def _download(self, answer: Tensor | None = None) -> Floats:
        """Fetch an answer (K, C), and in the same go the detections if they still are there."""
        parts = [part for part in (answer, self._table) if part is not None]
        numbers = fetched(parts)
        if self._table is not None:
            size = self._table.numel()
            self._found = self._read(numbers[len(numbers) - size:].reshape(-1, COLUMNS))
            self._table, numbers = None, numbers[:len(numbers) - size]
        return numbers if answer is None else numbers.reshape(tuple(answer.shape))

    def _read(self, table: Floats) -> Detections | None:
        """Return the detections in a table, None if it has not converged."""
        found = valid_rows(table)
        if found is None:
            return None
        rows = torch.from_numpy(found)
        return self._told(rows[:, BOX], rows[:, SCORE], rows[:, LABEL].long())

    def _check(self) -> None:
        if self._turn != self._graphs.turn:
            raise RuntimeError(
                'these RoiHeads are of an earlier image than the last one; ask all there is to '
                'ask about one image before the next is seen')

    def _inside(self, boxes: Floats) -> Floats:
        return self._scaled_in(boxes).numpy()

    def _outside(self, boxes: Floats) -> Floats:
        return self.outward(torch.from_numpy(np.ascontiguousarray(boxes)))


def fetched(parts: Sequence[Tensor]) -> Floats:
    """Return the numbers of tensors one after the other on the host: what is waited for."""
    numbers: Floats = torch.cat([part.flatten() for part in parts]).cpu().numpy()
    return numbers


def _columns(*values: Ints) -> Floats:
    return np.stack(values, axis=1).astype(np.float32)
