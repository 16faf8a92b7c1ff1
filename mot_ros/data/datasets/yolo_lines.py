# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Lines of YOLO's label files: boxes, outlines, and boxes with key points, scores and ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.limits import EXACT
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.user_files import read_text
from mot_ros.tracking.runtime.yaml_text import load_yaml, MAX_YAML_BYTES

BOX = 4
VISIBILITIES = (0, 1, 2)
"""Of a key point: not labelled, hidden, visible."""


def yolo_box(
        where: str, line: str, key_points: int | None = None
        ) -> tuple[int, NDArray[np.float64]]:
    """
    Return the class of a line and the corners (4,) of its box, relative to the image.

    After the class stand cx cy w h, or the x y of three or more corners of an outline, whose
    box is taken. After cx cy w h may stand a confidence, an id, both, or key points: as many
    numbers as `key_points` says, or else triples that end in a visibility of 0, 1 or 2. Raises
    SourceError for anything else; `where` names the line.
    """
    words = line.split()
    try:
        kind, *values = (float(word) for word in words)
    except ValueError as error:
        raise SourceError(f'{where}: {str(error)[:200]}') from error
    numbers = np.array(values)
    boxed = len(values) in (BOX, BOX + 1) or _has_score_and_id(words[1:]) or _has_key_points(
        words[1:], key_points)
    outlined = not boxed and len(values) >= 6 and len(values) % 2 == 0 and key_points is None
    relative = numbers[:BOX] if boxed else numbers
    if not abs(kind) < EXACT or kind != int(kind) or not (boxed or outlined) or not (
            (relative > -.5) & (relative < 1.5)).all():
        raise SourceError(
            f'{where}: {line.strip()[:60]!r} is no class with cx cy w h, or with corners x y, '
            'relative to the size of the image' + (
                '' if key_points is None
                else f'; kpt_shape says that {key_points} numbers of key points follow the box'))
    if outlined:
        points = numbers.reshape(-1, 2)
        return int(kind), np.concatenate([points.min(axis=0), points.max(axis=0)])
    half = numbers[2:4] / 2
    return int(kind), np.concatenate([numbers[:2] - half, numbers[:2] + half])


def key_point_numbers(folder: Path) -> int | None:
    """Return how many numbers the key points of a box take, None where no YAML file says it."""
    for file in sorted(folder.glob('*.y*ml')):
        try:
            content = load_yaml(read_text(file, MAX_YAML_BYTES))
        except (OSError, ValueError):
            continue
        shape = content.get('kpt_shape') if isinstance(content, dict) else None
        if shape is None:
            continue
        if not (isinstance(shape, list) and len(shape) == 2
                and all(isinstance(size, int) and 0 < size < 10_000 for size in shape)):
            raise SourceError(
                f'{file}: kpt_shape is {str(shape)[:60]}; it must be [NUMBER OF POINTS, 2 or 3]')
        return int(shape[0] * shape[1])
    return None


def _has_score_and_id(values: list[str]) -> bool:
    """Say whether a confidence and a track id, as trackers write it, follow the box."""
    return len(values) == BOX + 2 and values[5].isdecimal() and 0 <= float(values[4]) <= 1


def _has_key_points(values: list[str], numbers: int | None) -> bool:
    if numbers is not None:
        return len(values) == BOX + numbers
    marks = values[BOX + 2::3]
    return len(values) >= BOX + 3 and (len(values) - BOX) % 3 == 0 and all(
        float(mark) in VISIBILITIES for mark in marks)
