# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Decode the outputs of an ONNX detector to scored boxes on its input, one function per layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.boxes import cxcywh_to_xyxy
from mot_ros.tracking.detectors.onnx_file.forms import (
    Array,
    FLAT,
    ONE_IMAGE,
    PADDLE,
    SCORED,
    SINGLE,
    split_flat,
    THREE,
)
from mot_ros.tracking.detectors.onnx_file.layouts import (
    cells_of,
    Layout,
    OBB,
    OBB_OBJECTS,
    PLUS_STRIDES,
    TURNED,
    YOLOX_STRIDES,
)
from mot_ros.tracking.types import Floats, Ints


@dataclass(frozen=True)
class Candidates:
    """
    Boxes (K, 4) xyxy in pixels of the input, scores (K,), and classes (K,).

    A class is an index into the requested `numbers`.
    """

    boxes: Floats
    scores: Floats
    classes: Ints


def candidates(
        layout: Layout, outputs: Sequence[Array], row: int, size: tuple[int, int],
        numbers: Sequence[int], floor: float) -> Candidates:
    """
    Return the candidates of image `row` of the batch with scores from `floor` on.

    `numbers` are the wanted classes in the network's numbering. Boxes that are empty or not finite
    are dropped.
    """
    if layout.columns is None:
        boxes, scores, of_box = _objects(layout, outputs, row, size)
        every = np.asarray(numbers)
        matches = of_box[:, None] == every
        kept, classes = np.nonzero(matches & (scores >= floor)[:, None])
        boxes, scores = boxes[kept], scores[kept]
    else:
        boxes, by_class = every_place(layout, outputs, row, size, numbers)
        kept, classes = np.nonzero(by_class >= floor)
        boxes, scores = boxes[kept], by_class[kept, classes]
    whole = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    # half precision may round above 1
    return Candidates(boxes[whole], np.minimum(scores[whole], 1), classes[whole])


def score_range(
        layout: Layout, outputs: Sequence[Array], size: tuple[int, int],
        numbers: Sequence[int]) -> tuple[float, float]:
    """Return the lowest and highest score of the first image, including objectness."""
    if layout.columns is None:
        scores = _objects(layout, outputs, 0, size)[1]
    elif layout.kind in ('yolov5', 'yolox'):
        table = _parts(layout, outputs, 0)[0]
        scores = table[:, [4, *(5 + number for number in numbers)]]
    else:
        scores = every_place(layout, outputs, 0, size, numbers)[1]
    finite = scores[np.isfinite(scores)]
    return float(finite.min(initial=1.0)), float(finite.max(initial=0.0))


def every_place(
        layout: Layout, outputs: Sequence[Array], row: int, size: tuple[int, int],
        numbers: Sequence[int]) -> tuple[Floats, Floats]:
    """
    Return boxes (N, 4) and scores (N, C) of every place in image `row`, unfiltered.

    Only for layouts with class columns.
    """
    parts = _parts(layout, outputs, row)
    columns = np.asarray(numbers)
    if layout.kind == 'yolov8':
        table = parts[0]
        boxes = _hull(table[:4].T, table[-1]) if layout.form == OBB else table[:4].T
        return cxcywh_to_xyxy(boxes), table[4 + columns].T
    if layout.kind == 'detr' and len(parts) == 1:
        return cxcywh_to_xyxy(parts[0][:, :4] * _scale(size)), parts[0][:, 4 + columns]
    if layout.kind == 'detr':
        boxes, logits = parts
        return cxcywh_to_xyxy(boxes * _scale(size)), _sigmoid(logits[:, columns])
    if layout.kind == 'nanodet':
        return _nanodet(parts[0], layout.columns or 0, size), parts[0][:, columns]
    if layout.kind in ('ssd', 'ssd_pixels'):
        boxes, scores = parts
        if layout.form == TURNED:
            scores = scores.T
        scale = _scale(size) if layout.kind == 'ssd' else np.float32(1)
        return boxes * scale, scores[:, columns]
    table = parts[0]
    boxes = _yolox(table[:, :4], size) if layout.kind == 'yolox' else table[:, :4]
    return cxcywh_to_xyxy(boxes), table[:, 5 + columns] * table[:, 4:5]


def _parts(layout: Layout, outputs: Sequence[Array], row: int) -> list[Floats]:
    """Return the layout's outputs for one image."""
    return [np.asarray(outputs[place][row], np.float32) for place in layout.places]


def _yolox(raw: Floats, size: tuple[int, int]) -> Floats:
    """Convert cell offsets and log sizes in cells to centre and size in pixels."""
    places, scales = [], []
    for stride in YOLOX_STRIDES:
        rows, columns = -(-size[1] // stride), -(-size[0] // stride)
        y, x = np.mgrid[:rows, :columns]
        places.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        scales.append(np.full((rows * columns, 1), stride))
    scale = np.concatenate(scales).astype(np.float32)
    centre = (raw[:, :2] + np.concatenate(places).astype(np.float32)) * scale
    # infinite values are dropped later
    with np.errstate(over='ignore'):
        return np.concatenate([centre, np.exp(raw[:, 2:]) * scale], axis=1)


def _nanodet(table: Floats, columns: int, size: tuple[int, int]) -> Floats:
    """
    Return the boxes of NanoDet's table (N, C + 4 R): mean distances of the cells to their sides.

    Cells of NanoDet lie at (i + .5) strides, those of NanoDet-Plus, which has stride 64, at i.
    """
    plus = len(table) == cells_of(size, PLUS_STRIDES)
    cells, scales = [], []
    for stride in PLUS_STRIDES if plus else YOLOX_STRIDES:
        rows, across = -(-size[1] // stride), -(-size[0] // stride)
        y, x = (np.mgrid[:rows, :across] + (0.0 if plus else 0.5)) * stride
        cells.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        scales.append(np.full((rows * across, 1), stride))
    bins = table[:, columns:].reshape(len(table), 4, -1)
    weights = np.exp(bins - bins.max(axis=2, keepdims=True))
    steps = np.arange(bins.shape[2], dtype=np.float32)
    spans: Floats = (weights @ steps) / weights.sum(axis=2)
    distances: Floats = spans * np.concatenate(scales).astype(np.float32)
    centre = np.concatenate(cells).astype(np.float32)
    boxes: Floats = np.concatenate([
        centre - distances[:, :2], centre + distances[:, 2:]], axis=1)
    return boxes


def _hull(boxes: Floats, angles: Floats) -> Floats:
    """Return the upright hulls of boxes (N, 4) cx cy w h turned by angles (N,) in radians."""
    cosine, sine = np.abs(np.cos(angles)), np.abs(np.sin(angles))
    width, height = boxes[:, 2], boxes[:, 3]
    hull: Floats = np.stack([
        boxes[:, 0], boxes[:, 1], width * cosine + height * sine,
        width * sine + height * cosine], axis=1)
    return hull


def _sigmoid(logits: Floats) -> Floats:
    # very negative logits overflow to infinity, whose score is 0 as it should be
    with np.errstate(over='ignore'):
        scores: Floats = np.float32(1) / (np.float32(1) + np.exp(-logits))
    return scores


def _objects(
        layout: Layout, outputs: Sequence[Array], row: int, size: tuple[int, int]
        ) -> tuple[Floats, Floats, Ints]:
    """Return boxes (K, 4), scores (K,) and class numbers (K,) of a network with NMS inside."""
    if layout.form in ONE_IMAGE or layout.form == FLAT:
        parts = [np.asarray(outputs[place], np.float32) for place in layout.places]
    else:
        parts = _parts(layout, outputs, row)
    if layout.kind == 'tensorflow':
        return _tensorflow(parts, size)
    if layout.form in (THREE, SINGLE):
        boxes, classes, scores = parts
        return boxes, scores, _whole_numbers(classes)
    table = parts[0]
    if layout.kind == 'detr':
        boxes = cxcywh_to_xyxy(table[:, :4] * _scale(size))
        return boxes, table[:, 4], _whole_numbers(table[:, 5])
    if layout.form == SCORED:
        return table[:, :4], table[:, 4], _whole_numbers(parts[1])
    if layout.form == PADDLE:
        # without any object there is one row of -1
        table = table[table[:, 0] >= 0]
        return table[:, 2:], table[:, 1], _whole_numbers(table[:, 0])
    if layout.form == FLAT:
        table = table[table[:, 0] == row]
        scores, classes = split_flat(table, layout.name)
        return table[:, 1:5], scores, _whole_numbers(classes)
    if layout.form == OBB_OBJECTS:
        boxes = cxcywh_to_xyxy(_hull(table[:, :4], table[:, 6]))
        return boxes, table[:, 4], _whole_numbers(table[:, 5])
    return _yolov10(parts)


def _yolov10(parts: Sequence[Floats]) -> tuple[Floats, Floats, Ints]:
    """Return boxes, scores and class numbers of objects (K, 6 and more), or of four outputs."""
    if len(parts) == 1:
        table = parts[0]
        return table[:, :4], table[:, 4], _whole_numbers(table[:, 5])
    boxes, classes, scores, number = parts
    count = int(np.nan_to_num(number.reshape(-1)[0]))
    return boxes[:count], scores[:count], _whole_numbers(classes[:count])


def _tensorflow(
        parts: Sequence[Floats], size: tuple[int, int]) -> tuple[Floats, Floats, Ints]:
    """Return boxes, scores and class numbers, as many as the count output states."""
    boxes, classes, scores, number = parts
    count = int(np.nan_to_num(number.reshape(-1)[0]))
    return (
        boxes[:count, [1, 0, 3, 2]] * _scale(size), scores[:count],
        _whole_numbers(classes[:count]))


def _scale(size: tuple[int, int]) -> Floats:
    return np.array([*size, *size], np.float32)


def _whole_numbers(classes: NDArray[np.float32]) -> Ints:
    """Convert class numbers from floating point; non-integers become -1."""
    return np.nan_to_num(np.rint(classes), nan=-1, posinf=-1, neginf=-1).astype(np.int64)
