# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""How far objects of a data set move from frame to frame, in parts of their own boxes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mot_ros.data.datasets.mot import MotRows, NO_ID
from mot_ros.tracking.types import Doubles

EDGES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, np.inf)
"""Bounds of the bins; half a box is what a search region of twice its size reaches."""


def motions(truth: MotRows) -> Doubles:
    """
    Return how far each object moved between successive frames (N,).

    The larger of the shift along x in widths and along y in heights of the earlier box, as
    SiamMOT's equation 2 measures shifts. Only pairs of adjacent frames count.
    """
    rows = truth[(truth.values != 0) & (truth.ids != NO_ID)]
    order = np.lexsort((rows.frames, rows.ids))
    ids, frames, boxes = rows.ids[order], rows.frames[order], rows.boxes[order]
    pair = (np.diff(ids) == 0) & (np.diff(frames) == 1)
    sizes = boxes[:, 2:] - boxes[:, :2]
    centres = boxes[:, :2] + sizes / 2
    parts = np.abs(np.diff(centres, axis=0)) / np.maximum(sizes[:-1], 1e-9)
    found: Doubles = parts[pair].max(axis=1) if pair.any() else np.zeros(0)
    return found


def histogram_text(name: str, found: Iterable[Doubles]) -> str:
    """Return the shares of motions in the bins of EDGES, and the median, as lines of text."""
    every = np.concatenate([np.zeros(0), *found])
    if not len(every):
        return f'{name}: no object is annotated in two adjacent frames'
    counts = np.histogram(every, EDGES)[0]
    lines = [f'{name}: {len(every)} motions, median {np.median(every):.3f} of the box']
    for low, high, count in zip(EDGES[:-1], EDGES[1:], counts, strict=True):
        bounds = f'from {low:g}' if np.isinf(high) else f'{low:g} to {high:g}'
        lines.append(f'  {bounds:>12}  {count / len(every):6.1%}')
    return '\n'.join(lines)
