# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""FixedShapeRoiHeads: RoiHeads in fixed shapes, without synchronising with a GPU."""

from __future__ import annotations

from collections.abc import Sequence

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
from mot_ros.tracking.detectors.rcnn.graphs import RcnnGraphs
from mot_ros.tracking.detectors.rcnn.roi_heads import inference_fp32, RoiHeads, SearchedTracks
from mot_ros.tracking.nets.siammot.network import MotionModel, SearchOptions
from mot_ros.tracking.runtime.padding import bucket, to_device_padded
from mot_ros.tracking.types import Detections, Floats, Ints


class FixedShapeRoiHeads(RoiHeads):
    """
    RoiHeads whose results are computed by graphs, each fetched with one small download.

    The first download, whatever for, brings the detections of the image along. Row counts are
    padded to fixed sizes; the padding never changes a result. Where suppression has not converged
    after its rounds, RoiHeads finds the detections. The object is valid until the next image of
    the same size. With `detect` false the RPN and the box head do not run before they are needed.
    """

    def __init__(
            self, graphs: RcnnGraphs, image: Tensor, classes: Classes, *, detect: bool) -> None:
        super().__init__(
            graphs.network, graphs.features, graphs.size, graphs.source, classes, graphs.labels,
            graphs.settings)
        self._graphs = graphs
        self._generation = graphs.generation = graphs.generation + 1
        self._table: Tensor | None = None
        self._found: Detections | None = None
        with inference_fp32(self.device):
            if detect:
                self._table, = graphs.detect(image)
            else:
                graphs.extract_features(image)

    def detections(self, given: Detections | None = None) -> Detections:
        """Return the objects in the image, best score first; see RoiHeads."""
        self._check()
        if given is None:
            if self._table is not None:
                self._download()
            return super().detections() if self._found is None else self._found
        boxes = self._inside(given.boxes)
        rows = np.concatenate([boxes, np.ones((len(boxes), 1), np.float32)], axis=1)
        with inference_fp32(self.device):
            table, = self._graphs.detect_at(
                to_device_padded(rows, bucket(len(rows)), self.device))
            found = self._read_table(download([table]).reshape(-1, COLUMNS))
        return super().detections(given) if found is None else found

    def refine(self, boxes: Floats, labels: Ints) -> tuple[Floats, Floats]:
        """Refine boxes (K, 4) as classes `labels` (K,); see RoiHeads."""
        self._check()
        if not len(boxes):
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        rows = np.concatenate([self._inside(boxes), _columns(labels)], axis=1)
        with inference_fp32(self.device):
            refined, = self._graphs.refine(
                to_device_padded(rows, bucket(len(rows)), self.device))
            found = self._download(refined)[:len(rows)]
        return self._outside(found[:, :4]), found[:, 4]

    def search(
            self, head: MotionModel, options: SearchOptions, templates: Tensor, slots: Ints,
            expected: Floats) -> tuple[Floats, Floats]:
        """Search tracks without refining them, outside the graphs; see RoiHeads."""
        self._check()
        return super().search(head, options, templates, slots, expected)

    def search_tracks(
            self, head: MotionModel, options: SearchOptions, templates: Tensor, slots: Ints,
            expected: Floats, labels: Ints) -> SearchedTracks:
        """Search tracks around boxes `expected` (N, 4) and refine them; see RoiHeads."""
        self._check()
        rows = np.concatenate([self._inside(expected), _columns(labels, slots)], axis=1)
        with inference_fp32(self.device):
            searched, = self._graphs.search_tracks(head, options)(
                to_device_padded(rows, bucket(len(rows)), self.device), templates)
            found = self._download(searched)[:len(rows)]
        return SearchedTracks(
            self._outside(found[:, :4]), np.nan_to_num(found[:, 4]),
            self._outside(found[:, 5:9]), found[:, 9])

    def extract_templates(
            self, head: MotionModel, options: SearchOptions, boxes: Floats,
            slots: Ints) -> tuple[Tensor, Tensor]:
        """Return slots (K,) and templates (K, ...) of boxes (K, 4) on the device; see RoiHeads."""
        self._check()
        rows = np.concatenate([self._inside(boxes), _columns(slots)], axis=1)
        with inference_fp32(self.device):
            padded = to_device_padded(rows, bucket(len(rows)), self.device)
            templates, = self._graphs.extract_templates(head, options)(padded)
            return padded[:len(rows), 4].long(), templates[:len(rows)]

    def _download(self, result: Tensor | None = None) -> Floats:
        """Fetch a result (K, C), and with it the detections if they still are on the device."""
        numbers = download([part for part in (result, self._table) if part is not None])
        if self._table is not None:
            size = self._table.numel()
            self._found = self._read_table(numbers[len(numbers) - size:].reshape(-1, COLUMNS))
            self._table, numbers = None, numbers[:len(numbers) - size]
        return numbers if result is None else numbers.reshape(tuple(result.shape))

    def _read_table(self, table: Floats) -> Detections | None:
        """Return the detections in a table (M, 8), None if it has not converged."""
        found = valid_rows(table)
        if found is None:
            return None
        rows = torch.from_numpy(found)
        return self._read(rows[:, BOX], rows[:, SCORE], rows[:, LABEL].long())

    def _check(self) -> None:
        if self._generation != self._graphs.generation:
            raise RuntimeError(
                'these RoiHeads are of an earlier image than the last one, whose features have '
                'overwritten theirs; use the RoiHeads of one image before the next is extracted')

    def _inside(self, boxes: Floats) -> Floats:
        return self._scaled_in(boxes).numpy()

    def _outside(self, boxes: Floats) -> Floats:
        return self.to_image(torch.from_numpy(np.ascontiguousarray(boxes)))


def download(parts: Sequence[Tensor]) -> Floats:
    """Copy tensors, one after the other, to the host; this synchronises with the GPU."""
    numbers: Floats = torch.cat([part.flatten() for part in parts]).cpu().numpy()
    return numbers


def _columns(*values: Ints) -> Floats:
    return np.stack(values, axis=1).astype(np.float32)
