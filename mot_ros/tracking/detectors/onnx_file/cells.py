# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Substitute squares around grid cells for the anchors that ONNX files do not contain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mot_ros.tracking.detectors.onnx_file.forms import Array
from mot_ros.tracking.detectors.onnx_file.layouts import (
    ANCHORS,
    cells_of,
    Layout,
    STRIDES,
    SUPPRESSED,
)
from mot_ros.tracking.types import Floats

SIDE = 4.0
"""Side of a cell's square in strides, as of RetinaNet's smallest anchor."""
COARSEST_SIDE = 8.0
"""Side in strides on the coarsest grid, which covers all larger objects."""
WHOLE = (1.0,)
"""Relative sides for heads with one box per cell."""
OF_ANCHORS = (0.5, 0.75, 1.25)
"""
Relative sides for YOLOv5's three boxes per cell, in order of size.

With strides 8, 16 and 32 they give squares of 16 24 40, 32 48 80 and 128 192 320 pixels; the roots
of its own anchors' areas, which no file contains, are 11 22 28, 43 53 84 and 102 176 349.
"""


def cell_squares(
        layout: Layout, outputs: Sequence[Array], size: tuple[int, int]) -> Floats | str:
    """
    Return a square (N, 4) xyxy for every box of the outputs, or the reason why there are none.

    In pixels of the input of (width, height). Boxes are in order of stride, anchor, row and
    column; the strides and the number of anchors follow from the number of boxes. IoU with a box
    is highest on the grid whose side is nearest by ratio: with strides 8, 16 and 32 that changes
    at boxes of 45 and 128 pixels.
    """
    kind = layout.kind
    if kind in SUPPRESSED:
        return (f'is of layout {kind}, of which only objects come out and no places without one; '
                'export it without suppression')
    if not kind.startswith('yolo'):
        return (f'is of layout {kind}, which does not contain its anchors; use a YOLO, or '
                'detector.type ssd or gluon_ssd')
    count = outputs[layout.places[0]].shape[2 if kind == 'yolov8' else 1]
    for sides in (WHOLE, OF_ANCHORS) if kind == 'yolov5' else (WHOLE,):
        for strides in STRIDES:
            if len(sides) * cells_of(size, strides) == count:
                return np.concatenate([
                    _squares(size, stride, side * _width(stride, strides))
                    for stride in strides for side in sides])
    every = ' or '.join(str(strides) for strides in STRIDES)
    anchors = f'one or {ANCHORS} places' if kind == 'yolov5' else 'one place'
    return (
        f'has {count} places, which is not {anchors} per cell of grids of strides {every} for an '
        f'input of {size[0]}x{size[1]}; export it with all its grids in one output')


def _width(stride: int, strides: Sequence[int]) -> float:
    return stride * (COARSEST_SIDE if stride == max(strides) else SIDE)


def _squares(size: tuple[int, int], stride: int, side: float) -> Floats:
    """Return equal squares around the cells of a grid, row by row."""
    rows, columns = -(-size[1] // stride), -(-size[0] // stride)
    y, x = (np.mgrid[:rows, :columns] + 0.5) * stride
    centre = np.stack([x, y], axis=-1).reshape(-1, 2)
    return np.concatenate([centre - side / 2, centre + side / 2], axis=1).astype(np.float32)
