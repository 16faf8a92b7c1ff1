# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Post-processing in fixed shapes for GPUs: the steps of selection.py with masks.

Masks replace shorter arrays in `strongest`, `suppressed` and `finished`, so that nothing
synchronises with the GPU; the result table is downloaded in one piece.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.postprocess.selection import (
    candidate_floor,
    CANDIDATES_PER_DETECTION,
)
from mot_ros.tracking.nets.ops.nms import first_rows, fixed_nms, gather_rows, vote
from mot_ros.tracking.types import Detections, Floats

BOX, SCORE, LABEL, VALID, CONVERGED = slice(0, 4), 4, 5, 6, 7
"""
Columns of the padded result table that a device returns, one row per detection.

VALID is 0 in the rows of padding. CONVERGED is the same in every row: whether suppression came to
its end.
"""
COLUMNS = 8
MOST_CANDIDATES = 1024
"""
Boxes per class and image that may enter NMS here, whose time grows with their square.

In crowds there were 600 of people. With more above the floor an image does not converge.
"""
ROUNDS = 16
"""Rounds of fixed_nms; typical images of SSDs needed 10."""


def to_table(
        scores: Tensor, boxes: Tensor, labels: Tensor, limits: Tensor,
        settings: DetectorSettings) -> Tensor:
    """
    Return the detections of B images as a table (B, M, 8) float32, best first; see read_table.

    From `scores` (B, A, C) and `boxes` (B, A, 4) in pixels of the images; `labels` (C,) of the
    score columns, `limits` (B, 4) width, height, width and height of the images.
    """
    found, index, converged = _strongest(scores, settings)
    valid = found >= 0
    kinds = labels[index % len(labels)]
    # what is beside the candidates may be infinite, which would spread
    candidates = gather_rows(boxes, index // len(labels), valid)
    stays, done = fixed_nms(candidates, valid, settings.nms_iou, kinds, ROUNDS)
    stays &= found >= settings.score_floor
    rows, there = first_rows(stays, min(settings.max_detections, found.shape[1]))
    placed = candidates.gather(1, rows[..., None].expand(-1, -1, 4))
    if settings.box_voting:
        placed = torch.stack([
            vote(*image, settings.nms_iou)
            for image in zip(candidates, found, kinds, rows, strict=True)])
    cut = torch.minimum(placed.clamp(min=0), limits[:, None])
    # also false for NaN, so that a damaged image cannot give an invalid box
    whole = there & (cut[..., 2:] > cut[..., :2]).all(-1)
    # the place of one that is cut away is that of the next one, if there is one
    converged &= done & ((stays.sum(dim=1) <= rows.shape[1]) | whole.all(dim=1))
    columns = [found.gather(1, rows), kinds.gather(1, rows), whole,
               converged[:, None].expand_as(whole)]
    return torch.cat([cut, torch.stack([column.to(cut) for column in columns], -1)], -1)


def valid_rows(table: Floats) -> Floats | None:
    """Return the rows (K, 8) of detections, None if suppression did not converge."""
    return table[table[:, VALID] > 0] if table[0, CONVERGED] else None


def read_table(table: Floats) -> Detections | None:
    """Return the detections of one image's table (M, 8), None if it has not converged."""
    rows = valid_rows(table)
    if rows is None:
        return None
    return Detections(rows[:, BOX], rows[:, SCORE], rows[:, LABEL].astype(np.int64))


def _strongest(
        scores: Tensor, settings: DetectorSettings) -> tuple[Tensor, Tensor, Tensor]:
    """
    Return the best scores of (B, A, C), best first (B, K), and their indices in A * C (B, K).

    Ties go to the lower index. Scores below the floor are -1. Also returns whether no candidate is
    missing (B,).
    """
    flat = scores.flatten(1)
    wanted = flat >= candidate_floor(settings)
    most = min(CANDIDATES_PER_DETECTION * settings.max_detections, flat.shape[1])
    count = min(most, MOST_CANDIDATES * scores.shape[2])
    masked = flat.masked_fill(~wanted, -1)
    # topk chooses at will among scores that tie at its end: it only tells where that end is
    end = torch.topk(masked, count, dim=1, sorted=False).values.amin(dim=1, keepdim=True)
    above, ties = masked > end, masked == end
    room = count - above.sum(dim=1, keepdim=True)
    index, _ = first_rows(above | (ties & (ties.cumsum(dim=1) <= room)), count)
    found, order = torch.sort(masked.gather(1, index), dim=1, descending=True, stable=True)
    all_there = (wanted.sum(dim=1) <= count) | (count == most)
    return found, index.gather(1, order), all_there
