# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Recognise in which outputs a network with NMS inside writes boxes, scores and classes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.types import Floats

Array = NDArray[np.generic]
Found = tuple[str, tuple[int, ...]]
"""Name of the form, and the index of each of its outputs."""

THREE, SINGLE, SCORED, FLAT, PADDLE, PLAIN = (
    'three', 'single', 'scored', 'flat', 'paddle', 'plain')
"""
Forms, all with boxes x1 y1 x2 y2 in pixels of the input.

THREE: boxes (B, K, 4), classes (B, K), scores (B, K): RT-DETR and D-FINE with their sizes as
second input. SINGLE: the same without B, of one image: torchvision. SCORED: boxes and scores
(B, K, 5), classes (B, K): mmdeploy. FLAT: number of the image, box, and class and score in either
order (N, 7): YOLOv7, YOLO-NAS. PADDLE: class, score, box (N, 6) of one image: PaddleDetection.
PLAIN: box, score, class (N, 6) of one image; nothing tells it from others of that shape.
"""
ONE_IMAGE = (SINGLE, PADDLE, PLAIN)
"""Forms that do not say which image an object is in."""
BOX_COLUMNS = {FLAT: slice(1, 5), PADDLE: slice(2, 6)}
"""Where boxes are in rows that do not begin with them."""
PADDLE_INPUT = 'scale_factor'


def form_of(
        arrays: Sequence[Array], names: Sequence[str], inputs: Collection[str]) -> Found | None:
    """
    Return the form of outputs, None for any other.

    `inputs` are the names of all inputs. Classes are told from scores by whole numbers as their
    type, else by name.
    """
    shapes = [array.shape for array in arrays]
    tables = [place for place, shape in enumerate(shapes) if len(shape) == 2]
    if len(arrays) == 1 and len(tables) == 1 and shapes[0][1] == 7:
        return FLAT, (0,)
    if PADDLE_INPUT in inputs:
        objects = [place for place in tables if shapes[place][1] == 6]
        return (PADDLE, (objects[0],)) if len(objects) == 1 else None
    for form, boxes in (
            (THREE, [p for p, shape in enumerate(shapes) if len(shape) == 3 and shape[2] == 4]),
            (SINGLE, [p for p in tables if shapes[p][1] == 4]),
            (SCORED, [p for p, shape in enumerate(shapes) if len(shape) == 3 and shape[2] == 5])):
        if len(boxes) == 1:
            alike = [place for place, shape in enumerate(shapes)
                     if shape == shapes[boxes[0]][:-1]]
            parts = _classes_and_scores(alike, arrays, names)
            if form == SCORED and len(parts) == 1:
                return SCORED, (boxes[0], parts[0])
            if form != SCORED and len(parts) == 2 and len(arrays) == 3:
                return form, (boxes[0], *parts)
    return None


def _classes_and_scores(
        places: Sequence[int], arrays: Sequence[Array], names: Sequence[str]) -> list[int]:
    """Return the places of classes, then of scores; fewer where they cannot be told apart."""
    whole = [place for place in places if arrays[place].dtype.kind in 'iu']
    if len(whole) != 1:
        whole = [place for place in places
                 if any(word in names[place].lower() for word in ('label', 'class'))]
    rest = [place for place in places if place not in whole]
    return [*whole, *rest] if len(whole) == 1 else []


def split_flat(rows: Floats, name: str) -> tuple[Floats, Floats]:
    """
    Return scores and classes of rows (N, 7), whose last two columns come in either order.

    Classes are whole numbers. Where both columns are, YOLO-NAS alone has the score first; its
    output has `flat` in its `name`.
    """
    first, second = rows[:, 5], rows[:, 6]
    whole = [bool((column == np.rint(column)).all()) for column in (first, second)]
    score_first = whole[1] if whole[0] != whole[1] else 'flat' in name.lower()
    return (first, second) if score_first else (second, first)
