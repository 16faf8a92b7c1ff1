# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
From what the box head of a Faster R-CNN says to a table of detections, in fixed shapes.

The steps are those of RoiHeads.detections, with masks in place of fewer rows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mot_ros.tracking.config.rcnn import RcnnSettings
from mot_ros.tracking.nets.fixed_nms import first_rows, fixed_nms, picked
from mot_ros.tracking.nets.rcnn.boxes_inclusive import clip, to_exclusive


def to_table(
        scores: Tensor, boxes: Tensor, there: Tensor, labels: Tensor, size: tuple[int, int],
        settings: RcnnSettings) -> Tensor:
    """
    Return the detections of an image as a table (M, 8), best first, see detection_table.py.

    Of `scores` (P, L) and `boxes` (P, L, 4), inclusive pixels of the input of (width, height),
    of each of the classes `labels` (L,) at P places, of which those `there` (P,) count. Boxes
    stay what they are: pixels of the input.
    """
    boxes = boxes if settings.amodal else clip(boxes, size)
    # of one that lies outside only the border is left; NaN, of a damaged image, goes too
    whole = (boxes[..., 2:] > boxes[..., :2]).all(dim=-1) & boxes.isfinite().all(dim=-1)
    valid = (scores > settings.score_floor) & whole & there[:, None]
    ranked = scores.masked_fill(~valid, -1)
    kept, settled = _kept_of_classes(ranked.T, boxes.transpose(0, 1), settings.nms_iou)
    # of equal scores that of the better proposal comes first, then that of the first class
    ranked, order = ranked.flatten().sort(descending=True, stable=True)
    rows, found = first_rows(kept.T.flatten()[order][None], settings.max_detections)
    columns = torch.cat([
        boxes.flatten(0, 1)[order], ranked[:, None],
        labels.repeat(len(scores))[order, None].to(boxes.dtype)], dim=1)
    done = settled.expand_as(found)
    return torch.cat([
        picked(columns[None], rows, found), torch.stack([found, done], dim=-1)], dim=-1)[0]


def _kept_of_classes(scores: Tensor, boxes: Tensor, overlap: float) -> tuple[Tensor, Tensor]:
    """Return which boxes (L, P, 4) suppression within each class keeps; scores below 0: none."""
    ranked, order = scores.sort(dim=1, descending=True, stable=True)
    everywhere = torch.ones_like(order, dtype=torch.bool)
    kept, settled = fixed_nms(
        picked(to_exclusive(boxes), order, everywhere), ranked >= 0, overlap)
    return torch.zeros_like(kept).scatter(1, order, kept), settled
